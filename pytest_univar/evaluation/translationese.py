"""Translationese (appendix F): can one tell from English which language it was translated from? Better not."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pytest_univar.errors import AnswersError
from pytest_univar.evaluation.scores import Labels

FORMATS = ("text-only", "paraphrase")
REQUIRED = ("text", "source_language")
MACHINE_TRANSLATION = "machine_translation"
GROUP = "group"
LARGEST = 1 << 24  # characters of one field; the module's own limit is below some documents


@dataclass(frozen=True)
class Sentence:
    """An English text and the language it was written in first.

    machine_translation: of the original by a machine. group: what must not be on both sides of the split, such as
    the speech that a sentence is from; the text itself where the file does not say.
    """

    text: str
    source_language: str
    machine_translation: str
    group: str

    def formatted(self, format: str) -> str:
        """What an encoder reads in one of FORMATS."""
        if format == "text-only":
            return self.text
        return f"What is the paraphrase of {self.machine_translation}?\nA: {self.text}"


@dataclass(frozen=True)
class Translationese:
    """A file of sentences, split by group. translated: whether it has machine translations of its own."""

    file: str
    translated: bool
    reference: tuple[Sentence, ...]
    test: tuple[Sentence, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(sorted({sentence.source_language for sentence in self.reference}))

    def labels(self, sentences: Sequence[Sentence]) -> Labels:
        index = {language: label for label, language in enumerate(self.languages)}
        return np.array([index[sentence.source_language] for sentence in sentences], dtype=np.intp)


def read_translationese(file: Path, *, held_out_share: float, seed: int) -> Translationese:
    """A CSV with ``text, source_language`` and, where there are, ``machine_translation`` and ``group``.

    Without machine translations a text stands in their place. The held-out share is of the groups of each source
    language. Raises AnswersError for columns and fields that are missing, and for fewer than two languages on a side.
    """
    rows = _rows(file)
    translated = MACHINE_TRANSLATION in rows[0][1]
    sentences = [_sentence(row, f"{file}, line {line}", translated) for line, row in rows]
    held_out = _held_out(sentences, held_out_share, seed)
    found = Translationese(
        file.name,
        translated,
        tuple(each for each in sentences if each.group not in held_out),
        tuple(each for each in sentences if each.group in held_out),
    )
    counts = Counter(each.source_language for each in found.reference)
    tested = {each.source_language for each in found.test}
    short = sorted(tested ^ set(counts))
    if len(counts) < 2 or short:
        raise AnswersError(
            f"{file}: found {len(sentences)} texts of {len(tested | set(counts))} source languages"
            + (f", those of {short[0]} all on one side of the split" if short else "")
            + "; expected at least 2 languages with several texts (or groups) each. Add texts, or check the column "
            "source_language"
        )
    return found


def _held_out(sentences: Sequence[Sentence], share: float, seed: int) -> set[str]:
    """Whole groups of each language; a group of several languages follows the first that draws it."""
    groups: dict[str, set[str]] = defaultdict(set)
    for sentence in sentences:
        groups[sentence.source_language].add(sentence.group)
    held_out: set[str] = set()
    for _, own in sorted(groups.items()):
        order = sorted(own, key=lambda group: hashlib.sha256(f"{seed}:{group}".encode()).digest())
        held_out.update(order[: max(1, round(share * len(order)))])
    return held_out


def _sentence(row: dict[str, str | None], where: str, translated: bool) -> Sentence:
    needed = (*REQUIRED, MACHINE_TRANSLATION) if translated else REQUIRED
    for column in needed:
        if not (row[column] or "").strip():
            raise AnswersError(f"{where}: found nothing as the {column}, expected a text. Fill it in, or leave it out")
    text, language = str(row["text"]).strip(), str(row["source_language"]).strip()
    machine = str(row[MACHINE_TRANSLATION]).strip() if translated else text
    return Sentence(text, language, machine, (row.get(GROUP) or "").strip() or text)


def _rows(file: Path) -> list[tuple[int, dict[str, str | None]]]:
    """The rows with the lines they begin in, all of them with every column of the header."""
    try:
        content = file.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise AnswersError(f"{file}: cannot be read ({exc.strerror}). Check the path") from exc
    except UnicodeDecodeError as exc:
        raise AnswersError(f"{file}: found bytes that are not UTF-8 at {exc.start}. Save it as UTF-8") from exc
    reader = csv.DictReader(io.StringIO(content, newline=""), strict=True)
    columns = reader.fieldnames or []
    missing = [column for column in REQUIRED if column not in columns]
    if missing:
        raise AnswersError(
            f"{file}: found the columns {', '.join(columns) or 'none'}, expected {' and '.join(REQUIRED)} "
            f"(perhaps with {MACHINE_TRANSLATION} and {GROUP}). Name them in the first line"
        )
    rows, line, before = [], 2, csv.field_size_limit(LARGEST)
    try:
        for row in reader:
            if None in row:
                raise AnswersError(
                    f"{file}, line {line}: found more fields than the first line names. "
                    "Put texts with a comma between quotes"
                )
            rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as exc:
        raise AnswersError(
            f"{file}, line {line}: found a row that is not CSV ({exc}). Mend the row that begins here"
        ) from exc
    finally:
        csv.field_size_limit(before)
    if not rows:
        raise AnswersError(f"{file}: found no texts, expected one a line below the names of the columns")
    return rows
