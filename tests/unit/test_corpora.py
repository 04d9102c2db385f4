"""corpora.py: which answers belong together, and which questions are never trained on."""

from __future__ import annotations

import csv
import dataclasses
import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_univar.corpora import hold_out, read_corpora
from pytest_univar.errors import AnswersError
from pytest_univar.values import Answer, ValueID
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
    with pytest.raises(AnswersError, match=rf"the corpus 'm' \(source mine\) {found}.* in the file are: {source}"):
        read_corpora(file, {"m": ["mine"]}, held_out_share=0.25, seed=0)


@pytest.mark.parametrize(("questions", "share", "held_out"), [(2, 0.2, 0), (2, 0.5, 1), (10, 0.9, 9)])
def test_too_few_questions_are_refused_before_any_training(
    tmp_path: Path, questions: int, share: float, held_out: int
) -> None:
    file = write_answers(tmp_path / "answers.jsonl", answers(questions=questions))
    with pytest.raises(AnswersError, match=f"has {questions} questions, {held_out} of them held out"):
        read_corpora(file, {"all": ["*"]}, held_out_share=share, seed=0)


def test_a_corpus_of_one_value_id_says_which(tmp_path: Path) -> None:
    file = write_answers(tmp_path / "answers.jsonl", answers(["gpt-a"], 8))
    with pytest.raises(AnswersError, match=r"has 1 value IDs \(gpt-a/eng\), expected at least 2"):
        read_corpora(file, held_out_share=0.25, seed=0)


def test_without_patterns_every_source_is_a_corpus(tmp_path: Path) -> None:
    lines = [*answers(questions=8, source="b"), *answers(questions=12, source="a")]
    file = write_answers(tmp_path / "answers.jsonl", lines)
    corpora = read_corpora(file, held_out_share=0.25, seed=0)
    assert [(corpus.name, len(corpus.answers)) for corpus in corpora] == [("a", 24), ("b", 16)]


def test_the_file_is_the_source_of_lines_that_name_none(tmp_path: Path) -> None:
    lines = [dataclasses.replace(answer, source=None) for answer in answers(questions=8)]
    file = write_answers(tmp_path / "mine.jsonl", lines)
    (corpus,) = read_corpora(file, held_out_share=0.25, seed=0)
    assert (corpus.name, len(corpus.answers)) == ("mine", 16)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").touch()
    with pytest.raises(AnswersError, match=r"none.jsonl: found no answers, expected those of at least 2 value IDs"):
        read_corpora(tmp_path / "none.jsonl", held_out_share=0.25, seed=0)


def test_an_empty_answer_in_a_file(tmp_path: Path) -> None:
    lines = answers(questions=8)
    lines[2] = dataclasses.replace(lines[2], answer="  ")
    file = write_answers(tmp_path / "answers.jsonl", lines)
    with pytest.raises(AnswersError, match=r"answers.jsonl, line 3: found '  ' for \"answer\", expected a string"):
        read_corpora(file, held_out_share=0.25, seed=0)


# ---------------------------------------------------------------------------------------------------- halves of its own


def split_lines(file: Path, halves: Sequence[str | None], lines: Sequence[Answer]) -> Path:
    """The answers, each with its half."""
    write_answers(file, lines)
    records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(records) == len(halves)
    texts = [json.dumps({**record, "split": half}) + "\n" for record, half in zip(records, halves, strict=True)]
    file.write_text("".join(texts), encoding="utf-8")
    return file


def test_a_file_may_say_what_is_held_out(tmp_path: Path) -> None:
    halves = ["test" if number < 6 else "train" for number in range(16)]
    file = split_lines(tmp_path / "answers.jsonl", halves, answers(questions=8))
    (corpus,) = read_corpora(file, held_out_share=0.5, seed=0)
    assert corpus.held_out == {"q00", "q01", "q02"}


def test_a_question_in_both_halves(tmp_path: Path) -> None:
    halves = ["train"] * 7 + ["test"] * 9  # q03 has one line of each
    file = split_lines(tmp_path / "answers.jsonl", halves, answers(questions=8))
    message = r"the question 'q03' of the corpus 'made-up' has a split in line 7 \(train\) and line 8 \(test\)"
    with pytest.raises(AnswersError, match=message):
        read_corpora(file, held_out_share=0.25, seed=0)


def test_the_same_id_in_two_corpora_may_be_in_two_halves(tmp_path: Path) -> None:
    lines = [*answers(questions=8, source="a"), *answers(questions=8, source="b")]
    halves = ["train"] * 12 + ["test"] * 8 + ["train"] * 12
    corpora = read_corpora(
        split_lines(tmp_path / "answers.jsonl", halves, lines), {"a": ["a"], "b": ["b"]}, held_out_share=0.25, seed=0
    )
    assert [sorted(corpus.held_out) for corpus in corpora] == [["q06", "q07"], ["q00", "q01"]]
    with pytest.raises(AnswersError, match="the question 'q00' of the corpus 'both' has a split in line 1"):
        read_corpora(tmp_path / "answers.jsonl", {"both": ["*"]}, held_out_share=0.25, seed=0)


def test_a_question_without_a_half_among_others_with_one(tmp_path: Path) -> None:
    halves = ["train"] * 8 + ["test"] * 6 + [None, None]
    file = split_lines(tmp_path / "answers.jsonl", halves, answers(questions=8))
    with pytest.raises(AnswersError, match=r"the question 'q07' .* has a split in none of its lines; expected one"):
        read_corpora(file, held_out_share=0.25, seed=0)


def test_a_half_that_there_is_not(tmp_path: Path) -> None:
    file = split_lines(tmp_path / "answers.jsonl", ["dev", *["train"] * 15], answers(questions=8))
    with pytest.raises(AnswersError, match=r"line 1: found the split 'dev', expected 'train' or 'test'"):
        read_corpora(file, held_out_share=0.25, seed=0)


# ------------------------------------------------------------------------------------------- the released data's layout


def released(folder: Path, corpus: str, lines: Sequence[Answer]) -> Path:
    """Answers as <corpus>/qa_translated/<model>.csv; the corpus's folder."""
    by_llm: dict[str, list[Answer]] = {}
    for line in lines:
        by_llm.setdefault(line.llm, []).append(line)
    for llm, own in by_llm.items():
        file = folder / corpus / "qa_translated" / f"{llm}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", newline="") as stream:
            rows = csv.writer(stream)
            rows.writerow(["question", "answer", "lang"])
            rows.writerows([answer.question, answer.answer, answer.language] for answer in own)
    return folder / corpus


def test_every_corpus_of_the_released_layout_is_one(tmp_path: Path) -> None:
    english = answers(questions=8)
    spanish = [dataclasses.replace(answer, language="spa") for answer in english]
    pvq = released(tmp_path, "pvq", english + spanish)
    released(tmp_path, "wvs", answers(["llama-b", "qwen-c"], 12))
    (tmp_path / "notes").mkdir()
    first, second = read_corpora(tmp_path, held_out_share=0.25, seed=0)
    assert (first.name, second.name) == ("pvq", "wvs")
    assert [str(value_id) for value_id in first.value_ids] == ["gpt-a/eng", "gpt-a/spa", "llama-b/eng", "llama-b/spa"]
    assert (len(first.answers), len(second.answers)) == (32, 24)
    assert {(a.llm, a.question, a.answer) for a in first.answers} == {(a.llm, a.question, a.answer) for a in english}
    assert len(first.held_out) == 2  # the questions of the two LLMs are the same ones
    (alone,) = read_corpora(pvq, held_out_share=0.25, seed=0)
    assert alone == first
    (chosen,) = read_corpora(tmp_path, {"survey": ["wv*"]}, held_out_share=0.25, seed=0)
    assert chosen.answers == second.answers


def test_an_empty_answer_in_the_released_layout(tmp_path: Path) -> None:
    lines = answers(questions=8)
    lines[3] = dataclasses.replace(lines[3], answer=" ")
    released(tmp_path, "pvq", lines)
    message = r"pvq: found no text in 1 answers, the first of llama-b/eng to 'should work 1 be fair'; .*these rows"
    with pytest.raises(AnswersError, match=message):
        read_corpora(tmp_path, held_out_share=0.25, seed=0)


def test_a_folder_of_another_layout(tmp_path: Path) -> None:
    with pytest.raises(AnswersError, match=r"found no folder \*/qa_translated, expected <corpus>/qa_translated/"):
        read_corpora(tmp_path, held_out_share=0.25, seed=0)
