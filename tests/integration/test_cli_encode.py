"""``univar encode``: files of every form become the vectors that the encoder gives."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from safetensors import safe_open

from pytest_univar.encoding import load_encoder

from ..conftest import Parts
from .test_cli import typed

Ran: TypeAlias = "tuple[int, str, str]"
Encode: TypeAlias = Callable[..., Ran]

QAS = [{"question": f"Is {what} good?", "answer": f"Yes, {what} is."} for what in ("work", "peace", "duty")]
TEXTS = [f"Q: {qa['question']} A: {qa['answer']}" for qa in QAS]


@pytest.fixture
def encode(tmp_path: Path, parts: Parts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Encode:
    """``univar encode`` with the tiny encoder, in a folder of its own, to v.safetensors."""
    monkeypatch.chdir(tmp_path)
    options = ("--output=v.safetensors", f"--encoder={parts.encoder}", "--device=cpu")
    return lambda *arguments: typed(monkeypatch, capsys, "encode", *options, *arguments)


def made(name: str = "v.safetensors") -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    """The vectors of a file and what it says of them."""
    with safe_open(name, framework="np") as file:
        metadata = file.metadata()
        return file.get_tensor("vectors"), {**metadata, "ids": json.loads(metadata["ids"])}


def lines(entries: list[Any]) -> str:
    return "".join(json.dumps(entry) + "\n" for entry in entries)


def test_questions_with_answers(encode: Encode, parts: Parts) -> None:
    Path("qa.jsonl").write_text(lines(QAS), encoding="utf-8")
    code, out, err = encode("qa.jsonl")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"v.safetensors: 3 vectors of 32 numbers, on cpu in \d+\.\d\d s \(\d+ texts/s\)\n", out)
    encoder = load_encoder(parts.encoder, device="cpu")
    vectors, about = made()
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, encoder.encode(TEXTS), atol=1e-6)
    assert about["ids"] == ["1", "2", "3"]
    assert about["encoder_sha256"] == encoder.fingerprint
    assert about["text_format"] == "Q: {question} A: {answer}"
    assert about["made_with"].endswith("float32 on cpu")


def test_the_figures_as_json(encode: Encode) -> None:
    Path("qa.jsonl").write_text(lines(QAS), encoding="utf-8")
    code, out, err = encode("qa.jsonl", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert {name: found[name] for name in ("output", "n", "d", "device")} == {
        "output": "v.safetensors", "n": 3, "d": 32, "device": "cpu",
    }  # fmt: skip
    assert found["texts_per_second"] == pytest.approx(3 / found["seconds"])


def test_every_form_gives_the_same(encode: Encode) -> None:
    Path("a.txt").write_text("\n".join([TEXTS[0], "", *TEXTS[1:]]), encoding="utf-8")
    Path("b.jsonl").write_text(lines([{"text": text} for text in TEXTS]), encoding="utf-8")
    Path("c.jsonl.gz").write_bytes(gzip.compress(lines(QAS).encode()))
    rows = "".join(f'{number},"{qa["question"]}","{qa["answer"]}"\n' for number, qa in enumerate(QAS))
    Path("d.csv").write_text("id,question,answer\n" + rows, encoding="utf-8-sig")
    Path("e.csv").write_text("note,what\n" + "".join(f'x,"{text}"\n' for text in TEXTS), encoding="utf-8")
    found = {}
    for file in ("a.txt", "b.jsonl", "c.jsonl.gz", "d.csv"):
        assert encode(file)[0] == 0
        found[file] = made()
    assert encode("e.csv", "--text-field=what")[0] == 0
    found["e.csv"] = made()
    for vectors, _ in found.values():
        np.testing.assert_array_equal(vectors, found["a.txt"][0])
    assert {file: about["ids"] for file, (_, about) in found.items()} == {
        "a.txt": ["1", "3", "4"],
        "b.jsonl": ["1", "2", "3"],
        "c.jsonl.gz": ["1", "2", "3"],
        "d.csv": ["0", "1", "2"],
        "e.csv": ["2", "3", "4"],
    }
    assert found["b.jsonl"][1]["text_format"] == "{text}"
    assert found["e.csv"][1]["text_format"] == "{what}"


def test_ids_of_an_answers_file(encode: Encode) -> None:
    own: list[dict[str, object]] = [{"id": 7}, {"question_id": "peace"}, {"question_id": "peace", "sample": 1}]
    Path("qa.jsonl").write_text(
        lines([{"language": "eng", **qa, **id} for qa, id in zip(QAS, own, strict=True)]), encoding="utf-8"
    )
    assert encode("qa.jsonl")[0] == 0
    assert made()[1]["ids"] == ["7", "peace", "peace#1"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", "", "AnswersError: a.jsonl: found nothing to encode"),
        ("a.jsonl", '{"text": "one"}\nnonsense\n{"text": "two"}\n', "a.jsonl, line 2"),
        ("a.jsonl", '{"text": "one"}\n\n{"text": " "}\n', "a.jsonl, line 3: found ' ' as the text, expected a text"),
        ("a.jsonl", '{"text": "one"}\n{"words": "two"}\n', "a.jsonl, line 2: found nothing as the text"),
        ("a.jsonl", '{"text": 1}\n', "a.jsonl, line 1: found 1 as the text"),
        ("a.jsonl", '{"words": "two"}\n', "found the fields words, expected question and answer, or text"),
        ("a.csv", "question,answer\nwhy\n", "a.csv, line 2: found nothing as the answer"),
        ("a.csv", "question,answer\nwhy,so,then\n", "a.csv, line 2: found more fields than the header has"),
        ("a.csv", 'text\n"torn\n', "a.csv, line 2: found a row that is not CSV"),
        ("b.txt", "a", "AnswersError: a.txt: cannot be read (No such file or directory)"),
    ],
)
def test_what_cannot_be_read(encode: Encode, name: str, content: str, message: str) -> None:
    Path(name).write_text(content, encoding="utf-8")
    code, out, err = encode("a.txt" if name == "b.txt" else name)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())
    assert not Path("v.safetensors").exists()


def test_what_cannot_be_written(encode: Encode) -> None:
    Path("a.txt").write_text("one", encoding="utf-8")
    Path("folder.safetensors").mkdir()
    code, _, err = encode("a.txt", "--output=folder.safetensors")
    assert code == 2
    assert "UsageError: folder.safetensors: cannot be written" in err
    code, _, err = encode("a.txt", "--output=v.npz")
    assert code == 2
    assert "found '.npz', expected a name that ends in .safetensors" in err
