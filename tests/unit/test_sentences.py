"""Texts in pieces: nothing lost, sentences found in every script, lists and Markdown kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_univar.languages import LANGUAGES
from pytest_univar.questions import load_questions
from pytest_univar.translation.sentences import ISO_639_1, LONGEST_RUN, Piece, has_letters, join, shortened, split


def sentences(text: str, language: str) -> list[str]:
    return [piece.sentence for piece in split(text, language) if piece.sentence]


def whole(pieces: list[Piece]) -> str:
    return "".join(before + sentence for before, sentence in pieces)


TEXTS = (
    st.text(
        st.sampled_from('abcÄé .!?;,:。！？、।ฯ؟،؛กขค่า我是हाँ的한다1２3)(#*-_>`~\n\r\t\u2028\x85\u3000"“”»«😀\u200d')
    )
    | st.text()
)


@given(text=TEXTS, language=st.sampled_from(sorted(LANGUAGES)))
def test_pieces_are_the_text(text: str, language: str) -> None:
    pieces = split(text, language)
    assert whole(pieces) == text
    for piece in pieces[:-1]:
        assert piece.sentence
    for piece in pieces:
        assert piece.sentence == piece.sentence.strip()
        assert has_letters(piece.sentence) or not piece.sentence
        assert len(piece.sentence.splitlines()) <= 1


@given(text=TEXTS, limit=st.integers(1, 30))
def test_shortened_pieces_are_the_text_and_fit(text: str, limit: int) -> None:
    pieces = shortened(split(text, "zho"), lambda part: len(part) <= limit)
    assert whole(pieces) == text
    assert all(len(piece.sentence) <= limit for piece in pieces)


@given(text=TEXTS, language=st.sampled_from(sorted(LANGUAGES)))
def test_joining_sentences_as_they_are_adds_only_spaces(text: str, language: str) -> None:
    pieces = split(text, language)
    joined = join(pieces, [piece.sentence for piece in pieces])
    assert joined.replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("zho", "自由很重要。真的吗？是的！", ["自由很重要。", "真的吗？", "是的！"]),
        ("jpn", "家族は大切です。本当ですか？はい。", ["家族は大切です。", "本当ですか？", "はい。"]),
        ("hin", "परिवार ज़रूरी है। क्या यह सच है? हाँ!", ["परिवार ज़रूरी है।", "क्या यह सच है?", "हाँ!"]),
        ("arb", "العائلة مهمة. هل هذا صحيح؟ نعم!", ["العائلة مهمة.", "هل هذا صحيح؟", "نعم!"]),
        ("pes", "خانواده مهم است. آیا درست است؟ بله!", ["خانواده مهم است.", "آیا درست است؟", "بله!"]),
        ("kor", "가족은 중요하다. 정말? 네!", ["가족은 중요하다.", "정말?", "네!"]),
        ("quy", "Ayllu allinmi. ¿Chiqachu? Arí.", ["Ayllu allinmi.", "¿Chiqachu?", "Arí."]),
        ("hat", "Fanmi enpòtan. Èske se vre? Wi!", ["Fanmi enpòtan.", "Èske se vre?", "Wi!"]),
        ("deu", "Er kam am 3. Mai z. B. zu Fuß. Dann ging er.", ["Er kam am 3. Mai z. B. zu Fuß.", "Dann ging er."]),
        ("swe", "Han kom den 3. maj bl.a. hit. Sedan gick han.", ["Han kom den 3. maj bl.a. hit.", "Sedan gick han."]),
        ("rus", "В 1990 г. он уехал и т. д. Потом вернулся.", ["В 1990 г. он уехал и т. д. Потом вернулся."]),
        ("fin", "Tulin 3. päivänä. Onko totta?", ["Tulin 3. päivänä.", "Onko totta?"]),
        ("eng", "i went home. then i slept. bye", ["i went home.", "then i slept.", "bye"]),
        ("eng", "It is 3.5 km. Dr. Ito said so. He left.", ["It is 3.5 km.", "Dr. Ito said so.", "He left."]),
    ],
)
def test_sentences(language: str, text: str, expected: list[str]) -> None:
    assert sentences(text, language) == expected


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"tha"}))
def test_questions_in_a_row_are_found_again(language: str) -> None:
    """The 174 of the set ``core`` as one paragraph, as people write it in each language."""
    questions = [question.text for question in load_questions("core", language)]
    gap = "" if language in ("zho", "jpn") else " "
    found = sentences(gap.join(questions), language)
    assert found == [sentence for question in questions for sentence in sentences(question, language)]
    assert len(found) >= 174


def test_thai_is_divided_at_spaces_where_it_is_long() -> None:
    clause = "ครอบครัวเป็นสิ่งสำคัญที่สุดในชีวิตของฉัน"
    found = sentences(" ".join([clause] * 12), "tha")
    assert len(found) > 1
    assert all(len(sentence) <= LONGEST_RUN for sentence in found)
    assert " ".join(found) == " ".join([clause] * 12)
    assert {word for sentence in found for word in sentence.split()} == {clause}


MARKDOWN = """\
# Familia

1. La **casa** es verde. El perro come.
2. *Siempre.*
   - (a) Pan, hoy. 😀

> 42
```python
casa = "verde. perro."
```
Fin.
"""


def test_what_is_no_sentence_stands_between_them() -> None:
    assert split(MARKDOWN, "spa") == [
        Piece("# ", "Familia"),
        Piece("\n\n1. ", "La **casa** es verde."),
        Piece(" ", "El perro come."),
        Piece("\n2. *", "Siempre."),
        Piece("*\n   - ", "(a) Pan, hoy."),
        Piece(' 😀\n\n> 42\n```python\ncasa = "verde. perro."\n```\n', "Fin."),
        Piece("\n", ""),
    ]


def test_english_gets_the_spaces_that_chinese_has_not() -> None:
    pieces = split("自由。家庭。\n工作。", "zho")
    assert join(pieces, ["Freedom.", "Family.", "Work."]) == "Freedom. Family.\nWork."


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "42", "…!?", "😀👍", "```\ncode\n```", "~~~ text\nnever closed"])
def test_nothing_to_translate(text: str) -> None:
    assert sentences(text, "spa") == []
    assert whole(split(text, "spa")) == text


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("uno dos, tres cuatro", 12, ["uno dos,", "tres cuatro"]),
        ("uno dos tres cuatro", 12, ["uno dos", "tres cuatro"]),
        ("abcdefgh", 4, ["abcd", "efgh"]),
        ("costó 1,000,000 y costó 2,000,000", 17, ["costó 1,000,000", "y costó 2,000,000"]),
        ("1,000,000 y 2,000,000", 12, ["y 2,000,000"]),  # a number alone is not translated
        ("นี่น้ำ", 4, ["นี่", "น้ำ"]),
    ],
)
def test_a_long_sentence_is_cut_where_it_hurts_least(text: str, limit: int, expected: list[str]) -> None:
    pieces = shortened([Piece("", text)], lambda part: len(part.strip()) <= limit)
    assert [piece.sentence for piece in pieces if piece.sentence] == expected


def test_every_language_has_two_letters() -> None:
    assert list(ISO_639_1) == list(LANGUAGES)
    assert len(set(ISO_639_1.values())) == 25


def test_without_sentencex_the_error_names_the_extra(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['sentencex'] = None\n"
        "from pytest_univar.errors import MissingExtraError\n"
        "from pytest_univar.translation.sentences import split\n"
        "try: split('Casa.', 'spa')\n"
        "except MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert 'pip install "pytest-univar[translate]"' in done.stdout
