"""corpora.py: which answers belong together, and which questions are never trained on."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest

from pytest_univar.corpora import hold_out, read_corpora
from pytest_univar.errors import AnswersError
from pytest_univar.values import ValueID
from tests.synthetic import answers, write_answers

IDS = [f"q{number}" for number in range(1000)]


def test_the_share_is_held_out_of_whole_questions() -> None:
    assert len(hold_out(IDS, 0.25, seed=0)) == 250
    assert len(hold_out(IDS * 3, 0.25, seed=0)) == 250  # an id counts once, however many answers it has
    assert hold_out(IDS, 0.25, seed=0) < set(IDS)


def test_the_choice_depends_on_the_seed_but_not_on_the_order() -> None:
    shuffled = random.Random(0).sample(IDS, len(IDS))
    assert hold_out(shuffled, 0.25, seed=0) == hold_out(IDS, 0.25, seed=0)
    assert hold_out(IDS, 0.25, seed=1) != hold_out(IDS, 0.25, seed=0)


def test_the_choice_is_the_same_everywhere() -> None:
    """Pinned: banks and encoders that were made before must still not know these questions."""
    assert hold_out(IDS[:8], 0.25, seed=0) == {"q4", "q6"}


def test_a_larger_share_holds_out_the_same_and_more() -> None:
    assert hold_out(IDS, 0.1, seed=0) < hold_out(IDS, 0.2, seed=0)


def test_sources_are_patterns_and_others_are_left_out(tmp_path: Path) -> None:
    lines = [
        *answers(["gpt-a", "llama-b"], 8, source="speech-us"),
        *answers(["llama-b", "qwen-c"], 8, source="speech-eu"),
        *answers(["gpt-a", "qwen-c"], 8, source="control"),
    ]
    file = write_answers(tmp_path / "answers.jsonl", lines)
    sources = {"speech": ["speech-*"], "us": ["speech-us"]}
    speech, us = read_corpora(file, sources, held_out_share=0.25, seed=0)
    assert [str(value_id) for value_id in speech.value_ids] == ["gpt-a/eng", "llama-b/eng", "qwen-c/eng"]
    assert (speech.name, len(speech.answers), us.name, len(us.answers)) == ("speech", 32, "us", 16)
    assert {answer.source for answer in speech.answers} == {"speech-us", "speech-eu"}


def test_a_question_is_on_one_side_only(tmp_path: Path) -> None:
    file = write_answers(tmp_path / "answers.jsonl", answers(questions=20))
    (corpus,) = read_corpora(file, {"all": ["*"]}, held_out_share=0.25, seed=0)
    training, test = ({answer.question_id for answer in part} for part in (corpus.training, corpus.test))
    assert (len(training), len(test)) == (15, 5)
    assert not training & test
    assert len(corpus.training) + len(corpus.test) == len(corpus.answers) == 40


def test_the_same_llm_in_another_language_is_another_value_id(tmp_path: Path) -> None:
    english = answers(["gpt-a"], 8)
    spanish = [dataclasses.replace(answer, language="spa") for answer in english]
    file = write_answers(tmp_path / "answers.jsonl", english + spanish)
    (corpus,) = read_corpora(file, {"all": ["*"]}, held_out_share=0.25, seed=0)
    assert corpus.value_ids == (ValueID("gpt-a", "eng"), ValueID("gpt-a", "spa"))


@pytest.mark.parametrize(
    ("llms", "source", "found"),
    [(["gpt-a"], "mine", "has 1 value IDs"), (["gpt-a", "llama-b"], "other", "has 0 value IDs")],
)
def test_a_corpus_needs_two_value_ids(tmp_path: Path, llms: list[str], source: str, found: str) -> None:
    file = write_answers(tmp_path / "answers.jsonl", answers(llms, 8, source=source))
    with pytest.raises(AnswersError, match=rf"the corpus 'm' \(source mine\) {found}, .* in the file are: {source}"):
        read_corpora(file, {"m": ["mine"]}, held_out_share=0.25, seed=0)


@pytest.mark.parametrize(("questions", "share", "held_out"), [(2, 0.2, 0), (2, 0.5, 1), (10, 0.9, 9)])
def test_too_few_questions_are_refused_before_any_training(
    tmp_path: Path, questions: int, share: float, held_out: int
) -> None:
    file = write_answers(tmp_path / "answers.jsonl", answers(questions=questions))
    with pytest.raises(AnswersError, match=f"has {questions} questions, {held_out} of them held out"):
        read_corpora(file, {"all": ["*"]}, held_out_share=share, seed=0)
