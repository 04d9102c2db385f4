"""Writing questions from values, without a model: what is asked, how replies are read, what is dropped and counted."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

import pytest

from pytest_univar.errors import UsageError
from pytest_univar.questions import HumanValue, available_sets, load_questions, load_values
from pytest_univar.questions.duplicates import NEAR, duplicates, trigrams
from pytest_univar.questions.generation import Account, generate, plan
from pytest_univar.questions.prompting import Reply, Step, bare, numbered_list, prompt_text, single_line
from pytest_univar.values import Question

CANDOUR = HumanValue("candour", "Candour", "Tact", "Saying what one thinks, even unasked.", "")
THRIFT = HumanValue("thrift", "Thrift", None, "Spending no more than is needed.", "ours")

SITUATIONS = (
    "The cooking of my friend is bad, tell her?",
    "A colleague hums all day",
    "The new haircut of my brother",
    "Grandfather forgets old promises",
)
QUESTIONS = (
    "Should I tell my friend that her cooking is bad?",
    "Ought I to ask a colleague to stop humming?",
    "Is it right to praise a haircut that I find ugly?",
    "Must grandfather hear that he broke his promise?",
)


class Model:
    """Answers a prompt by the first of ``rules`` whose text is in it; keeps what it was asked."""

    def __init__(self, **rules: str | Callable[[str], str]) -> None:
        self.rules = rules
        self.asked: list[tuple[Step, str]] = []

    def __call__(self, step: Step, prompts: Sequence[Question]) -> Mapping[str, Reply]:
        self.asked += [(step, prompt.text) for prompt in prompts]
        return {prompt.id: self._reply(step, prompt.text) for prompt in prompts}

    def _reply(self, step: Step, text: str) -> Reply:
        rule = self.rules[step.name]
        return Reply(rule if isinstance(rule, str) else rule(text))


def numbered(*items: str) -> str:
    return "\n".join(f"{number}. {item}" for number, item in enumerate(items, start=1))


def question_for(prompt: str) -> str:
    """The question that belongs to the situation in a prompt."""
    return next(q for s, q in zip(SITUATIONS, QUESTIONS, strict=True) if s in prompt)


def rewordings(prompt: str) -> str:
    """Two for each question, unlike all others."""
    index = next(index for index, question in enumerate(QUESTIONS) if question in prompt)
    words = ("alpha bravo charlie", "delta echo foxtrot", "golf hotel india", "juliet kilo lima")[index]
    return numbered(f"Is {words} what one does?", f"Would you choose {words[::-1]}?")


def test_each_value_becomes_situations_questions_and_paraphrases() -> None:
    lists = {"Candour": numbered(*SITUATIONS[:2]), "Thrift": numbered(*SITUATIONS[2:])}
    model = Model(
        scenarios=lambda prompt: lists["Candour" if "Candour" in prompt else "Thrift"],
        questions=question_for,
        paraphrases=rewordings,
    )
    made = generate([CANDOUR, THRIFT], model, scenarios=2, paraphrases=2)
    assert [question.id for question in made.questions] == [
        f"{value}-s{scenario}-q{number}"
        for value in ("candour", "thrift")
        for scenario in (1, 2)
        for number in (0, 1, 2)
    ]
    assert made.questions[0] == Question("candour-s1-q0", QUESTIONS[0], "eng", "candour", None)
    assert made.questions[-1] == Question("thrift-s2-q2", "Would you choose amil olik teiluj?", "eng", "thrift", "ours")
    assert made.accounts == (
        Account("scenarios", 4, 4, 0, 0, 0),
        Account("questions", 4, 4, 0, 0, 0),
        Account("paraphrases", 8, 8, 0, 0, 0),
    )
    assert made.problems == ()
    assert [step.name for step, _ in model.asked] == ["scenarios"] * 2 + ["questions"] * 4 + ["paraphrases"] * 4
    assert "Candour, as against Tact" in model.asked[0][1]
    assert CANDOUR.definition in model.asked[0][1]
    assert "from 1 to 2" in model.asked[0][1]


def test_without_paraphrases_nothing_is_reworded() -> None:
    model = Model(scenarios=numbered(SITUATIONS[0]), questions=question_for)
    made = generate([CANDOUR], model, scenarios=1, paraphrases=0)
    assert [question.id for question in made.questions] == ["candour-s1-q0"]
    assert [account.step for account in made.accounts] == ["scenarios", "questions"]


@pytest.mark.parametrize(("scenarios", "paraphrases"), [(0, 4), (5, -1)])
def test_numbers_that_cannot_be(scenarios: int, paraphrases: int) -> None:
    with pytest.raises(UsageError, match=f"found {scenarios} scenarios and {paraphrases} paraphrases"):
        generate([CANDOUR], Model(), scenarios=scenarios, paraphrases=paraphrases)


def test_duplicates_are_dropped_after_every_step_and_counted() -> None:
    """The later one goes, the numbers of the others stay, and nothing is asked about what was dropped."""
    model = Model(
        scenarios=numbered(SITUATIONS[0], SITUATIONS[0].upper() + "!", *SITUATIONS[1:3]),
        questions=lambda prompt: QUESTIONS[0] if SITUATIONS[1] in prompt else question_for(prompt),
        paraphrases=lambda prompt: numbered(
            "Should I tell my friend that her cooking is bad, friends?",  # nearly the question
            "Honestly, what would you say?" if QUESTIONS[0] in prompt else "Honestly: what would you say?",
        ),
    )
    made = generate([CANDOUR], model, scenarios=4, paraphrases=2)
    assert [question.id for question in made.questions] == ["candour-s1-q0", "candour-s1-q2", "candour-s4-q0"]
    assert made.accounts == (
        Account("scenarios", 4, 3, 1, 0, 0),
        Account("questions", 3, 2, 1, 0, 0),
        Account("paraphrases", 4, 1, 3, 0, 0),
    )
    assert made.problems == ()


def test_a_reply_that_cannot_be_read_is_asked_for_again_with_what_was_wrong() -> None:
    replies = iter(["I would rather not.", numbered(SITUATIONS[0])])
    model = Model(scenarios=lambda _: next(replies), questions=question_for)
    made = generate([CANDOUR], model, scenarios=1, paraphrases=0)
    assert len(made.questions) == 1
    assert made.accounts[0] == Account("scenarios", 1, 1, 0, 0, 1)
    assert made.problems == ()
    first, second = (text for _, text in model.asked[:2])
    assert second.startswith(first)
    assert "found 0 numbered items, expected 1" in second


def test_a_reply_that_stays_unreadable_is_reported_and_counted() -> None:
    model = Model(
        scenarios=numbered(*SITUATIONS[:2]),
        questions=lambda prompt: "Tell her.\nOr not." + " Hm" * 40 if SITUATIONS[0] in prompt else question_for(prompt),
    )
    made = generate([CANDOUR], model, scenarios=3, paraphrases=0)
    assert [question.id for question in made.questions] == ["candour-s2-q0"]
    assert made.accounts == (Account("scenarios", 3, 2, 0, 1, 1), Account("questions", 2, 1, 0, 1, 1))
    reports = [*map(str, made.problems)]
    assert reports[0].startswith(
        "scenarios, candour: found 2 numbered items, expected 3; the reply begins with '1. The co"
    )
    assert reports[1].startswith(
        "questions, candour-s1: found 2 lines, expected one; the reply begins with 'Tell her. Or "
    )
    assert reports[1].endswith("…'")
    assert len(model.asked) == 2 + 3


def test_of_two_replies_with_a_problem_the_fuller_one_counts() -> None:
    replies = iter([numbered(*SITUATIONS[:1]), numbered(*SITUATIONS[:3])])
    model = Model(scenarios=lambda _: next(replies), questions=question_for)
    made = generate([CANDOUR], model, scenarios=4, paraphrases=0)
    assert made.accounts[0] == Account("scenarios", 4, 3, 0, 1, 1)


def test_a_text_that_is_no_question_is_not_kept() -> None:
    model = Model(
        scenarios=numbered(SITUATIONS[0]),
        questions=question_for,
        paraphrases=numbered("Tell her.", "Bad food: is silence kind?"),
    )
    made = generate([CANDOUR], model, scenarios=1, paraphrases=2)
    assert [question.id for question in made.questions] == ["candour-s1-q0", "candour-s1-q2"]
    assert made.accounts[2] == Account("paraphrases", 2, 1, 0, 1, 1)
    assert "found '.' at the end of 'Tell her.', expected the mark '?'" in str(made.problems[0])


def test_no_reply_and_a_reply_that_was_cut_off() -> None:
    """The first was tried more than once by whoever asks; of the second, nothing is read, as its end is missing."""
    asked: list[list[str]] = []

    def ask(step: Step, prompts: Sequence[Question]) -> Mapping[str, Reply]:
        asked.append([prompt.id for prompt in prompts])
        replies = {"candour": Reply("", "no answer"), "thrift": Reply("1. A bar", "found a reply cut off at 4 tokens")}
        return {prompt.id: replies[prompt.id] for prompt in prompts}

    made = generate([CANDOUR, THRIFT], ask, scenarios=1, paraphrases=1)
    assert made.questions == ()
    assert asked == [["candour", "thrift"], ["thrift"]]
    assert [*map(str, made.problems)] == [
        "scenarios, candour: no answer",
        "scenarios, thrift: found a reply cut off at 4 tokens; the reply begins with '1. A bar'",
    ]


def test_the_plan_has_the_papers_numbers() -> None:
    planned = plan(load_values())
    assert [(each.step.name, each.calls) for each in planned] == [
        ("scenarios", 87),
        ("questions", 4350),
        ("paraphrases", 4350),
    ]
    assert [each.calls for each in plan([CANDOUR], scenarios=3, paraphrases=0)] == [1, 3]


# --- replies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "texts", "problem"),
    [
        ("1. one\n2. two", {1: "one", 2: "two"}, ""),
        ("Of course! Here they are:\n\n1) one\n\n  2)  two  \n\nTell me if you need more.", {1: "one", 2: "two"}, ""),
        ("1. one\n2. two\n3. three", {1: "one", 2: "two"}, ""),
        ("1. **one**\n2. “two”", {1: "one", 2: "two"}, ""),
        ("1. one", {1: "one"}, "found 1 numbered items, expected 2"),
        ("- one\n- two", {}, "found 0 numbered items, expected 2"),
        ("1. one\nand more\n2. two", {1: "one"}, "found the line 'and more' after item 1, expected item 2 of 2"),
        ("1. one\n3. three", {1: "one"}, "found the line '3. three' after item 1, expected item 2 of 2"),
        ("", {}, "found 0 numbered items, expected 2"),
    ],
)
def test_a_numbered_list(reply: str, texts: dict[int, str], problem: str) -> None:
    assert numbered_list(reply, 2) == (texts, problem)


def test_a_single_line() -> None:
    assert single_line('\n "Why?" \n') == ({0: "Why?"}, "")
    assert single_line("Why?\nBecause.") == ({}, "found 2 lines, expected one")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  two   words ", "two words"),
        ("'Why?'", "Why?"),
        ("«Pourquoi\u00a0?»", "Pourquoi\u00a0?"),
        ('"Kind" or "honest"', '"Kind" or "honest"'),
        ('Is "kind" a word?', 'Is "kind" a word?'),
        ("cafe\u0301", "café"),
    ],
)
def test_a_bare_text(text: str, expected: str) -> None:
    assert bare(text) == expected


def test_braces_in_what_a_model_said_do_no_harm() -> None:
    assert "What is {x}?" in prompt_text("paraphrases", question="What is {x}?", count=2)


def test_the_prompts_are_no_question_set() -> None:
    assert available_sets() == ("control", "core", "dilemmas")


# --- duplicates ------------------------------------------------------------------------------------------------------


def test_the_measure_by_hand() -> None:
    """Of ' ab cd ' there are five trigrams, of ' ab ce ' five, and three of them are the same: 3 of 7."""
    first, second = trigrams("Ab, cd!"), trigrams("ab ce")
    assert first == {" ab", "ab ", "b c", " cd", "cd "}
    assert (len(first & second), len(first | second)) == (3, 7)
    assert duplicates(["Ab, cd!", "ab ce", "AB CD"]) == {2: 0}


def test_what_is_found_is_what_comparing_all_pairs_finds() -> None:
    """On texts of one word to twelve, half of them changed copies of the others."""
    chance = random.Random(5)
    words = [f"{chance.choice('bdfgklmnprst')}{chance.choice('aeiou')}{chance.choice('lmnrst')}" for _ in range(40)]
    texts = [" ".join(chance.choices(words, k=chance.randint(1, 12))) for _ in range(200)]
    for text in list(texts):
        changed = text.split()
        for _ in range(chance.randint(0, 3)):
            changed[chance.randrange(len(changed))] = chance.choice(words)
        texts.append(" ".join(changed))
    sets = [trigrams(text) for text in texts]
    kept: list[int] = []
    expected: dict[int, int] = {}
    for index, own in enumerate(sets):
        near = [each for each in kept if len(own & sets[each]) / len(own | sets[each]) >= NEAR]
        if near:
            expected[index] = near[0]
        else:
            kept.append(index)
    assert duplicates(texts) == expected
    assert 50 < len(expected) < 200


def test_our_own_questions_are_no_near_duplicates() -> None:
    assert duplicates([question.text for question in load_questions("core")]) == {}
