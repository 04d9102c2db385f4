"""Question sets in other languages: what is kept of a translator's work, and the files that it is written to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from pytest_univar.errors import QuestionsError
from pytest_univar.languages import LANGUAGES
from pytest_univar.questions import Located, load_languages
from pytest_univar.questions.generation import write_questions
from pytest_univar.questions.prompting import Reply, Step
from pytest_univar.questions.translating import Translate, translated, with_model
from pytest_univar.values import Question


class Model:
    """Gives the replies in their order, the last one ever after; keeps the prompts."""

    def __init__(self, *replies: str) -> None:
        self.prompts: list[str] = []
        self._replies = replies

    def __call__(self, step: Step, prompts: Sequence[Question]) -> Mapping[str, Reply]:
        return dict(self._answered(prompts))

    def _answered(self, prompts: Sequence[Question]) -> Iterator[tuple[str, Reply]]:
        for prompt in prompts:
            self.prompts.append(prompt.text)
            yield prompt.id, Reply(self._replies[min(len(self.prompts), len(self._replies)) - 1])


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ours.jsonl"
    questions = (
        Question("a", "Is «ça» a “word”?", "eng", "candour", "ours"),
        Question("a", "¿Es una palabra?", "spa"),
    )
    write_questions(path, questions)
    assert [each.question for code in ("eng", "spa") for each in load_languages(path)[code]] == [*questions]
    assert [file.name for file in path.parent.iterdir()] == ["ours.jsonl"]
    assert path.read_text("utf-8").splitlines()[1] == '{"id": "a", "text": "¿Es una palabra?", "language": "spa"}'


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(QuestionsError, match="cannot be written"):
        write_questions(tmp_path / "file" / "ours.jsonl", [Question("a", "Why?")])


def giving(replies: Mapping[str, Reply]) -> Translate:
    """A translator that gives these, whatever it is asked for."""
    return lambda english: replies


ENGLISH = tuple(
    Located(Question(f"q{number}", text, "eng", "candour"), "ours.jsonl", number)
    for number, text in enumerate(("What do we owe to strangers?", "Who should know what I earn?"), start=1)
)


def test_translations_keep_ids_and_values() -> None:
    spanish = {"q1": Reply("¿Qué debemos a los desconocidos?"), "q2": Reply("¿Quién puede saber lo que gano?")}
    made = translated(ENGLISH, "spa", giving(spanish))
    assert made.problems == ()
    assert made.questions == tuple(Question(id, reply.text, "spa", "candour") for id, reply in spanish.items())


@pytest.mark.parametrize(
    ("language", "text", "problem"),
    [
        ("spa", "¿Quién puede saber lo que gano", "found 'o' at the end, expected the mark '?'"),
        ("spa", "¿Quién should know lo que gano?", "English words of"),
        ("spa", "Who should know what I earn?", "expected one '¿'"),
        ("spa", "¿Quién?", "0.25 times the 28 in English, expected 0.6 to 1.8 times"),
        ("jpn", "Dare ga shiru？", "expected letters of the script Jpan alone, in which Japanese is written"),
        ("spa", "¿Qué debemos a los desconocidos?", "found the text of 'q1'"),
        ("spa", "", "the translator gave up"),
    ],
)
def test_translations_that_are_not_kept(language: str, text: str, problem: str) -> None:
    first = {"spa": "¿Qué debemos a los desconocidos?", "jpn": "私たちは他人に何を負っていますか？"}[language]
    reply = Reply(text) if text else Reply("", "the translator gave up")
    made = translated(ENGLISH, language, giving({"q1": Reply(first), "q2": reply}))
    assert [question.id for question in made.questions] == ["q1"]
    assert [(each.step, each.about) for each in made.problems] == [(language, "q2")]
    assert problem in str(made.problems[0])


def test_a_text_that_is_there_already_is_not_taken_again() -> None:
    there = Located(Question("q0", "¿Qué debemos a los desconocidos?", "spa"), "ours.spa.jsonl", 1)
    made = translated(ENGLISH[:1], "spa", giving({"q1": Reply(there.question.text)}), there=[there])
    assert made.questions == ()
    assert "found the text of 'q0' (ours.spa.jsonl, line 1)" in str(made.problems[0])


def test_nothing_to_translate_asks_nothing() -> None:
    made = translated([], "spa", with_model(Model(), "spa"))
    assert (made.questions, made.problems) == ((), ())


def test_a_model_that_answers_is_told_so_once() -> None:
    model = Model("You owe them nothing.\nReally.", "¿Qué debemos a los desconocidos?")
    made = translated(ENGLISH[:1], "spa", with_model(model, "spa"))
    assert [question.text for question in made.questions] == ["¿Qué debemos a los desconocidos?"]
    first, second = model.prompts
    assert "from English into Spanish (spa_Latn)" in first
    assert ENGLISH[0].question.text in first
    assert second.startswith(first)
    assert "found 2 lines, expected one" in second


def test_a_model_that_does_not_stop_is_reported() -> None:
    model = Model("You owe them nothing.")
    made = translated(ENGLISH[:1], "spa", with_model(model, "spa"))
    assert made.questions == ()
    assert len(model.prompts) == 2
    assert str(made.problems[0]).startswith(
        "spa, q1: found '.' at the end, expected the mark '?'; the reply begins with"
    )


def test_what_we_ship_would_pass_as_translations() -> None:
    core = load_languages("core")
    for language in LANGUAGES.keys() - {"eng"}:
        own = {each.question.id: Reply(each.question.text) for each in core[language]}
        made = translated(core["eng"], language, giving(own))
        assert made.problems == ()
        assert [question.id for question in made.questions] == [each.question.id for each in core["eng"]]
