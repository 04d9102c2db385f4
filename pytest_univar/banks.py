"""Reference banks: the embeddings of known value IDs, with a manifest that is checked in full before anything uses it.

A bank is a folder of two files: ``bank.json`` (the manifest) and ``embeddings.safetensors`` (``vectors`` float16 or
float32 ``[N, d]``, ``value_index`` and ``question_index`` int32 ``[N]``).
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as tensors_from_bytes
from safetensors.numpy import save as tensors_to_bytes

from pytest_univar.errors import BankError, UsageError
from pytest_univar.values import ValueID, Vectors

SCHEMA = 1
MANIFEST, TENSORS = "bank.json", "embeddings.safetensors"
_REBUILD = "rebuild the bank with `univar bank build`, or take an undamaged copy"

Scheme = Mapping[str, tuple[ValueID, ...]]


class Rows(NamedTuple):
    """The rows of one value ID: vectors float32 ``[n, d]``; groups ``[n]``, the question index of each row."""

    vectors: Vectors
    groups: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False, repr=False)
class ReferenceBank:
    """Embeddings of known value IDs, all made by one encoder.

    encoder: its id; encoder_sha256: the fingerprint of its weights. lambda_: the number of QAs in one view.
    translator: None where nothing was translated. schemes: for each scheme its regions, for each region its value IDs
    (a value ID may be in no region of a scheme, never in two). calibration: distance distributions, empty where none
    were computed. vectors: float16 or float32 ``[N, d]``; value_index, question_index: int32 ``[N]`` into value_ids and
    question_ids.
    """

    name: str
    version: str
    encoder: str
    encoder_sha256: str
    text_format: str
    lambda_: int
    answer_params: Mapping[str, Any]
    translator: str | None
    question_set_hash: str
    value_ids: tuple[ValueID, ...]
    schemes: Mapping[str, Scheme]
    sources: tuple[Mapping[str, Any], ...]
    calibration: Mapping[str, Any]
    question_ids: tuple[str, ...]
    vectors: npt.NDArray[np.float16] | npt.NDArray[np.float32]
    value_index: npt.NDArray[np.int32]
    question_index: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.vectors)

    def __repr__(self) -> str:
        return f"<ReferenceBank {self.name!r}: {len(self)} rows of {len(self.value_ids)} value IDs>"

    def check_encoder(self, fingerprint: str, encoder_name: str) -> None:
        """BankError unless ``fingerprint`` is that of the encoder this bank was made with."""
        if fingerprint != self.encoder_sha256:
            raise BankError(
                f"the bank {self.name!r} belongs to the encoder {self.encoder!r} (weights {self.encoder_sha256[:12]}), "
                f"found vectors of {encoder_name!r} (weights {fingerprint[:12]}): distances between the two mean "
                f"nothing; use the encoder {self.encoder!r} or build a bank with {encoder_name!r} (`univar bank build`)"
            )

    def rows(self, value_id: ValueID | str) -> Rows:
        """The rows of one value ID."""
        if (name := str(value_id)) not in (names := [str(known) for known in self.value_ids]):
            raise self._unknown("value ID", name, names)
        here = self.value_index == names.index(name)
        return Rows(self.vectors[here].astype(np.float32), self.question_index[here])

    def regions(self, scheme: str) -> Scheme:
        """The regions of a scheme, each with its value IDs."""
        if scheme not in self.schemes:
            raise self._unknown("scheme", scheme, self.schemes)
        return self.schemes[scheme]

    def region_members(self, scheme: str, region: str) -> tuple[ValueID, ...]:
        """The value IDs of one region."""
        regions = self.regions(scheme)
        if region not in regions:
            raise self._unknown(f"region of the scheme {scheme!r}", region, regions)
        return regions[region]

    def _unknown(self, what: str, found: str, known: Iterable[str]) -> BankError:
        known = sorted(known)
        hints = [f"is {close[0]!r} meant?"] if (close := difflib.get_close_matches(found, known, n=1)) else []
        if schemes := [scheme for scheme, regions in self.schemes.items() if found in regions and scheme not in known]:
            hints.append(f"{found!r} is a region: give scheme={schemes[0]!r} with it")
        hint = f" ({'; '.join(hints)})" if hints else ""
        there = ", ".join(known) or "there is none"
        return BankError(f"the bank {self.name!r} has no {what} {found!r}{hint}; expected one of: {there}")


# ------------------------------------------------------------------------------------------------------- load and save


def available_banks() -> tuple[str, ...]:
    """The names that ``load_bank`` knows without a path."""
    found = {manifest.parent.name for shelf in _shelves() for manifest in shelf.glob(f"*/{MANIFEST}")}
    return tuple(sorted(found))


def load_bank(name_or_path: str | Path) -> ReferenceBank:
    """A built-in bank by name or any bank by the path of its folder, with everything in it checked; else BankError."""
    folder = bank_folder(name_or_path)
    file = folder / MANIFEST
    manifest = _manifest(file)
    tensors = _tensors(folder / TENSORS, manifest.text("tensors_sha256"))
    bank = ReferenceBank(
        name=manifest.text("name"),
        version=manifest.text("version"),
        encoder=manifest.text("encoder"),
        encoder_sha256=manifest.text("encoder_sha256"),
        text_format=manifest.text("text_format"),
        lambda_=manifest.get("lambda", int, "a whole number"),
        answer_params=manifest.get("answer_params", dict, "an object"),
        translator=manifest.get("translator", (str, type(None)), "a string, or null where nothing was translated"),
        question_set_hash=manifest.text("question_set_hash"),
        value_ids=_value_ids(manifest),
        schemes=_schemes(manifest),
        sources=tuple(manifest.get("sources", list, "a list of objects")),
        calibration=manifest.get("calibration", dict, "an object"),
        question_ids=tuple(manifest.texts("question_ids")),
        **tensors,
    )
    _check(bank, folder)
    return bank


def save_bank(bank: ReferenceBank, folder: str | Path) -> None:
    """Write ``bank.json`` and ``embeddings.safetensors``; BankError, and nothing written, where the bank is unsound."""
    folder = Path(folder)
    _check(bank, folder)
    arrays = {
        "vectors": bank.vectors,
        "value_index": bank.value_index,
        "question_index": bank.question_index,
    }
    tensors = tensors_to_bytes({key: np.ascontiguousarray(array) for key, array in arrays.items()})
    manifest = {
        "schema": SCHEMA,
        "name": bank.name,
        "version": bank.version,
        "encoder": bank.encoder,
        "encoder_sha256": bank.encoder_sha256,
        "text_format": bank.text_format,
        "lambda": bank.lambda_,
        "answer_params": dict(bank.answer_params),
        "translator": bank.translator,
        "question_set_hash": bank.question_set_hash,
        "value_ids": [str(value_id) for value_id in bank.value_ids],
        "schemes": {
            scheme: {region: [str(value_id) for value_id in members] for region, members in regions.items()}
            for scheme, regions in bank.schemes.items()
        },
        "sources": [dict(source) for source in bank.sources],
        "calibration": dict(bank.calibration),
        "question_ids": list(bank.question_ids),
        "tensors_sha256": hashlib.sha256(tensors).hexdigest(),
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TENSORS).write_bytes(tensors)
    (folder / MANIFEST).write_text(text, encoding="utf-8")  # last: a torn save fails the checksum


# ------------------------------------------------------------------------------------------------------- inner parts


def _shelves() -> tuple[Path, Path]:
    package = Path(__file__).parent  # in a wheel the banks are inside the package, in a checkout beside it
    return package / "reference_embeddings", package.parent / "reference_embeddings"


def bank_folder(name_or_path: str | Path) -> Path:
    for shelf in _shelves():
        if isinstance(name_or_path, str) and (shelf / name_or_path / MANIFEST).is_file():
            return shelf / name_or_path
    folder = Path(name_or_path)
    if folder.is_dir():
        return folder
    known = available_banks()
    close = difflib.get_close_matches(str(name_or_path), known, n=1)
    raise BankError(
        f"found no bank {str(name_or_path)!r}{f' (is {close[0]!r} meant?)' if close else ''}; expected the path of a "
        f"folder with {MANIFEST} and {TENSORS}, or one of the built-in banks: {', '.join(known) or 'none installed'}"
    )


def _fault(file: Path, key: str | None, found: str, expected: str, remedy: str = _REBUILD) -> BankError:
    return BankError(f"{file}{f', key {key!r}' if key else ''}: found {found}, expected {expected}; {remedy}")


class _Manifest(NamedTuple):
    """A parsed ``bank.json`` that hands out its values by key and type."""

    file: Path
    content: dict[str, Any]

    def get(self, key: str, kind: type | tuple[type, ...], expected: str) -> Any:
        if key not in self.content:
            raise _fault(self.file, key, "nothing", expected)
        value = self.content[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise _fault(self.file, key, _short(value), expected)
        return value

    def text(self, key: str) -> str:
        value: str = self.get(key, str, "a string")
        if not value:
            raise _fault(self.file, key, "an empty string", "a string that is not empty")
        return value

    def texts(self, key: str) -> list[str]:
        values: list[str] = self.get(key, list, "a list of strings")
        for value in values:
            if not isinstance(value, str):
                raise _fault(self.file, key, _short(value), "only strings in the list")
        return values


def _manifest(file: Path) -> _Manifest:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise _fault(file, None, "no such file", "the manifest of a bank", "give the folder of a bank") from exc
    except json.JSONDecodeError as exc:
        raise _fault(file, None, f"{exc.msg} in line {exc.lineno}, column {exc.colno}", "JSON") from exc
    except UnicodeDecodeError as exc:
        raise _fault(file, None, f"bytes that are not UTF-8 at {exc.start}", "JSON in UTF-8") from exc
    if not isinstance(content, dict):
        raise _fault(file, None, _short(content), "one JSON object")
    manifest = _Manifest(file, content)
    if (schema := manifest.get("schema", int, f"{SCHEMA}")) != SCHEMA:
        raise _fault(file, "schema", str(schema), str(SCHEMA), "update pytest-univar, or rebuild the bank")
    return manifest


def _tensors(file: Path, sha256: str) -> dict[str, Any]:
    try:
        data = file.read_bytes()
    except FileNotFoundError as exc:
        raise _fault(file, None, "no such file", "the tensors of the bank") from exc
    if (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise _fault(file, None, f"the SHA-256 {found}", f"{sha256} as {MANIFEST} says in 'tensors_sha256'")
    try:
        tensors = tensors_from_bytes(data)
    except (SafetensorError, KeyError, ValueError, TypeError) as exc:
        raise _fault(file, None, f"what safetensors cannot read ({exc})", "a safetensors file of numpy types") from exc
    for key in ("vectors", "value_index", "question_index"):
        if key not in tensors:
            raise _fault(file, key, "nothing", "a tensor of this name")
    return {key: tensors[key] for key in ("vectors", "value_index", "question_index")}


def _parse(file: Path, key: str, text: Any) -> ValueID:
    try:
        return ValueID.parse(text)
    except (UsageError, AttributeError) as exc:
        raise _fault(file, key, _short(text), "a value ID 'llm/lang' such as 'gpt-4o/eng'") from exc


def _value_ids(manifest: _Manifest) -> tuple[ValueID, ...]:
    return tuple(_parse(manifest.file, "value_ids", text) for text in manifest.texts("value_ids"))


def _schemes(manifest: _Manifest) -> dict[str, dict[str, tuple[ValueID, ...]]]:
    shape = "an object of schemes, each an object of regions, each a list of value IDs"
    schemes: dict[str, dict[str, tuple[ValueID, ...]]] = {}
    for scheme, regions in manifest.get("schemes", dict, shape).items():
        if not isinstance(regions, dict):
            raise _fault(manifest.file, f"schemes.{scheme}", _short(regions), "an object of regions")
        schemes[scheme] = {}
        for region, members in regions.items():
            key = f"schemes.{scheme}.{region}"
            if not isinstance(members, list):
                raise _fault(manifest.file, key, _short(members), "a list of value IDs")
            parsed = tuple(_parse(manifest.file, key, text) for text in members)
            schemes[scheme][region] = parsed
    return schemes


def _check(bank: ReferenceBank, folder: Path) -> None:
    """Everything that can be wrong between the parts of a bank."""
    manifest, tensors = folder / MANIFEST, folder / TENSORS
    for key, names in (("value_ids", bank.value_ids), ("question_ids", bank.question_ids)):
        if not names:
            raise _fault(manifest, key, "an empty list", "at least one")
        if twice := _first_twice([str(name) for name in names]):
            raise _fault(manifest, key, f"{twice!r} twice", "each of them once")
    for source in bank.sources:
        if not (isinstance(source, Mapping) and {"name", "licence"} <= set(source)):
            raise _fault(manifest, "sources", _short(source), "an object with at least 'name' and 'licence'")
    if bank.lambda_ < 1:
        raise _fault(manifest, "lambda", str(bank.lambda_), "1 or more QAs in a view")
    for scheme, regions in bank.schemes.items():
        if not regions:
            raise _fault(manifest, f"schemes.{scheme}", "no region", "at least one region")
        for region, members in regions.items():
            if not members:
                raise _fault(manifest, f"schemes.{scheme}.{region}", "an empty list", "at least one value ID")
            if unknown := [str(member) for member in members if member not in bank.value_ids]:
                key, expected = f"schemes.{scheme}.{region}", "only value IDs listed in 'value_ids'"
                raise _fault(manifest, key, f"the unknown value ID {unknown[0]!r}", expected)
        if twice := _first_twice([str(member) for members in regions.values() for member in members]):
            raise _fault(manifest, f"schemes.{scheme}", f"{twice!r} twice", "each value ID in one region at most")

    vectors = bank.vectors
    if vectors.dtype not in (np.float16, np.float32) or vectors.ndim != 2 or 0 in vectors.shape:
        raise _fault(tensors, "vectors", _kind(vectors), "float16 or float32 [N, d], neither of them 0")
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise _fault(tensors, "vectors", f"a NaN or an infinite number in row {row}", "finite numbers")
    for key, index, names in (
        ("value_index", bank.value_index, bank.value_ids),
        ("question_index", bank.question_index, bank.question_ids),
    ):
        if index.dtype != np.int32 or index.shape != vectors.shape[:1]:
            raise _fault(tensors, key, _kind(index), f"int32 [{len(vectors)}], one for each row of 'vectors'")
        if index.min() < 0 or index.max() >= len(names):
            wrong = int(index.min() if index.min() < 0 else index.max())
            raise _fault(tensors, key, f"the index {wrong}", f"0 to {len(names) - 1}")
    for place, value_id in enumerate(bank.value_ids):
        if (n := len(np.unique(bank.question_index[bank.value_index == place]))) < 2:
            found = f"rows of {n} question{'' if n == 1 else 's'} for {str(value_id)!r}"
            raise _fault(tensors, "question_index", found, "at least 2 questions for every value ID")


def _first_twice(names: Sequence[str]) -> str | None:
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), None)  # type: ignore[func-returns-value]


def _kind(array: npt.NDArray[Any]) -> str:
    return f"{array.dtype} {list(array.shape)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else text[:57] + "..."
