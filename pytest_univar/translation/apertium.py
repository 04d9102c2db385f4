"""``apertium``: rule-based translation, offline, by Debian's packages. Spanish directly, other languages by way of it.

All texts of a batch go through one process for each step of the way. They are cut at line ends, so that no rule reaches
across one, and the lines are separated by NUL, at which every program of Apertium's pipeline starts anew. What the
pipeline would take for its own format is escaped, as Apertium's filter for plain text does it.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from pytest_univar.errors import TranslationError
from pytest_univar.languages import LANGUAGES
from pytest_univar.translation import Done

__all__ = ["ApertiumTranslator"]


class _Step(NamedTuple):
    """From one language into the next: Apertium's name for it (its "mode"), and the Debian packages it needs.

    The first one has the data; others are programs that the data needs and its package does not ask for.
    """

    mode: str
    packages: tuple[str, ...]


_INTO_ENGLISH = _Step("spa-eng", ("apertium-eng-spa",))
_FROM_ENGLISH = _Step("eng-spa", ("apertium-eng-spa",))
_WAYS = {
    ("spa", "eng"): (_INTO_ENGLISH,),
    ("por", "eng"): (_Step("pt-es", ("apertium-es-pt",)), _INTO_ENGLISH),
    ("fra", "eng"): (_Step("fr-es", ("apertium-fr-es",)), _INTO_ENGLISH),
    ("ita", "eng"): (_Step("ita-spa", ("apertium-spa-ita", "cg3")), _INTO_ENGLISH),
    ("ron", "eng"): (_Step("ro-es", ("apertium-es-ro",)), _INTO_ENGLISH),
    ("eng", "spa"): (_FROM_ENGLISH,),
    ("eng", "por"): (_FROM_ENGLISH, _Step("es-pt", ("apertium-es-pt",))),
    ("eng", "fra"): (_FROM_ENGLISH, _Step("es-fr", ("apertium-fr-es",))),
    ("eng", "ita"): (_FROM_ENGLISH, _Step("spa-ita", ("apertium-spa-ita", "cg3"))),
}
"""From one language into another: the steps in between."""

_PROGRAM = "apertium"
_BATCH = 500
"""Texts for one process: starting it costs next to nothing then, and what is done is handed over in between."""

_SECONDS_A_CHARACTER = 0.001
"""What the time-out grows by: 50 times what a machine with 2 cores took."""

_LINE = re.compile(r"[^\0\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_RESERVED = re.compile(r"[\[\]{}^$/\\@<>]")
_ESCAPED = re.compile(r"\\(.)|\[(~)\]")
"""As it comes back. A tilde is sent as format, in brackets, because even an escaped one would be lost."""

_CONTROL = "No."

_CONTROL_SECONDS = 30.0
"""For what takes a moment: asking a program for its version."""

_MOST_SAID = 300
"""Characters of a program's complaint that a message repeats."""


class _FailedError(Exception):
    """A process did not do what was asked of it; says why."""


class ApertiumTranslator:
    """Translates with the ``apertium`` program on the PATH.

    target: the language it translates into. timeout: seconds for one process, besides what it gets for the length of
    the texts.
    """

    notice = "Apertium translates by rules: its English is rougher than a neural translator's, which shifts distances"

    def __init__(self, *, target: str = "eng", timeout: float = 60.0) -> None:
        self.target = target
        self._timeout = timeout
        self._checked: set[str] = set()

    @cached_property
    def name(self) -> str:
        """``apertium VERSION (PACKAGE VERSION, …)``: what is installed of the packages that we use, whatever language.

        Without Debian's package manager, or for what it did not install, only the program's own version is known.
        Raises TranslationError where there is no Apertium.
        """
        program = " ".join(_told("-V", *_WAYS.values()).split()).removeprefix("Apertium ")
        versions = _package_versions()
        into = "" if self.target == "eng" else f", into {self.target}"
        return f"apertium {program}" + (f" ({', '.join(versions)})" if versions else "") + into

    def check(self, language: str) -> None:
        """See ``Translator``."""
        way = self._way(language)
        if language in self._checked:
            return
        modes = frozenset(_told("-l", way).split())
        missing = [step.mode for step in way if step.mode not in modes]
        if missing:
            there = {ends: all(step.mode in modes for step in steps) for ends, steps in _WAYS.items()}
            usable = [source for (source, target), whole in there.items() if whole and target == self.target]
            raise TranslationError(
                f"found no {' and no '.join(missing)} in Apertium, which the way from {LANGUAGES[language].name} into "
                f"{self._into} needs; what is installed translates from: {', '.join(usable) or 'none'}. Install the "
                f"rest with: {_install_command(way)}"
            )
        for step in way:
            self._try_out(step.mode, language)
        self._checked.add(language)

    @property
    def _into(self) -> str:
        return LANGUAGES[self.target].name if self.target in LANGUAGES else self.target

    def _way(self, language: str) -> tuple[_Step, ...]:
        if found := _WAYS.get((language, self.target)):
            return found
        sources = sorted(source for source, target in _WAYS if target == self.target)
        raise TranslationError(
            f"found the language {language!r}, but Apertium has a way into {self._into} from "
            f"{', '.join(sources) or 'none'} only. Name another translator"
        )

    def _try_out(self, mode: str, language: str) -> None:
        """TranslationError if not even an easy text can be translated: then the fault is not in the texts."""
        try:
            self._all_at_once(mode, {0: _CONTROL})
        except _FailedError as exc:
            raise TranslationError(
                f"nothing can be translated from {LANGUAGES[language].name}: {exc}. Check the installation, or mend it "
                f"with: {_install_command(self._way(language))}"
            ) from exc

    def translate(self, texts: Sequence[str], language: str, *, done: Done) -> dict[int, str]:
        """See ``Translator``."""
        self.check(language)
        problems: dict[int, str] = {}
        for start in range(0, len(texts), _BATCH):
            batch = dict(enumerate(texts[start : start + _BATCH], start))
            for step in self._way(language):
                batch = self._step(step.mode, language, batch, problems)
            for index, translated in batch.items():
                if texts[index].strip() and not translated.strip():
                    problems[index] = "Apertium's rules left nothing of it"
                else:
                    done(index, translated)
        return problems

    def _step(self, mode: str, language: str, texts: Mapping[int, str], problems: dict[int, str]) -> dict[int, str]:
        """The texts in the next language; what cannot be brought there goes to ``problems``."""
        try:
            return self._all_at_once(mode, texts)
        except _FailedError as exc:
            self._try_out(mode, language)
            return self._halved(mode, texts, str(exc), problems)

    def _halved(self, mode: str, texts: Mapping[int, str], why: str, problems: dict[int, str]) -> dict[int, str]:
        """The texts of a batch that failed, in ever smaller ones, until those that make it fail stand alone."""
        if len(texts) == 1:
            problems.update(dict.fromkeys(texts, why))
            return {}
        found: dict[int, str] = {}
        indices = list(texts)
        for half in (indices[: len(indices) // 2], indices[len(indices) // 2 :]):
            part = {index: texts[index] for index in half}
            try:
                found |= self._all_at_once(mode, part)
            except _FailedError as exc:
                found |= self._halved(mode, part, str(exc), problems)
        return found

    def _all_at_once(self, mode: str, texts: Mapping[int, str]) -> dict[int, str]:
        """One process. What stands around lines and between them stays as it is."""
        lines = [line for text in texts.values() for found in _LINE.findall(text) if (line := found.strip())]
        if not lines:
            return dict(texts)
        # The rules expect a sentence to end. The number, which no text can hold, shows that all lines came in order.
        ends = [f"[{number}]" for number in range(len(lines))]
        given = "".join(f"{_escaped(line)}.{end}\0" for line, end in zip(lines, ends, strict=True))
        seconds = self._timeout + len(given) * _SECONDS_A_CHARACTER
        ended = _run([_PROGRAM, "-u", "-z", "-f", "none", mode], given, seconds)
        came = ended.output.rstrip("\0").split("\0")
        if len(came) != len(lines) or not all(map(str.endswith, came, ends)):
            numbered = sum(line.endswith(end) for line, end in zip(came, ends, strict=False))
            raise _FailedError(f"apertium {mode}: {numbered} of {len(lines)} lines came back{ended.said}")
        english = (_unescaped(line.removesuffix(end)) for line, end in zip(came, ends, strict=True))

        def translated(found: re.Match[str]) -> str:
            line = found[0].strip()
            return found[0].replace(line, next(english), 1) if line else found[0]

        return {index: _LINE.sub(translated, text) for index, text in texts.items()}


def _escaped(line: str) -> str:
    sendable = line.encode("utf-8", "replace").decode()  # a lone surrogate cannot be sent
    return _RESERVED.sub(r"\\\g<0>", sendable).replace("~", "[~]")


def _unescaped(line: str) -> str:
    # The sentence's end is missing where it made an abbreviation of the last word.
    return _ESCAPED.sub(r"\1\2", line.removesuffix("."))


# --- what is installed -----------------------------------------------------------------------------------------------


def _told(option: str, *ways: Sequence[_Step]) -> str:
    """What the program says of itself; TranslationError, with how to install what these ways need, if it cannot."""
    try:
        return _run([_PROGRAM, option], "", _CONTROL_SECONDS).output
    except _FailedError as exc:
        raise TranslationError(f"{exc}. Install Apertium with: {_install_command(*ways)}") from exc


def _install_command(*ways: Sequence[_Step]) -> str:
    """The one that brings in everything for these ways."""
    packages = dict.fromkeys(package for way in ways for step in way for package in step.packages)
    return f"sudo apt-get install apertium {' '.join(packages)}"


def _package_versions() -> list[str]:
    """``PACKAGE VERSION`` for each of our packages, but the program's own, that Debian's package manager installed."""
    packages = sorted({package for way in _WAYS.values() for step in way for package in step.packages})
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n", *packages]
    try:
        # Packages that it does not know make its status 1, the others are printed all the same.
        told = subprocess.run(query, capture_output=True, text=True, timeout=_CONTROL_SECONDS, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    found = [line.split() for line in told.splitlines()]
    return [f"{package} {_upstream(version)}" for status, package, version in found if status == "installed"]


def _upstream(version: str) -> str:
    """A Debian version without the epoch and the revision, which tell builds of the same data apart."""
    return version.rpartition(":")[2].rpartition("-")[0] or version


# --- processes -------------------------------------------------------------------------------------------------------


class _Ended(NamedTuple):
    """A process that is over. said: what it wrote to stderr, for the end of a message."""

    output: str
    said: str


def _run(command: Sequence[str], given: str, seconds: float) -> _Ended:
    """Run a program with ``given`` as its input. Raises _FailedError if it fails, takes too long or is not there."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # The program chooses a UTF-8 locale for itself, which this variable would overrule.
            env={name: value for name, value in os.environ.items() if name != "LC_ALL"},
            start_new_session=True,
        )
    except OSError as exc:
        raise _FailedError(f"found no program {command[0]!r} on the PATH that can be run ({exc.strerror})") from exc
    try:
        output, errors = process.communicate(given.encode(), seconds)
    except BaseException as exc:
        # The program is a shell script: its children hold the pipes open, and do not hear of Ctrl-C.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        _, errors = process.communicate()
        if not isinstance(exc, subprocess.TimeoutExpired):
            raise
        raise _FailedError(f"{' '.join(command)}: not done after {seconds:.0f} s{_said(errors)}") from None
    if process.returncode:
        raise _FailedError(f"{' '.join(command)}: ended with status {process.returncode}{_said(errors)}")
    return _Ended(output.decode("utf-8", "replace"), _said(errors))


def _said(errors: bytes) -> str:
    """What it wrote to stderr, for the end of a message; its last words, because they are about the end."""
    text = " ".join(errors.decode("utf-8", "replace").split())
    return f", saying: {text[-_MOST_SAID:]}" if text else ""
