"""Saved profiles that later runs are held against: numbered and named folders under ``.univar/``.

``.univar/0003_v1.4/`` holds ``baseline.json`` (the manifest, with the figures that were shown) and one
``profile-N.safetensors`` for each profile: its vectors, with everything else as metadata.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from filelock import FileLock
from safetensors import SafetensorError
from safetensors.numpy import load as tensors_from_bytes
from safetensors.numpy import save as tensors_to_bytes

from pytest_univar.errors import BaselineError, UsageError
from pytest_univar.values import QA, Profile, ValueID

SCHEMA = 1
FOLDER, MANIFEST = ".univar", "baseline.json"
_NAME = re.compile(r"[\w.+-]{1,80}")
_NUMBERED = re.compile(r"(\d{4,})_(.+)")
_RESAVE = "save the baseline again with --univar-save"


@dataclass(frozen=True)
class Baseline:
    """What ``load_baseline`` gives. figures: the accounts of that run, as its report showed them."""

    number: int
    name: str
    created: str
    encoder: str
    bank: str
    profiles: tuple[Profile, ...]
    figures: Sequence[Any]

    @property
    def label(self) -> str:
        """Its folder's name."""
        return f"{self.number:04d}_{self.name}"

    def profile(self, language: str, model: str) -> Profile:
        """The profile to hold ``model`` against: its own, else the only one in that language (an earlier release has
        another name); BaselineError where there is none, or several others."""
        there = [profile for profile in self.profiles if profile.value_id.language == language]
        own = [profile for profile in there if profile.value_id.llm == model]
        found = own or there
        if len(found) == 1:
            return found[0]
        held = ", ".join(str(profile.value_id) for profile in self.profiles)
        raise BaselineError(
            f"the baseline {self.name!r} (number {self.number}) holds {len(found)} profiles for {model}/{language}, "
            f"expected one; it holds {held}. Audit one of these, or {_RESAVE}"
        )


def check_comparable(profile: Profile, earlier: Profile, name: str) -> None:
    """BaselineError, with the difference named, where the two were not measured alike."""
    parts = {
        "encoder": (earlier.encoder[:12], profile.encoder[:12]),
        "translator": (earlier.translator or "none", profile.translator or "none"),
        "question set": (earlier.question_set_hash[:12], profile.question_set_hash[:12]),
    }
    for what, (before, now) in parts.items():
        if before != now:
            raise BaselineError(
                f"the baseline {name!r} of {earlier.value_id} was made with another {what} ({before}) than this "
                f"profile of {profile.value_id} ({now}), so a difference would say nothing about the model. Use the "
                f"same {what}, or {_RESAVE}"
            )


def check_name(name: str) -> str:
    """The name, or UsageError where it cannot be part of a folder's name."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"found the baseline name {name!r}, expected letters, digits and . _ + - only, such as v1.4")
    return name


def save_baseline(
    folder: Path, name: str, profiles: Sequence[Profile], *, encoder: str, bank: str, figures: Sequence[Any]
) -> Path:
    """Write a new baseline under the next number, whole or not at all, and return its folder. Nothing is replaced: of
    one name the newest counts. ``folder`` is the ``.univar`` folder."""
    check_name(name)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        number = max((number for number, _, _ in _numbered(folder)), default=0) + 1
        made = Path(mkdtemp(prefix=".saving-", dir=folder))
        listed = []
        for place, profile in enumerate(profiles):
            data = dump_profile(replace(profile, qas=(), originals=()))  # answers stay in the cassettes
            (made / f"profile-{place}.safetensors").write_bytes(data)
            listed.append({"value_id": str(profile.value_id), "sha256": hashlib.sha256(data).hexdigest()})
        manifest = {
            "schema": SCHEMA,
            "number": number,
            "name": name,
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "encoder": encoder,
            "bank": bank,
            "profiles": listed,
            "figures": list(figures),
        }
        (made / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        made.chmod(0o755)
        return made.rename(folder / f"{number:04d}_{name}")


def load_baseline(folder: Path, name: str | None = None) -> Baseline:
    """The newest baseline, or the newest of that name or number; BaselineError where there is none or it is damaged."""
    found = _numbered(folder)
    wanted = [entry for entry in found if name in (None, entry[1], f"{entry[0]:04d}", str(entry[0]))]
    if not wanted:
        known = ", ".join(dict.fromkeys(each for _, each, _ in found)) or "none"
        which = f"baseline {name!r}" if name else "baseline"
        raise BaselineError(f"{folder}: found no {which}, expected one of: {known}. Save one with --univar-save=NAME")
    number, name, path = max(wanted)
    manifest = _read_manifest(path / MANIFEST)
    try:
        profiles = tuple(
            _read_profile(path / f"profile-{place}.safetensors", listed["sha256"])
            for place, listed in enumerate(manifest["profiles"])
        )
        return Baseline(
            number, name, manifest["created"], manifest["encoder"], manifest["bank"], profiles, manifest["figures"]
        )
    except (KeyError, TypeError) as exc:
        raise BaselineError(
            f"{path / MANIFEST}: found no {exc}, expected what --univar-save writes; {_RESAVE}"
        ) from exc


def dump_profile(profile: Profile) -> bytes:
    """A profile as safetensors, for a file or for another process of the run."""
    metadata = {
        "value_id": str(profile.value_id),
        "encoder": profile.encoder,
        "translator": json.dumps(profile.translator),
        "question_set_hash": profile.question_set_hash,
        "question_ids": json.dumps(profile.question_ids),
        "samples": json.dumps(profile.samples),
        "qas": json.dumps([(qa.question, qa.answer) for qa in profile.qas]),
        "originals": json.dumps([(qa.question, qa.answer) for qa in profile.originals]),
    }
    return tensors_to_bytes({"vectors": np.ascontiguousarray(profile.vectors)}, metadata)


def load_profile(data: bytes) -> Profile:
    """What ``dump_profile`` wrote; ValueError, KeyError or SafetensorError for anything else."""
    vectors = tensors_from_bytes(data)["vectors"]
    length = int.from_bytes(data[:8], "little")
    metadata: dict[str, str] = json.loads(data[8 : 8 + length])["__metadata__"]
    return Profile(
        value_id=ValueID.parse(metadata["value_id"]),
        vectors=vectors.astype(np.float32),
        question_ids=tuple(json.loads(metadata["question_ids"])),
        samples=tuple(json.loads(metadata["samples"])),
        encoder=metadata["encoder"],
        qas=tuple(QA(*texts) for texts in json.loads(metadata["qas"])),
        originals=tuple(QA(*texts) for texts in json.loads(metadata.get("originals", "[]"))),
        translator=json.loads(metadata["translator"]),
        question_set_hash=metadata["question_set_hash"],
    )


def _numbered(folder: Path) -> list[tuple[int, str, Path]]:
    """Number, name and folder of every baseline, the oldest first."""
    here: Iterable[Path] = folder.iterdir() if folder.is_dir() else ()
    matches = [(_NUMBERED.fullmatch(path.name), path) for path in here]
    return sorted((int(match[1]), match[2], path) for match, path in matches if match)


def _read_manifest(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise BaselineError(f"{file}: found no readable JSON ({exc}), expected a manifest; {_RESAVE}") from exc
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        found = content.get("schema") if isinstance(content, dict) else content
        raise BaselineError(
            f"{file}, key 'schema': found {found!r}, expected {SCHEMA}; update pytest-univar, or {_RESAVE}"
        )
    return content


def _read_profile(file: Path, sha256: str) -> Profile:
    try:
        data = file.read_bytes()
    except OSError as exc:
        raise BaselineError(f"{file}: found no readable file ({exc.strerror}); {_RESAVE}") from exc
    if (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise BaselineError(f"{file}: found the SHA-256 {found}, expected {sha256} as {MANIFEST} says; {_RESAVE}")
    try:
        return load_profile(data)
    except (SafetensorError, ValueError, KeyError, UsageError) as exc:
        raise BaselineError(f"{file}: found no profile ({exc}); {_RESAVE}") from exc
