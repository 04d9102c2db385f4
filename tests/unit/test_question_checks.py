"""What a program can tell of a question set: each check on lines that are wrong in one way, and on all that we ship."""

from __future__ import annotations

import pytest

from pytest_univar.questions import Located, available_sets, load_languages
from pytest_univar.questions.checks import Finding, check
from pytest_univar.values import Question

ENGLISH = "What do we owe to the people who live next door to us?"
GOOD = {
    "eng": ENGLISH,
    "zho": "我们对住在隔壁的人应该尽些什么责任？",
    "hin": "हमारे पड़ोस में रहने वालों के प्रति हमारा क्या फ़र्ज़ है?",
    "spa": "¿Qué les debemos a las personas que viven al lado?",
    "arb": "ما الذي ندين به للناس الذين يسكنون بجوارنا؟",
    "fra": "Que devons-nous aux gens qui vivent à côté de chez nous\u00a0?",
    "rus": "Чем мы обязаны людям, которые живут рядом с нами?",
    "deu": "Was schulden wir den Menschen, die nebenan wohnen?",
    "pes": "ما به کسانی که همسایهٔ ما هستند چه دِینی داریم؟",
    "jpn": "私たちは隣に住む人にどんな義務があるのでしょうか？",
    "kor": "우리는 옆집에 사는 사람들에게 어떤 의무가 있을까요?",
    "tha": "เราควรรับผิดชอบอะไรต่อคนที่อยู่บ้านติดกันกับเรา?",
    "ron": "Ce le datorăm oamenilor care locuiesc lângă noi și îi știm puțin?",
    "bul": "Какво дължим на хората, които живеят до нас?",
    "fin": "Mitä olemme velkaa naapurissamme asuville ihmisille?",
}


def located(text: str, language: str, id: str = "q1", line: int = 3, **given: str) -> Located:
    return Located(Question(id, text, language, **given), f"made-up/{language}.jsonl", line)


def found(text: str, language: str, english: str = ENGLISH) -> list[Finding]:
    """The findings of a set of one question."""
    return [*check([located(text, language)], language, [located(english, "eng", line=1)])]


def said(text: str, language: str, english: str = ENGLISH) -> str:
    """The one finding, after its place, which is always the same."""
    findings = found(text, language, english)
    assert len(findings) == 1, [*map(str, findings)]
    place = f"made-up/{language}.jsonl, line 3, question 'q1': "
    assert str(findings[0]).startswith(place)
    return str(findings[0]).removeprefix(place)


@pytest.mark.parametrize("name", available_sets())
def test_what_we_ship_passes(name: str) -> None:
    by_language = load_languages(name)
    for language, questions in by_language.items():
        assert not [*map(str, check(questions, language, by_language["eng"], file=f"{name}/{language}.jsonl"))]


@pytest.mark.parametrize("language", GOOD)
def test_a_good_question_passes(language: str) -> None:
    assert not found(GOOD[language], language)


# Complete, and each once


def test_a_missing_question() -> None:
    english = [located(ENGLISH, "eng", "q1", 1), located("What is fair?", "eng", "q2", 2)]
    (finding,) = check([located(GOOD["deu"], "deu")], "deu", english, file="made-up/deu.jsonl")
    assert finding.line is None
    assert str(finding) == (
        "made-up/deu.jsonl, question 'q2': found no such line, expected as in made-up/eng.jsonl, line 2. "
        "Add the question."
    )


def test_a_question_that_english_lacks() -> None:
    (finding,) = check([located(GOOD["deu"], "deu"), located("Was ist gerecht?", "deu", "q2", 4)], "deu",
                       [located(ENGLISH, "eng")])  # fmt: skip
    assert (finding.id, finding.line) == ("q2", 4)
    assert finding.found == "an id that the English questions lack"


def test_another_value_than_in_english() -> None:
    german = located(GOOD["deu"], "deu", value="equality", source="wvs")
    (finding,) = check([german], "deu", [located(ENGLISH, "eng", line=1, value="freedom", source="wvs")])
    assert (finding.found, finding.expected) == ("the value 'equality'", "'freedom' as in made-up/eng.jsonl, line 1")
    assert not [*check([german], "deu", [located(ENGLISH, "eng")])], "a value need not be given twice"


def test_a_text_twice() -> None:
    again = located(GOOD["deu"].upper().replace(" ", "\u00a0"), "deu", "q2", 9)
    (finding,) = check([located(GOOD["deu"], "deu"), again], "deu")
    assert str(finding) == (
        "made-up/deu.jsonl, line 9, question 'q2': found the text of 'q1' (made-up/deu.jsonl, line 3), "
        "expected each text once. Ask something else."
    )


# Characters


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Was schulden wir  den Menschen, die nebenan wohnen?", "found the white space '  ' at character 17, "),
        ("Was schulden wir den Menschen,\ndie nebenan wohnen?", "found the white space '\\n' at character 31, "),
        ("Was schulden wir fu\u0308r Hilfe den Menschen nebenan?", "found characters in parts, expected composed ones"),
    ],
)
def test_untidy_text(text: str, expected: str) -> None:
    assert said(text, "deu").startswith(expected)


@pytest.mark.parametrize(
    ("language", "text", "letters"),
    [
        ("rus", "Чем мы обязаны людям, которые живут pядом с нами?", "'p'"),  # a Latin p, which looks the same
        ("deu", "Was schulden wir den Menschen, die nebеnan wohnen?", "'е'"),  # a Cyrillic е
        ("hin", "हमारे neighbours के प्रति हमारा क्या फ़र्ज़ है?", "'n', 'e', 'i', 'g', 'h', …"),
        ("zho", "我们对住在隔壁のひと应该尽些什么责任？", "'の', 'ひ', 'と'"),
        ("jpn", "우리는隣に住む人にどんな義務があるのでしょうか？", "'우', '리', '는'"),
        ("kor", "우리는 옆집에 사는 人에게 어떤 의무가 있을까요?", "'人'"),
        ("tha", "เราควรรับผิดชอบอะไรต่อ ຄົນ ที่อยู่บ้านติดกันกับเรา?", "'ຄ', 'ນ'"),
        ("arb", "ما الذي ندين به ل Nachbarn الذين يسكنون بجوارنا؟", "'N', 'a', 'c', 'h', 'b', …"),
    ],
)
def test_letters_of_another_script(language: str, text: str, letters: str) -> None:
    assert said(text, language).startswith(f"found {letters}, expected letters of the script ")


@pytest.mark.parametrize(
    ("language", "text", "letters"),
    [
        ("pes", "ما به كسانی که همسایهٔ ما هستند چه دینی داریم؟", "'ك' (Arabic)"),
        ("arb", "ما الذی ندین به للناس الذین یسکنون بجوارنا؟", "'ی', 'ک' (Persian)"),
        ("bul", "Какво дължим на хората, които живеят до наши сынове?", "'ы' (Russian)"),
        ("ron", "Ce le datorăm oamenilor care locuiesc lângă noi şi îi ştim puţin?", "'ş', 'ţ' (cedilla, not comma)"),
    ],
)
def test_letters_of_a_neighbour(language: str, text: str, letters: str) -> None:
    assert said(text, language).startswith(f"found {letters}, expected letters of ")


def test_digits_punctuation_and_long_vowels_are_free() -> None:
    assert not found("「ルール」は100％守るべきでしょうか、それとも…どうすれば？", "jpn")
    assert not found("Para a 2ª pessoa: o que devemos aos vizinhos (os 10 de sempre)?", "por")


def test_no_letters_at_all() -> None:
    assert said("123 456 789 123 456 789 123 456 789?", "deu").startswith("found no letters, ")


# One question, at the end


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("deu", "Sag mir, was wir den Leuten nebenan schulden.", "found '.' at the end, expected the mark '?'"),
        ("zho", "我们对住在隔壁的人应该尽些什么责任?", "found '?' at the end, expected the mark '？'"),
        ("pes", "ما به کسانی که همسایه ما هستند چه دینی داریم?", "found '?' at the end, expected the mark '؟'"),
        ("fin", "Mitä? Olemmeko velkaa naapurissamme asuville?", "found 2 question marks, expected one question."),
        ("spa", "Qué les debemos a las personas que viven al lado?", "found 0 opening marks, expected one '¿'."),
    ],
)  # fmt: skip
def test_not_one_question_at_the_end(language: str, text: str, expected: str) -> None:
    assert said(text, language).startswith(expected)


# Translated, and all of it


def test_leftover_english() -> None:
    assert said("Was schulden wir den people who nebenan wohnen?", "deu") == (
        "found 2 English words of 8 ('people', 'who'), expected at most 5%. Translate the rest of the text."
    )


def test_the_english_text_itself() -> None:
    findings = [str(each) for each in found(ENGLISH, "ita")]
    assert len(findings) == 2
    assert "found 5 English words of 13 ('what', 'we', 'the', 'people', 'who'), expected at most 5%" in findings[0]
    assert "found the English text of made-up/eng.jsonl, line 1, expected a translation" in findings[1]
    assert said("Taxi normal?", "deu", english="Taxi normal?").startswith("found the English text of ")


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "deu",
            "Und nebenan?",
            "found 12 characters, 0.22 times the 54 in English, expected 0.6 to 1.8 times (German",
        ),
        ("fin", GOOD["fin"][:-1] * 3 + "?", "found 154 characters, 2.85 times the 54 in English, expected 0.6 to 1.9"),
        ("zho", "邻居？", "found 3 characters, 0.06 times the 54 in English, expected 0.15 to 0.7 times (Chinese:"),
        (
            "jpn",
            "隣人の人は？",
            "found 6 characters, 0.11 times the 54 in English, expected 0.3 to 1.1 times (Japanese",
        ),
        ("cat", "I ara?", "found 6 characters, 0.11 times the 54 in English, expected 0.15 to 2.5 times (no bounds"),
    ],
)
def test_a_length_that_does_not_fit(language: str, text: str, expected: str) -> None:
    assert said(text, language).startswith(expected)


def test_a_set_without_english_and_a_language_that_is_not_listed() -> None:
    """There is nothing to compare with, and no script is known; what is left is still checked."""
    assert not [*check([located("Što dugujemo susjedima?", "hrv")], "hrv")]
    (finding,) = check([located("Реци нам што дугујемо суседима.", "srp")], "srp")
    assert finding.found == "'.' at the end"


def test_english_is_not_compared_with_itself() -> None:
    english = [located(ENGLISH, "eng")]
    assert not [*check(english, "eng", english)]
