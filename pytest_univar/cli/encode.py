"""``univar encode``: texts, or questions with their answers, as vectors."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from pytest_univar import __version__
from pytest_univar.cli.common import AsJson, config_of, print_json, progress_display, say, with_settings
from pytest_univar.errors import AnswersError, UsageError


class Row(NamedTuple):
    """One entry of a file. line: where it begins, from 1."""

    line: int
    fields: Mapping[str, Any]


class Encodable(NamedTuple):
    """What becomes one vector, and what it is called."""

    id: str
    text: str


@with_settings("encoder", "device", "dtype")
def encode(
    file: Annotated[
        Path,
        typer.Argument(help="JSON lines (.jsonl, .gz, .xz) or .csv with question and answer, or text; .txt: by line."),
    ],
    output: Annotated[Path, typer.Option(help="The file to write; its name must end in .safetensors.")],
    text_field: Annotated[
        str, typer.Option(help="Take the texts from this field or column; default: question and answer, else text.")
    ] = "",
    as_json: AsJson = False,
    **settings: str | bool | None,
) -> None:
    """Embed a file of English texts: float32 vectors, n × d, as a safetensors file with the ids in its metadata.

    univar encode answers.jsonl --output vectors.safetensors
    """
    from safetensors.numpy import save

    from pytest_univar.building import TEXT_FORMAT
    from pytest_univar.encoding import load_encoder

    if output.suffix != ".safetensors":
        raise UsageError(f"{output}: found {output.suffix or 'no suffix'!r}, expected a name that ends in .safetensors")
    config = config_of(settings)
    rows = read_rows(file)
    fields = [text_field] if text_field else fields_of(rows, file)
    texts = [encodable(row, fields, file) for row in rows]
    encoder = load_encoder(config.encoder, device=config.device, dtype=config.dtype)
    started = time.perf_counter()
    with progress_display().encoding(file.name, len(texts)) as progress:
        vectors = encoder.encode([each.text for each in texts], progress=progress)
    seconds = time.perf_counter() - started
    metadata = {
        "encoder": config.encoder,
        "encoder_sha256": encoder.fingerprint,
        "text_format": TEXT_FORMAT if len(fields) == 2 else f"{{{fields[0]}}}",
        "ids": json.dumps([each.id for each in texts], ensure_ascii=False),
        "made_with": f"pytest-univar {__version__}, {encoder.dtype} on {encoder.device}",
    }
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(save({"vectors": vectors}, metadata))
    except OSError as exc:
        raise UsageError(f"{output}: cannot be written ({exc.strerror}). Name a file that can be") from exc
    n, d = vectors.shape
    if as_json:
        figures = {"n": n, "d": d, "device": encoder.device, "seconds": seconds, "texts_per_second": n / seconds}
        print_json({"output": str(output), "encoder_sha256": encoder.fingerprint, **figures})
    else:
        say(f"{output}: {n} vectors of {d} numbers, on {encoder.device} in {seconds:.2f} s ({n / seconds:.0f} texts/s)")


def read_rows(file: Path) -> list[Row]:
    """The entries of a file; AnswersError where it cannot be read or holds none."""
    from pytest_univar.answer_lines import read_lines

    if file.suffix == ".txt":
        lines = enumerate(_text_of(file).splitlines(), 1)
        rows = [Row(number, {"text": line}) for number, line in lines if line.strip()]
    elif file.suffix == ".csv":
        rows = [*_csv_rows(file)]
    else:
        rows = [Row(line.number, line.record) for line in read_lines(file)]
    if not rows:
        raise AnswersError(f"{file}: found nothing to encode, expected at least one entry. Check the path")
    return rows


def fields_of(rows: list[Row], file: Path) -> list[str]:
    """What every text is made of: the first entry says."""
    line, first = rows[0]
    for fields in (["question", "answer"], ["text"]):
        if all(field in first for field in fields):
            return fields
    raise AnswersError(
        f"{file}, line {line}: found the fields {', '.join(map(str, first)) or 'none'}, expected question and answer, "
        "or text. Name the field of the texts with --text-field"
    )


def encodable(row: Row, fields: list[str], file: Path) -> Encodable:
    """The text of an entry, and its id: ``id``, else ``question_id`` with the sample, else its line's number."""
    from pytest_univar.values import QA

    where = f"{file}, line {row.line}"
    texts = []
    for field in fields:
        text = row.fields.get(field)
        if not isinstance(text, str) or not text.strip():
            found = "nothing" if text is None else f"{text!r:.60}"
            raise AnswersError(
                f"{where}: found {found} as the {field}, expected a text. Fill it in, or remove the entry"
            )
        texts.append(text)
    sample = f"#{row.fields['sample']}" if row.fields.get("sample") not in (None, "", 0, "0") else ""
    question_id = row.fields.get("question_id")
    own = row.fields.get("id", None if question_id in (None, "") else f"{question_id}{sample}")
    return Encodable(str(row.line if own in (None, "") else own), str(QA(*texts)) if len(texts) == 2 else texts[0])


def _csv_rows(file: Path) -> Iterator[Row]:
    reader = csv.DictReader(io.StringIO(_text_of(file), newline=""), strict=True)
    before = csv.field_size_limit(1 << 24)  # characters; the module's own limit is below a few long answers
    line = 2
    try:
        for fields in reader:
            if None in fields:
                raise AnswersError(
                    f"{file}, line {line}: found more fields than the header has. Put texts with a comma between quotes"
                )
            yield Row(line, fields)
            line = reader.line_num + 1
    except csv.Error as exc:
        raise AnswersError(
            f"{file}, line {line}: found a row that is not CSV ({exc}). Mend the row that begins here"
        ) from exc
    finally:
        csv.field_size_limit(before)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise AnswersError(f"{file}: cannot be read ({exc.strerror}). Check the path") from exc
    except UnicodeDecodeError as exc:
        raise AnswersError(f"{file}: found bytes that are not UTF-8 at {exc.start}. Save it as UTF-8") from exc
