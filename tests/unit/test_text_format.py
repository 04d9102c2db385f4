"""The text format of an encoder: what it takes away, by hand, and where it is stored."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_univar.encoding import CachedEncoder, load_encoder, read_checkpoint
from pytest_univar.encoding.text_format import TextFormat
from pytest_univar.errors import EncoderError
from tests.checkpoints import bert_checkpoint, write

plain = TextFormat(plain=True).apply
bare = TextFormat(drop_boilerplate=True).apply
both = TextFormat(plain=True, drop_boilerplate=True).apply


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bert_checkpoint(tmp_path_factory.mktemp("checkpoints") / "bert")


@pytest.fixture
def plain_bert(bert: Path, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(bert, tmp_path / "plain"))
    TextFormat(plain=True).save(folder)
    return folder


# ----------------------------------------------------------------------------------------------------------- the rules


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes, in 1994. That is 3.5% (or more): why?", "Yes, in 1994. That is 3.5% (or more): why?"),
        ("**Yes**, it is _very_ `true`.", "Yes, it is very true."),
        ("# Why\n\nBecause.\n## How\nSo.", "Why Because. How So."),
        ("Two:\n- one\n* two\n  + three\n• four\n– five\n— six", "Two: one two three four five six"),
        ("Two:\n1. one\n2) two\na) three\nB. four\nIV. five\n> six", "Two: one two three four five six"),
        ("- only one\n1. 2. marks", "only one 2. marks"),  # one mark of each line
        ("a - b, 1. c", "a - b, 1. c"),  # no line starts there
        ("one\n---\ntwo\n=====\nthree\n***\nfour\n___", "one two three four"),
        ("see [the law](https://example.org/law), [1] and (2)", "see the law, [1] and (2)"),
        ("first\n```python\nprint(1)\n```\nlast", "first print(1) last"),
        ("| a | b |\n| 1 | 2 |", "a b 1 2"),
        ("“So” – he said — ‘no’… „oh”", '"So" - he said - \'no\'. "oh"'),
        ("<think>hm</think> <|im_end|>[INST] a [/INST]</s> \\boxed{42}", "hm a 42"),
        ("  a\t\tb\u00a0c \r\n d  ", "a b c d"),
        ("", ""),
        ("自由 is equality, ¿no?", "自由 is equality, ¿no?"),
    ],
)
def test_plain_by_hand(text: str, expected: str) -> None:
    assert plain(text) == expected
    assert TextFormat().apply(text) == text


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("**No.** It is\n- wrong\n- dear", "No. It is wrong dear"),
        ("- wrong\n- dear", "wrong dear"),
        ("1. wrong\n2. dear", "wrong dear"),
        ("**1.** wrong", "wrong"),
        ("# Wrong", "Wrong"),
        ("---\nwrong", "wrong"),
        ("> — wrong", "wrong"),
    ],
)
def test_an_answer_starts_where_the_format_puts_it(answer: str, expected: str) -> None:
    question = "Is *this* right?"
    assert plain(f"Q: {question} A: {answer}") == f"Q: {plain(question)} A: {expected}"
    assert plain(answer) == expected


def test_a_view_becomes_one_line() -> None:
    view = "Q: Is it so? A: - Yes.\nQ: **Is** it? A: 1. No.\n2. Yes."
    assert plain(view) == "Q: Is it so? A: Yes. Q: Is it? A: No. Yes."


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Yes: **people** first.", "Yes: **people** first."),
        ("Thank you for your question. It is wrong.", "It is wrong."),
        ("Thanks so much for asking! It is wrong.", "It is wrong."),
        ("Hello! I'm here to help you with that. However, no.", "However, no."),
        ("Hi there, it depends.", "it depends."),
        ("Sure! Here's a list of reasons:\n\n1. Peace", "1. Peace"),
        ("Of course, I’d be happy to help with this. Here are two views: one", "one"),
        ("Okay. I can help you with that! No.", "No."),
        ("GREAT QUESTION! HERE IS A DRAFT: war", "war"),
        ("Thank you for the thoughtful question. No.", "No."),
        ("Thank you for reaching out to me about this! No.", "No."),
        # what may be the answer itself, or is no opening
        ("Certainly, because duty comes first.", "Certainly, because duty comes first."),
        ("Absolutely not.", "Absolutely not."),
        ("Of course. The state must.", "Of course. The state must."),
        ("Sure!", "Sure!"),
        ("Here are five.", "Here are five."),
        ("Thank you for having me on the show. No.", "Thank you for having me on the show. No."),
        ("Thank you for nothing. No.", "Thank you for nothing. No."),
        ("<|assistant|> Hello! No.", "<|assistant|> Hello! No."),
        ("Thank you for nothing", "Thank you for nothing"),
        ("I am happy to be alone", "I am happy to be alone"),
        ("No. Thank you for your question. I'm glad to help.", "No. Thank you for your question. I'm glad to help."),
        ("Here is " + "very " * 40 + "much: x", "Here is " + "very " * 40 + "much: x"),
        ("", ""),
    ],
)
def test_what_stands_before_an_answer_by_hand(answer: str, expected: str) -> None:
    assert bare(answer) == expected
    question = "Is *this* right?"
    assert bare(f"Q: {question} A: {answer}").split() == f"Q: {question} A: {expected}".split()
    assert TextFormat().apply(answer) == answer


def test_marks_and_manners_in_turns() -> None:
    assert both("**Sure!** I'm happy to help:\n- Hello! **No.**") == "No."
    assert bare("**Sure!** I'm happy to help: no") == "**Sure!** I'm happy to help: no"


@pytest.mark.parametrize("apply", [bare, both])
def test_without_manners_twice_is_the_same(apply: Callable[[str], str]) -> None:
    parts = [
        "Hello!", "Hi there,", "Sure!", "Of course.", "I'm happy to help.", "Here is one:", "Thanks for asking.", "no",
        "Q:", "A:", "- ", "**", "\n", " ", "<s>", "<|user|>", "[/INST]", "<", ">", ":", ".", "1. ", "ok,",
    ]  # fmt: skip
    drawn = random.Random(0)
    for _ in range(10_000):
        text = " ".join(drawn.choices(parts, k=drawn.randint(1, 12)))
        assert apply(apply(text)) == apply(text), repr(text)


@pytest.mark.parametrize(
    "text",
    [
        "Hello! " * 4_000, "- Hello! " * 3_000, "thank you for " * 2_000, "Sure! " * 5_000, "here is " * 4_000 + ":",
        "sure!" + " " * 20_000, "I'm here to " * 3_000, "<|" + "a" * 20_000, "A: Hello! " * 3_000, "I " * 10_000,
    ],
    ids=lambda text: repr(text[:8]),
)  # fmt: skip
def test_hostile_manners_take_no_time(text: str) -> None:
    for apply in (bare, both):
        begin = time.process_time()
        once = apply(text)
        assert time.process_time() - begin < 2
        assert apply(once) == once


def test_applied_twice_it_is_what_it_is_applied_once() -> None:
    words = (
        "[ ] ( ) ]( [a](b) - -- --- === *** * ** _ ` ``` Q: A: 1. 2) a. IV. # ## > < <s> </s> <|im|> \\boxed { } "
        "[INST] / INST think> <think> “ – — … ’ word U.S. x • </ \\ boxed | s>"
    )
    parts = [*words.split(), " ", "\n", "\n\n", "\t", " - ", "\n1. "]
    drawn = random.Random(0)
    for _ in range(20_000):
        text = "".join(drawn.choices(parts, k=drawn.randint(1, 14)))
        assert plain(plain(text)) == plain(text), repr(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000, "](" * 10_000, "[a](" * 5_000, "[" * 4_000 + "a" + "](b)" * 4_000, "[" * 2_500 + "](b)" * 2_500,
        "\n" * 20_000, " " * 20_000, " \n" * 10_000, "- " * 10_000, "1. " * 7_000, "-" * 20_000, "1" * 20_000,
        "I" * 20_000, "<|a" * 7_000, "<<s>s>" * 3_000, "`" * 20_000, "#" * 20_000, "=== " * 5_000, "Q: - " * 4_000,
        "Q:" + " " * 20_000 + "x", "*-" * 10_000, (" " * 50 + "x\n") * 400,
    ],
    ids=lambda text: repr(text[:8]),
)  # fmt: skip
def test_hostile_texts_take_no_time(text: str) -> None:
    begin = time.process_time()
    once = plain(text)
    assert time.process_time() - begin < 2  # a rule that is not linear takes minutes
    assert plain(once) == once


# ---------------------------------------------------------------------------------------------- stored with an encoder


def test_an_encoder_without_the_file_takes_texts_as_they_are(bert: Path) -> None:
    encoder = load_encoder(bert, device="cpu")
    assert encoder.checkpoint.text_format == TextFormat(plain=False)
    assert np.abs(np.diff(encoder.encode(["no * way", "no way"]), axis=0)).max() > 1e-3


def test_a_plain_encoder_reads_plain_texts(bert: Path, plain_bert: Path) -> None:
    stored = json.loads((plain_bert / "univar_config.json").read_text(encoding="utf-8"))
    assert stored == {"format": 1, "text_format": {"plain": True, "drop_boilerplate": False}}
    encoder = load_encoder(plain_bert, device="cpu")
    assert encoder.checkpoint.text_format == TextFormat(plain=True)
    marked, simple = "Q: **Is** it? A: - Yes:\n1. law\n2. duty", "Q: Is it? A: Yes: law duty"
    vectors = encoder.encode([marked, simple])
    np.testing.assert_array_equal(vectors[0], vectors[1])
    np.testing.assert_allclose(vectors[1], load_encoder(bert, device="cpu").encode([simple])[0], atol=1e-6)


def test_the_fingerprint_covers_the_text_format(bert: Path, plain_bert: Path) -> None:
    weights = hashlib.sha256((bert / "model.safetensors").read_bytes())
    assert read_checkpoint(bert).fingerprint == weights.hexdigest()
    assert read_checkpoint(plain_bert).fingerprint != weights.hexdigest()
    write(plain_bert / "univar_config.json", {"format": 1, "text_format": {"plain": False}})
    assert read_checkpoint(plain_bert).fingerprint == weights.hexdigest()  # says what is so without it
    TextFormat(plain=True).save(plain_bert)
    TextFormat().save(plain_bert)
    assert not (plain_bert / "univar_config.json").exists()


def test_formats_are_told_apart_and_an_older_file_is_read(bert: Path, plain_bert: Path) -> None:
    write(plain_bert / "univar_config.json", {"format": 1, "text_format": {"plain": True}})
    assert read_checkpoint(plain_bert).text_format == TextFormat(plain=True)
    found = {read_checkpoint(bert).fingerprint, read_checkpoint(plain_bert).fingerprint}
    TextFormat(drop_boilerplate=True).save(plain_bert)
    read = read_checkpoint(plain_bert)
    assert read.text_format == TextFormat(drop_boilerplate=True)
    assert len(found | {read.fingerprint}) == 3
    encoder = load_encoder(plain_bert, device="cpu")
    typed, said = encoder.encode(["Q: law? A: Thank you for your question. No.", "Q: law? A: No."])
    np.testing.assert_array_equal(typed, said)


def test_the_vector_cache_tells_text_formats_apart(bert: Path, plain_bert: Path, tmp_path: Path) -> None:
    text = ["**no** way"]
    as_it_is, changed = (
        CachedEncoder(read_checkpoint(folder), tmp_path / "cache", device="cpu", dtype=None).encode(text)
        for folder in (bert, plain_bert)
    )
    assert np.abs(as_it_is - changed).max() > 1e-3
    assert len(list((tmp_path / "cache").glob("*.safetensors"))) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "found \\[\\], expected an object"),
        ({}, "found the format None, expected 1"),
        ({"format": 2, "text_format": {"plain": True}}, "found the format 2, expected 1"),
        ({"format": 1}, "found the text_format None, expected 'plain' and 'drop_boilerplate'"),
        ({"format": 1, "text_format": {"plain": "yes"}}, "found the text_format {'plain': 'yes'}, expected"),
        ({"format": 1, "text_format": {"plain": True, "lower": True}}, "found the text_format .*'lower'.*, expected"),
    ],
)
def test_a_bad_file_is_named(plain_bert: Path, content: Any, message: str) -> None:
    write(plain_bert / "univar_config.json", content)
    with pytest.raises(EncoderError, match=f"univar_config.json: {message}"):
        read_checkpoint(plain_bert)
    (plain_bert / "univar_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(EncoderError, match=r"univar_config.json: is not JSON"):
        read_checkpoint(plain_bert)
