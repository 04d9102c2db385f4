"""Answers that were collected elsewhere, in whichever of three formats they come.

- our own JSON lines (``answer_lines.py``);
- the output of an OpenAI batch, plain or compressed. Its input file is found beside it (``x_output.jsonl`` by
  ``x_input.jsonl``, any ``NAME.jsonl`` by ``NAME.input.jsonl``) or given after a comma, ``OUTPUT.jsonl,INPUT.jsonl``,
  where INPUT is taken from OUTPUT's folder. Batches that ``univar export`` wrote of built-in questions need none;
- the layout of the released data, ``<corpus>/qa_translated/<model>.csv`` with the columns ``question``, ``answer`` and
  ``lang`` (ISO 639-3 or FLORES), as one file or as the folder of all. Its texts are in English already, whatever
  language they were asked in. A column ``question_id`` is used where there is one.

Hidden reasoning is cut out. What has no usable answer is returned beside the answers, with the reason.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Literal, NamedTuple

from pytest_univar.answer_lines import Line, Samples, answers_of, read_lines
from pytest_univar.elicitation.batch import BatchRow, is_batch, read_batch
from pytest_univar.elicitation.reply import read_reply
from pytest_univar.errors import AnswersError
from pytest_univar.languages import LANGUAGES
from pytest_univar.values import Answer, derived_question_id

_FIELD_LIMIT = 16 * 2**20
"""Characters. The csv module stops at 131,072, which a few long answers exceed."""


class Unanswered(NamedTuple):
    """A question that was asked and has no usable answer. request: the answer as far as it goes."""

    request: Answer
    verdict: Literal["empty", "cut_off", "missing"]
    problem: str


@dataclass(frozen=True)
class Collected:
    """What a file holds, in its order. in_english: its texts are in English, whatever their ``language``."""

    answers: tuple[Answer, ...]
    unanswered: tuple[Unanswered, ...] = ()
    in_english: bool = False


def read_any(path: str | os.PathLike[str], *, llm: str | None = None) -> Collected:
    """The answers in a file or folder of any of the formats; its content says which.

    llm: the name of answers that come without one; else the file's stem. Raises AnswersError with file and line.
    """
    path, batch_input = _files(Path(path))
    if path.is_dir() or path.suffix == ".csv":
        rows = (BatchRow(answer, given=False) for file in _csv_files(path) for answer in _read_csv(file))
        return _collected(rows, in_english=True)
    lines = read_lines(path)
    if lines and is_batch(lines[0].record):
        return _collected(read_batch(path, lines, batch_input, llm=llm))
    if batch_input:
        raise AnswersError(
            f"{path}: found no custom_id, expected the output of a batch, because an input file is named beside it. "
            f"Leave {batch_input.name} away for answers as JSON lines"
        )
    return _collected(_own_rows(lines, path, llm))


def _files(path: Path) -> tuple[Path, Path | None]:
    """The path taken apart at its comma, unless there is a file of that name."""
    output, comma, batch_input = str(path).partition(",")
    if not comma or path.exists():
        return path, None
    return Path(output), Path(output).parent / batch_input


def _own_rows(lines: list[Line], path: Path, llm: str | None) -> Iterator[BatchRow]:
    for answer in answers_of(lines, path, llm=llm, may_be_empty=True):
        yield BatchRow(answer, given=True)


def _collected(rows: Iterator[BatchRow], *, in_english: bool = False) -> Collected:
    samples = Samples()
    answers: list[Answer] = []
    unanswered: list[Unanswered] = []
    for row in rows:
        answer = samples.numbered(row.answer, given=row.given)
        judged = Unanswered(answer, "missing", row.failure) if row.failure else _judged(answer)
        if isinstance(judged, Unanswered):
            unanswered.append(judged)
        else:
            answers.append(judged)
    return Collected(tuple(answers), tuple(unanswered), in_english)


def _judged(answer: Answer) -> Answer | Unanswered:
    """The answer as a live one is judged, so that one text means the same from wherever it came."""
    limit = answer.params.get("max_tokens")
    message = SimpleNamespace(content=answer.answer)
    completion = SimpleNamespace(
        choices=[SimpleNamespace(finish_reason=answer.finish_reason, message=message)],
        usage=SimpleNamespace(**answer.usage),
        _hidden_params={},
    )
    reply = read_reply(completion, limit if isinstance(limit, int) else 0)
    if reply.verdict == "kept":
        return replace(answer, answer=reply.text)
    return Unanswered(answer, reply.verdict, reply.problem)


# --- the released CSV layout -----------------------------------------------------------------------------------------


def _csv_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.csv")) or sorted(path.glob("qa_translated/*.csv"))
    if not files:
        raise AnswersError(
            f"{path}: found a folder without CSV files, expected <model>.csv in it or in its qa_translated/. Name a "
            f"file, or the folder of such files"
        )
    return files


def _read_csv(path: Path) -> Iterator[Answer]:
    """Every row as an answer of the LLM that the file is named after."""
    rows = _csv_rows(path)
    _, header = next(rows, (1, []))
    if missing := [name for name in ("question", "answer", "lang") if name not in header]:
        raise AnswersError(
            f"{path}, line 1: found the columns {', '.join(header) or 'none'}, expected question, answer and lang. "
            f"Add {', '.join(missing)}"
        )
    for line, cells in rows:
        if len(cells) != len(header):
            raise AnswersError(
                f"{path}, line {line}: found {len(cells)} fields, expected {len(header)}, as in the header. Put texts "
                f"with a comma or a new line between quotes"
            )
        row = dict(zip(header, cells, strict=True))
        if not row["question"].strip():
            raise AnswersError(f"{path}, line {line}: found no question. Fill it, or remove the row")
        yield Answer(
            llm=path.stem,
            language=_language(row["lang"].strip(), f"{path}, line {line}"),
            question_id=row.get("question_id", "").strip() or derived_question_id(row["question"]),
            question=row["question"],
            answer=row["answer"],
        )


def _csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of the line that it begins on."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        raise AnswersError(f"{path}: cannot be read ({exc.strerror}). Check the path") from exc
    except UnicodeDecodeError as exc:
        line = exc.object[: exc.start].count(b"\n") + 1
        raise AnswersError(f"{path}, line {line}: found bytes that are not UTF-8. Save the file as UTF-8") from exc
    before = csv.field_size_limit(_FIELD_LIMIT)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        rows = []
        for cells in reader:
            if cells:
                rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as exc:
        raise AnswersError(
            f"{path}, line {line}: found a row that is not CSV ({exc}), expected texts with a quote, a comma or a new "
            f"line between quotes, and quotes in them doubled. Mend the row that begins here"
        ) from exc
    finally:
        csv.field_size_limit(before)
    yield from rows


def _language(lang: str, where: str) -> str:
    """ISO 639-3 of ``lang``, which may also be a FLORES code such as ``spa_Latn``."""
    code = lang.partition("_")[0]
    if code not in LANGUAGES:
        raise AnswersError(
            f"{where}: found the lang {lang!r}, expected one of {', '.join(sorted(LANGUAGES))} or such a code with a "
            f"script, as in FLORES (spa_Latn). Correct it, or remove the row"
        )
    return code
