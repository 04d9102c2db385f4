"""Lone surrogates, which JSON can hold and UTF-8 cannot: replaced where answers are read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_univar.answer_lines import decode_lines, read_answers, storable

LINE = {"language": "eng", "question": "Why?", "answer": "Because."}
ANY_TEXT = st.text(st.characters())
ANY_VALUE = st.recursive(
    ANY_TEXT | st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner), max_leaves=8
)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("plain", "plain"),
        ("\ud83d", "\ufffd"),
        ("a\udc4d\ud83db", "a\ufffd\ufffdb"),  # two halves in the wrong order are no character
        ("👍 한국어 \ue000", "👍 한국어 \ue000"),
    ],
)
@pytest.mark.parametrize("escaped", [True, False])
def test_what_cannot_be_stored_is_a_sign(text: str, stored: str, escaped: bool, tmp_path: Path) -> None:
    assert storable(text) == stored
    line = json.dumps({**LINE, "answer": text, "llm": text}, ensure_ascii=escaped)
    (tmp_path / "a.jsonl").write_bytes(line.encode("utf-8", "surrogatepass") + b"\n")
    (answer,) = read_answers(tmp_path / "a.jsonl")
    assert (answer.answer, answer.llm) == (stored, stored)


@given(ANY_VALUE, st.booleans())
def test_whatever_a_line_holds_can_be_written_and_whole_characters_stay(value: object, escaped: bool) -> None:
    data = json.dumps([value], ensure_ascii=escaped).encode("utf-8", "surrogatepass") + b"\n"
    (line,) = decode_lines(data, Path("any.jsonl")).lines
    written = json.dumps(line.record, ensure_ascii=False).encode()
    if not any("\ud800" <= each <= "\udfff" for each in json.dumps([value], ensure_ascii=False)):
        assert json.loads(written) == [value]
