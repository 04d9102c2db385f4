"""What is odd about answers; the guess of a text's language is held to the figures that its docstring states."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from pytest_univar.elicitation import health, language_guess
from pytest_univar.elicitation.health import Repeated, Share, health_warnings
from pytest_univar.elicitation.language_guess import guess_languages
from pytest_univar.languages import LANGUAGES
from pytest_univar.values import Answer

EXAMPLES = [json.loads(line) for line in Path(__file__).with_name("languages.jsonl").read_text("utf-8").splitlines()]
BY_LANGUAGE = {code: [e["text"] for e in EXAMPLES if e["language"] == code] for code in LANGUAGES}


def answers(*texts: str, language: str = "eng", samples: int = 1) -> list[Answer]:
    return [
        Answer("m", language, f"q{n // samples}", f"Question {n // samples}?", text, n % samples)
        for n, text in enumerate(texts)
    ]


ENGLISH = answers(
    "I would tell the truth, even to a stranger.",
    "That depends on who is hurt by it and how badly.",
    "Friends matter more than money to most people.",
    "The law should be the same for all of us.",
    "Rest is not a waste of time.",
    "Children have rights of their own.",
)


# --- the language of a text ------------------------------------------------------------------------------------------


def verdict(example: dict[str, str]) -> str:
    guess = guess_languages(example["text"])
    return "undecided" if not guess else "right" if example["language"] in guess else "wrong"


def test_the_guess_is_as_good_as_its_docstring_says() -> None:
    assert all(len(texts) == 3 for texts in BY_LANGUAGE.values())
    counts = Counter(map(verdict, EXAMPLES))
    print(counts)
    stated = f"{counts['right']} right, {counts['undecided']}\nundecided, {counts['wrong']} wrong"
    assert stated in str(language_guess.__doc__)
    assert f"On {len(EXAMPLES)} examples" in str(language_guess.__doc__)


@pytest.mark.parametrize("language", LANGUAGES)
def test_several_answers_in_a_language_are_recognised(language: str) -> None:
    assert language in guess_languages(" ".join(BY_LANGUAGE[language]))


@pytest.mark.parametrize(
    "text",
    ["", "42", "Yes.", "Tokyo, Paris, Lima", "x = f(y) + 3", "¡No!", "???", "hm hm hm hm hm", "https://a.com/com/com"],
)
def test_nobody_knows(text: str) -> None:
    assert guess_languages(text) == frozenset()


def test_foreign_words_do_not_change_the_language_of_a_text() -> None:
    assert guess_languages("The Japanese word 生き甲斐 (ikigai) is what you live for, and that is enough.") == {"eng"}
    assert guess_languages("As they say, la vie en rose: it is the way that you look at things.") == {"eng"}
    assert guess_languages("私はAIなのでopinionはありませんが、正直は大切です。") == {"jpn"}


def test_neighbours_are_told_apart_or_left_undecided() -> None:
    assert guess_languages(BY_LANGUAGE["ind"][0]) == guess_languages(BY_LANGUAGE["zsm"][0]) == {"ind", "zsm"}
    for one, other in [("spa", "por"), ("rus", "bul"), ("arb", "pes"), ("zho", "jpn"), ("spa", "ita")]:
        assert not any(other in guess_languages(text) for text in BY_LANGUAGE[one])
        assert not any(one in guess_languages(text) for text in BY_LANGUAGE[other])


# --- shares ----------------------------------------------------------------------------------------------------------


def test_a_share() -> None:
    assert (Share(1, 4).share, Share(0, 0).share, str(Share(1, 4))) == (0.25, None, "1 of 4")


def test_coverage_by_language() -> None:
    given = [*answers("A.", "B."), *answers("C.", language="spa")]
    assert health.coverage(given, {"spa": 2, "eng": 2, "fra": 2}) == {
        "eng": Share(2, 2),
        "fra": Share(0, 2),
        "spa": Share(1, 2),
    }


def test_refusals_are_counted() -> None:
    assert health.refusals(answers("I can't answer that.", "Yes, always.", "No.")) == Share(1, 3)


def test_repeats_ignore_case_space_and_punctuation() -> None:
    assert health.repeats(answers(" Yes! ", "yes", "No.", "YES\n")) == Repeated(3, 4, "Yes!")
    assert health.repeats([]) == Repeated(0, 0)


def test_the_samples_of_one_question_may_agree() -> None:
    assert health.repeats(answers("Yes.", "Yes.", "Yes.", "No.", "No.", "Why?", samples=3)).count == 1


def test_other_languages_are_counted_and_named() -> None:
    found = health.other_language(answers(*BY_LANGUAGE["fra"], *BY_LANGUAGE["zho"][:2], "Hm."), "eng")
    assert (found.count, found.total, found.languages) == (5, 6, ("fra", "zho"))
    assert health.other_language(answers(*BY_LANGUAGE["zsm"]), "ind").count == 0


@pytest.mark.parametrize(
    ("text", "hollow"), [("…", True), ("N/A", True), ("null", True), ("42", False), ("No.", False)]
)
def test_answers_without_content(text: str, hollow: bool) -> None:
    assert health.without_content(answers(text)) == Share(int(hollow), 1)


# --- warnings --------------------------------------------------------------------------------------------------------


def test_sound_answers_give_no_warning() -> None:
    assert health_warnings(ENGLISH, "eng") == ()
    assert health_warnings([], "eng") == ()
    for language, texts in BY_LANGUAGE.items():
        assert health_warnings(answers(*texts, *(text + " 1" for text in texts)), language) == ()


def test_few_answers_say_nothing() -> None:
    assert health_warnings(answers("…", "…", "…", "…"), "eng") == ()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["Internal error"] * 4 + ["Yes, I would."] * 2, "4 of 6 questions have the same answer ('Internal error')"),
        (BY_LANGUAGE["spa"] + BY_LANGUAGE["fra"], "not to be in English but in French, Spanish"),
        (BY_LANGUAGE["zsm"] * 2, "but in Indonesian or Malay"),
        (["…", "?", "N/A", "Yes.", "No.", "Why not?"], "3 of 6 answers have no content"),
        ([f"I'm sorry, but I can't help with that {n}." for n in range(5)], "5 of 5 answers decline to answer"),
    ],
)
def test_what_is_odd_is_said_in_a_sentence(texts: list[str], expected: str) -> None:
    (warning, *_) = (warning for warning in health_warnings(answers(*texts), "eng") if expected in warning)
    assert warning.endswith(".")
