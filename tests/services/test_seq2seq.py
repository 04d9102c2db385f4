"""Translating with the seq2seq translators: real, small checkpoints, word for word (see tiny_seq2seq)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pytest_univar.errors import TranslationError
from pytest_univar.translation.seq2seq import Seq2SeqTranslator, repeats_itself

from .tiny_seq2seq import (
    SILENT,
    STAMMER,
    WORDS,
    by_hand,
    english_of,
    nllb_checkpoint,
    plainly,
    sentences,
    translated,
)

needs_cuda = pytest.mark.skipif(
    "not __import__('torch').cuda.is_available()", reason="no CUDA device here: run the tests on a machine with one"
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nllb_checkpoint(tmp_path_factory.mktemp("seq2seq") / "tiny-nllb")


@pytest.fixture(scope="module")
def translator(tiny: Path) -> Seq2SeqTranslator:
    return Seq2SeqTranslator(str(tiny), device="cpu")


def test_the_model_translates_as_worked_out_by_hand(translator: Seq2SeqTranslator) -> None:
    texts = ["casa verde.", "la gente vive bien, hoy.", "perro"]
    assert english_of(translator, texts) == ["house green.", "the people lives well, today.", "dog"]
    assert by_hand(texts[1]) == "the people lives well, today."


def test_each_sentence_as_a_plain_generate_call_has_it(tiny: Path, translator: Seq2SeqTranslator) -> None:
    texts = sentences(6)
    assert english_of(translator, texts) == [plainly(tiny, text) for text in texts]


def test_a_batch_of_one_equals_a_batch_of_many(tiny: Path) -> None:
    texts = sentences(60, longest=40)
    alone = english_of(Seq2SeqTranslator(str(tiny), device="cpu", batch_tokens=1), texts)
    assert alone == [by_hand(text) for text in texts]
    for batch_tokens in (100, 4096):
        assert english_of(Seq2SeqTranslator(str(tiny), device="cpu", batch_tokens=batch_tokens), texts) == alone
    assert [english_of(Seq2SeqTranslator(str(tiny), device="cpu"), [text])[0] for text in texts[:5]] == alone[:5]


def test_another_target_than_english(tiny: Path) -> None:
    translator = Seq2SeqTranslator(str(tiny), device="cpu", target="spa")
    spanish, problems = translated(translator, ["the house green.", "dog eats bread?"], "eng")
    assert (spanish, problems) == ({0: "la casa verde.", 1: "perro come pan?"}, {})
    assert translator.name == f"{Seq2SeqTranslator(str(tiny)).name}, into spa"
    with pytest.raises(TranslationError, match=r"has no language code 'fin_Latn', so it cannot translate into Finnish"):
        Seq2SeqTranslator(str(tiny), device="cpu", target="fin").check("eng")


LONG = """\
# Familia verde

La casa es verde. El perro come pan! 42

- siempre ayuda. hoy, mañana? 😀
- dinero.
```
casa verde.
```
gente feliz."""


def test_a_long_text_is_split_and_put_together_again(translator: Seq2SeqTranslator) -> None:
    alone = [
        "Familia verde", "La casa es verde.", "El perro come pan!", "siempre ayuda.", "hoy, mañana?", "dinero.",
        "gente feliz.",
    ]  # fmt: skip
    expected = LONG
    for sentence, english in zip(alone, english_of(translator, alone), strict=True):
        assert english != sentence
        expected = expected.replace(sentence, english, 1) if sentence != "gente feliz." else expected
    expected = expected.replace("gente feliz.", "people happy.")
    assert english_of(translator, [LONG]) == [expected]
    assert "\n```\ncasa verde.\n```\npeople happy." in expected


def test_a_sentence_longer_than_the_model_takes_is_divided_not_truncated(translator: Seq2SeqTranslator) -> None:
    generator = random.Random(1)
    words = generator.choices(list(WORDS), k=700)
    (english,) = english_of(translator, [" ".join(words)])
    assert english.split() == [WORDS[word] for word in words]


def test_cut_is_the_papers_way(tiny: Path) -> None:
    """One token is the language's, one the end's; so 254 words are left."""
    words = random.Random(2).choices(list(WORDS), k=400)
    short = "casa verde. perro come."
    translator = Seq2SeqTranslator(str(tiny), device="cpu", cut=256)
    long, english = english_of(translator, [" ".join(words), short])
    assert long.split() == [WORDS[word] for word in words[:254]]
    assert long == plainly(tiny, " ".join(words), truncation=True, max_length=256)
    assert english == "house green. dog eats."
    assert translator.name == f"{Seq2SeqTranslator(str(tiny)).name}, cut at 256 tokens"
    for cut, message in ((4, "at least 8"), (5000, "at most the 1024")):
        with pytest.raises(TranslationError, match=message):
            Seq2SeqTranslator(str(tiny), device="cpu", cut=cut).check("spa")


@pytest.mark.parametrize("cut", [None, 256])
def test_what_has_no_letters_stays_as_it_is(tiny: Path, cut: int | None) -> None:
    texts = ["", "  \n ", "42 + 1", "😀\n\n- 7"]
    assert english_of(Seq2SeqTranslator(str(tiny), device="cpu", cut=cut), texts) == texts


def test_a_text_is_handed_over_when_its_last_sentence_is_there(tiny: Path) -> None:
    """One sentence at a time, the longest first; a sentence of two texts is translated once, for both."""
    texts = ["casa. perro verde.", "gato.", "la casa es verde hoy. casa.", "7", "perro verde."]
    english, _ = translated(Seq2SeqTranslator(str(tiny), device="cpu", batch_tokens=1), texts)
    order = list(english)
    assert order[0] == 3
    assert order.index(4) < order.index(0)
    assert order.index(4) < order.index(2)
    assert english[2] == "the house es green today. house."


def test_many_texts_with_the_same_sentences(translator: Seq2SeqTranslator) -> None:
    known = sentences(20)
    generator = random.Random(3)
    texts = [" ".join(generator.choices([text.capitalize() for text in known], k=4)) for _ in range(600)]
    alone = dict(zip(texts, english_of(translator, texts[:3]), strict=False))
    english = english_of(translator, texts)
    assert len(english) == 600
    assert [english[texts.index(text)] for text in alone] == list(alone.values())


def test_what_looks_like_a_special_token_is_text(translator: Seq2SeqTranslator) -> None:
    (english,) = english_of(translator, ["casa come </s> perro verde eng_Latn bien siempre la gente vive bien."])
    assert english.startswith("house eats ")
    assert english.endswith("well always the people lives well.")


def test_an_empty_translation_is_that_texts_problem(translator: Seq2SeqTranslator) -> None:
    english, problems = translated(translator, ["casa verde.", f"perro come.\n{SILENT} casa.\ngato."])
    assert english == {0: "house green."}
    assert problems == {1: f"1 of 3 sentences not translated (the translation is empty: {SILENT} casa.)"}


def test_what_never_ends_is_reported(tmp_path: Path) -> None:
    translator = Seq2SeqTranslator(str(nllb_checkpoint(tmp_path, endless=True)), device="cpu")
    english, problems = translated(translator, ["casa verde.", "42"])
    assert english == {1: "42"}
    assert "1 of 1 sentences not translated (no end within" in problems[0]


def test_what_fails_in_a_batch_is_tried_once_more_alone(tmp_path: Path) -> None:
    folder = nllb_checkpoint(tmp_path, stammering=True)
    assert plainly(folder, "casa verde.").count(STAMMER) > 10
    first, second = english_of(Seq2SeqTranslator(str(folder), device="cpu"), ["casa verde.", "perro come pan."])
    assert first.startswith("house green.")
    assert second.startswith("dog eats bread.")
    assert first.count(STAMMER) <= 4


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ("a" * 24, True),
        ("a" * 23, False),
        ("xyz" + "abcdefgh" * 4, True),
        ("abcdefgh" * 3 + "xyz", False),
        ("very very very very good", False),
        ("0123456789abcdef" * 4, True),
        ("", False),
    ],
)
def test_repetition(tokens: str, expected: bool) -> None:
    assert repeats_itself([ord(token) for token in tokens]) is expected


def test_a_script_that_the_checkpoint_does_not_know_is_reported(translator: Seq2SeqTranslator) -> None:
    english, problems = translated(translator, ["casa verde.", "свобода и работа", "casa verde, ура."])
    assert english[0] == "house green."
    assert english[2].startswith("house green,")
    assert list(problems) == [1]
    assert "are unknown to the checkpoint: свобода и работа" in problems[1]


@needs_cuda
def test_on_a_gpu_in_bfloat16(tiny: Path) -> None:
    texts = sentences(200, longest=40)
    assert english_of(Seq2SeqTranslator(str(tiny), device="cuda"), texts) == [by_hand(text) for text in texts]
