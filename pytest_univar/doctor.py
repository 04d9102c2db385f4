"""Whether everything that an audit needs is there and works: each part is tried, and says what to do where it fails.

Every check is caught, so that a fault of one part never hides the others. Nothing calls out that was not named: an
endpoint or a model is only tried where one is given, and no finding shows a key.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property, partial
from http.client import HTTPException
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from pytest_univar.errors import EncoderError, UnivarError
from pytest_univar.options import TRANSLATORS, AuditConfig

if TYPE_CHECKING:
    from pytest_univar.assembly import Services
    from pytest_univar.banks import ReferenceBank

Status: TypeAlias = Literal["ok", "warning", "failed"]

LENGTH_TOLERANCE = 2e-3
"""How far from 1 the length of a unit vector may be: float16 keeps about four digits."""
PATIENCE = 10.0
"""Seconds for an endpoint to list its models."""
TRIAL = "Is it important to be honest?"


@dataclass(frozen=True)
class Check:
    """One thing that was tried. found: what came of it. remedy: what to do, empty where there is nothing to do."""

    name: str
    status: Status
    found: str
    remedy: str = ""


Look: TypeAlias = "Callable[[], Iterable[Check]]"


def caught(name: str, look: Look, remedy: str) -> Iterator[Check]:
    """The checks that ``look`` makes; where it raises, one that failed. remedy: for our own errors."""
    from pytest_univar.elicitation.failures import scrub

    try:
        for check in look():
            yield Check(check.name, check.status, scrub(check.found), check.remedy)
    except UnivarError as error:
        yield Check(name, "failed", scrub(str(error)), remedy)
    except Exception as error:  # whatever is broken here, the other checks are still worth making
        found = f"unexpected {type(error).__name__}: {scrub(' '.join(str(error).split()))}"
        yield Check(name, "failed", found, "install pytest-univar again; where that does not help, report this line")


# ------------------------------------------------------------------------------------------------------ the whole


def examine(config: AuditConfig, base: Path, cassette_dir: Path) -> Iterator[Check]:
    """Everything that an audit with these settings would use, one thing after the other.

    base: the folder that relative paths start from. cassette_dir: used unless the settings name another.
    """
    patient = _Patient(config, base)
    looks: list[tuple[str, Look, str]] = [
        ("python", _python, "install Python 3.10 or later"),
        ("packages", _packages, "install pytest-univar again"),
        ("device", patient.device, "name another with --device, or leave --device and --dtype away"),
        ("encoder", patient.encoder, "name another with --encoder, or fetch its files again"),
        ("bank", patient.bank, "name another with --bank, or build one with the encoder: univar bank build"),
        *(
            (f"translator, {language}", partial(patient.translator, language), "choose another with --translator")
            for language in config.languages
        ),
        ("recording", patient.recording, ""),
        ("cassettes", partial(patient.cassettes, cassette_dir), "name another folder with --cassette-dir"),
    ]
    if config.api_base:
        looks.append(("endpoint", partial(endpoint, config.api_base), "check --api-base, and that the server runs"))
    for model in config.model:
        remedy = "check the model's name, its key in the environment, and --api-base"
        looks.append((f"model {model}", partial(patient.model, model), remedy))
    for name, look, remedy in looks:
        yield from caught(name, look, remedy)


def _python() -> Iterator[Check]:
    yield Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _packages() -> Iterator[Check]:
    """Whether what the package needs is installed, in versions that it works with."""
    from packaging.requirements import Requirement

    versions = {"pytest-univar": metadata.version("pytest-univar")}
    wrong = []
    for requirement in map(Requirement, metadata.requires("pytest-univar") or ()):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = versions[requirement.name] = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            found = "nothing"
        if found == "nothing" or not requirement.specifier.contains(found, prereleases=True):
            wrong.append(f"{requirement.name} {found} (expected {requirement.specifier})")
    if wrong:
        remedy = 'install what is missing: pip install --upgrade "pytest-univar"'
        yield Check("packages", "failed", f"found {', '.join(wrong)}", remedy)
    else:
        yield Check("packages", "ok", ", ".join(f"{name} {version}" for name, version in versions.items()))


class _Patient:
    """The parts that the settings name. Heavy modules are imported by the checks, so that a broken one is a finding."""

    def __init__(self, config: AuditConfig, base: Path) -> None:
        self.config = config
        self._base = base
        self._fingerprint: str | None = None

    @cached_property
    def _services(self) -> Services:
        return _services(self.config, self._base)

    def device(self) -> Iterator[Check]:
        import torch

        from pytest_univar.devices import choose_device, choose_dtype

        device = choose_device(self.config.device, EncoderError)
        dtype = choose_dtype(self.config.dtype, device, EncoderError)
        ones = torch.ones((64, 64), device=device, dtype=getattr(torch, dtype))
        if float((ones @ ones).sum()) != 64.0**3:
            raise EncoderError(f"{device} multiplies two matrices of ones wrongly in {dtype}")
        name = torch.cuda.get_device_name(device) if device.startswith("cuda") else f"{torch.get_num_threads()} threads"
        yield Check("device", "ok", f"{device} ({name}), {dtype}")

    def encoder(self) -> Iterator[Check]:
        import numpy as np

        from pytest_univar.values import QA

        started = time.perf_counter()
        encoder = self._services.encoder
        loaded = time.perf_counter() - started
        self._fingerprint = encoder.fingerprint
        (vector,) = encoder.encode([str(QA(TRIAL, "Yes, it is."))])
        length = float(np.linalg.norm(vector))
        found = f"{encoder.name} ({encoder.fingerprint[:12]}): loaded in {loaded:.1f} s, {len(vector)} numbers a text"
        if not abs(length - 1) <= 0.01:  # also where it is not a number
            remedy = "choose one that ends in a Normalize module: everything is measured between unit vectors"
            yield Check("encoder", "failed", f"{found}; found a vector of the length {length:g}, expected 1", remedy)
        else:
            yield Check("encoder", "ok", found)

    def bank(self) -> Iterator[Check]:
        bank = self._services.bank
        if self._fingerprint is not None:
            bank.check_encoder(self._fingerprint, self.config.encoder)
        found = [Check(f"bank, {each.name}", each.status, each.found, each.remedy) for each in bank_checks(bank)]
        yield from (each for each in found if each.status != "ok")
        if all(each.status != "failed" for each in found):
            owner = "" if self._fingerprint is None else ", of this encoder"
            yield Check("bank", "ok", f"{bank.name}: {len(bank)} rows of {len(bank.value_ids)} value IDs{owner}")

    def translator(self, language: str) -> Iterator[Check]:
        from pytest_univar.errors import TranslationError

        name = f"translator, {language}"
        if language == "eng":
            yield Check(name, "ok", "English needs none")
            return
        if self.config.translator == "none":
            yield Check(name, "ok", "none: the answers are taken for English")
            return
        translator = self._services.translator
        if translator is None:
            raise TranslationError(
                f"found no translator for {language!r}, expected {TRANSLATORS}: UniVaR reads English"
            )
        translator.check(language)
        notice = f"; {translator.notice}" if translator.notice else ""
        yield Check(name, "ok", f"{translator.name}{notice}")

    def recording(self) -> Iterator[Check]:
        modes = {"none": "nothing is asked, answers come from cassettes", "new": "what the cassettes lack is asked"}
        meaning = modes.get(self.config.record, "everything is asked again")
        ci = "set" if os.environ.get("CI") else "not set"
        yield Check("recording", "ok", f"{self.config.record}: {meaning} (the variable CI is {ci})")

    def cassettes(self, beside: Path) -> Iterator[Check]:
        folder = self._base / self.config.cassette_dir if self.config.cassette_dir else beside
        if self.config.record == "none":
            yield _recorded(folder)
            return
        there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        try:
            with TemporaryFile(dir=there):
                pass
        except OSError as error:
            found = f"{there} cannot be written ({error.strerror}), so nothing can be recorded"
            yield Check("cassettes", "failed", found, "make it writable, or name another folder with --cassette-dir")
        else:
            yield Check("cassettes", "ok", f"{folder} can be {'written' if there == folder else 'made'}")

    def model(self, model: str) -> Iterator[Check]:
        """One question, asked for real and not recorded; of a replayed file, what it holds."""
        from pytest_univar.assembly import REPLAY
        from pytest_univar.elicitation.replay import ReplayElicitor
        from pytest_univar.errors import ElicitationError
        from pytest_univar.values import Question

        if model.startswith(REPLAY):
            replayed = ReplayElicitor(self._base / model.removeprefix(REPLAY))
            counts = [f"{replayed.elicit(None, each).tally.kept} in {each}" for each in self.config.languages]
            yield Check(f"model {model}", "ok", f"answers of {replayed.llm}: {', '.join(counts)}")
            return
        config = self.config._replace(cassette_dir=None, record="all", attempts=min(self.config.attempts, 2))
        with TemporaryDirectory() as folder:
            elicitor = _services(config, self._base).audit(model, Path(folder)).elicitor
            started = time.perf_counter()
            asked = elicitor.elicit([Question("doctor", TRIAL)], "eng")
        if not asked.answers:
            raise ElicitationError(f"{model} gave no answer: {'; '.join(asked.problems.values())}")
        tally = asked.tally
        cost = "of unknown price" if tally.unpriced else f"${tally.cost_usd:.6f}"
        tokens = f"{tally.prompt_tokens} + {tally.completion_tokens} tokens"
        found = f"one question answered in {time.perf_counter() - started:.1f} s, {tokens}, {cost}"
        yield Check(f"model {model}", "ok", found)


def _services(config: AuditConfig, base: Path) -> Services:
    from pytest_univar.assembly import Services
    from pytest_univar.report.progress import SilentDisplay

    now = datetime.now(timezone.utc)
    return Services(config, base, SilentDisplay(), now, vectors=None, ledger=None, root=base)


def _recorded(folder: Path) -> Check:
    """What there is to replay, where nothing else is allowed."""
    from pytest_univar.cassette_tools import summary

    remedy = "record once with --record=new, and commit the cassettes"
    if not folder.is_dir() or not any(folder.glob("*.jsonl")):
        return Check("cassettes", "warning", f"found no cassette in {folder}, and recording is off", remedy)
    found = summary(folder)
    answers = sum(each.answers for each in found)
    held = f"{folder} holds {answers} answers in {len(found)} files"
    return Check("cassettes", "ok", held) if answers else Check("cassettes", "warning", held, remedy)


# --------------------------------------------------------------------------------------------------------- an endpoint


def endpoint(api_base: str) -> Iterator[Check]:
    """Whether a server answers there. It is asked for its models, without a key."""
    from pytest_univar.cassette import clean_api_base
    from pytest_univar.errors import UsageError

    shown = clean_api_base(api_base)
    parts = urlsplit(api_base)
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        raise UsageError(f"found {shown!r} as the API base, expected http(s)://HOST:PORT/v1 without user and password")
    url = f"{shown}/models"
    try:
        with ExitStack() as stack:
            reply = stack.enter_context(urlopen(Request(url, headers={"Accept": "application/json"}), timeout=PATIENCE))
            body = reply.read(1 << 20)
    except HTTPError as error:
        with error:
            yield _answered_with(error.code, url)
        return
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        yield Check("endpoint", "failed", f"{url}: no answer ({reason})", "start the server, or correct --api-base")
        return
    models = _listed(body)
    if models is None:
        remedy = "check that --api-base is that of an OpenAI-compatible server; it often ends in /v1"
        yield Check("endpoint", "warning", f"{url}: answers, but not with a list of models", remedy)
    else:
        more = f" and {len(models) - 5} more" if len(models) > 5 else ""
        yield Check("endpoint", "ok", f"{url}: serves {', '.join(models[:5]) or 'no model'}{more}")


def _answered_with(code: int, url: str) -> Check:
    if code in (401, 403):
        return Check("endpoint", "ok", f"{url}: answers, and wants a key (HTTP {code}); --model tries it with one")
    if code >= 500 and code != 501:  # which says that it has no such list
        return Check("endpoint", "failed", f"{url}: HTTP {code}", "look into the server's log")
    remedy = "check the path of --api-base, which often ends in /v1; --model tries more than this list"
    return Check("endpoint", "warning", f"{url}: answers with HTTP {code}", remedy)


def _listed(body: bytes) -> list[str] | None:
    try:
        content: Any = json.loads(body)
        return [str(model["id"]) for model in content["data"]]
    except (ValueError, KeyError, TypeError):
        return None


# -------------------------------------------------------------------------------------------------------------- banks


def bank_checks(bank: ReferenceBank) -> Iterator[Check]:
    """What loading a bank leaves open: whether its vectors have length 1, and what its manifest has nothing about."""
    import numpy as np

    rows = f"{len(bank)} rows of {bank.vectors.shape[1]} numbers ({bank.vectors.dtype})"
    yield Check("tensors", "ok", f"{rows}, as the checksum says")
    squares = np.einsum("nd,nd->n", bank.vectors, bank.vectors, dtype=np.float32)
    wrong = np.flatnonzero(np.abs(np.sqrt(squares) - 1) > LENGTH_TOLERANCE)
    if len(wrong):
        found = f"{len(wrong)} of {len(bank)} rows are no unit vectors; row {wrong[0]} has the length "
        remedy = "build the bank again with an encoder that normalises: everything is measured between unit vectors"
        yield Check("lengths", "failed", f"{found}{np.sqrt(squares[wrong[0]]):.3f}", remedy)
    else:
        yield Check("lengths", "ok", "every row is a unit vector")
    if not bank.schemes:
        remedy = "add schemes to the recipe and build it again; without them no region can be found"
        yield Check("schemes", "warning", "found no scheme", remedy)
    for scheme, regions in bank.schemes.items():
        members = {member for region in regions.values() for member in region}
        outside = [str(value_id) for value_id in bank.value_ids if value_id not in members]
        covered = f"{scheme}: {len(regions)} regions of {len(members)} value IDs"
        if outside:
            found = f"{covered}; in none of them: {', '.join(outside[:5])}{' …' if len(outside) > 5 else ''}"
            remedy = f"give every value ID a region of {scheme!r} where it has one: what lies near the others has none"
            yield Check("schemes", "warning", found, remedy)
        else:
            yield Check("schemes", "ok", f"{covered}, which is all")
    yield _calibration(bank)
    if bank.sources:
        names = ", ".join(f"{source['name']} ({source['licence']})" for source in bank.sources)
        yield Check("sources", "ok", names)
    else:
        yield Check(
            "sources", "warning", "found no source", "write down where the answers come from, and their licence"
        )


def _calibration(bank: ReferenceBank) -> Check:
    from pytest_univar.calibration import Calibration

    calibration = Calibration.of(bank)
    if calibration is None:
        remedy = "build it with univar bank build, from answers to shared questions: distances get percentiles by it"
        return Check("calibration", "warning", "found none", remedy)
    sizes = ", ".join(map(str, calibration.sizes))
    return Check("calibration", "ok", f"for {sizes} questions, on {bank.calibration.get('questions', 'unknown ones')}")
