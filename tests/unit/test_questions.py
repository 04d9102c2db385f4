"""The question sets as data."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path

import pytest

from pytest_univar.languages import LANGUAGES
from pytest_univar.questions import (
    available_sets,
    less_certain,
    load_languages,
    load_questions,
    load_sources,
    load_values,
    question_set_hash,
)
from pytest_univar.values import Question

# The taxonomy


def test_there_are_87_distinct_values() -> None:
    values = load_values()
    assert len(values) == len({value.id for value in values}) == len({value.name.lower() for value in values}) == 87
    assert len({value.definition for value in values}) == 87


def test_every_source_gives_what_its_authors_count() -> None:
    """A value that two sources share is counted once, under one of them; together each source is complete."""
    own = Counter(value.source for value in load_values())
    shared = Counter(source for value in load_values() for source in value.also)
    assert own["rokeach-terminal"] == own["rokeach-instrumental"] == 18
    assert own["schwartz-refined"] + shared["schwartz-refined"] == 19
    assert own["schwartz-cultural"] == 7
    assert own["hofstede-vsm"] == 6
    assert own["wvs"] == 12
    assert own["globe"] == 2
    assert own["allsides"] == 8


def test_every_source_is_cited_and_every_citation_used() -> None:
    values = load_values()
    named = {value.source for value in values} | {source for value in values for source in value.also}
    assert named == set(load_sources())
    assert all(value.source not in value.also for value in values)
    assert all(re.search(r"\(\d{4}\)|https://", citation) for citation in load_sources().values())


def test_the_documentation_lists_every_value() -> None:
    page = (Path(__file__).parents[2] / "docs" / "questions.md").read_text("utf-8")
    assert not [value.id for value in load_values() if f"`{value.id}`" not in page]


def test_values_are_well_formed() -> None:
    for value in load_values():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", value.id)
        assert value.definition.endswith(".")
        assert value.definition.count(". ") == 0, f"{value.id}: one sentence"
        assert value.opposite is None or value.opposite.lower() != value.name.lower()


def test_opposites_within_the_taxonomy_answer_each_other() -> None:
    by_name = {value.name: value for value in load_values()}
    for value in by_name.values():
        if value.opposite in by_name:
            opposite = by_name[value.opposite].opposite
            # Schwartz opposes embeddedness to both kinds of autonomy.
            assert opposite is not None
            assert opposite.lower() in value.name.lower()


# The set `core`


def test_core_asks_twice_about_each_value() -> None:
    questions = load_questions("core")
    assert len(questions) == 174
    for value in load_values():
        mine = [question for question in questions if question.value == value.id]
        assert [question.id for question in mine] == [f"core-{value.id}-1", f"core-{value.id}-2"]
        assert {question.source for question in mine} == {value.source}
        assert {question.language for question in mine} == {"eng"}


def test_core_questions_are_short_and_end_as_questions() -> None:
    for question in load_questions("core"):
        assert 8 <= len(question.text.split()) <= 25, question.text
        assert question.text.endswith("?")
        assert question.text.count("?") == 1, question.text
        assert question.text.isprintable()
        assert question.text[0].isupper()


def test_core_questions_are_distinct() -> None:
    texts = [question.text for question in load_questions("core")]
    for one, other in combinations(texts, 2):
        words, others = (set(re.findall(r"\w+", text.lower())) for text in (one, other))
        if len(words & others) / len(words | others) > 0.3:
            assert SequenceMatcher(None, one, other).ratio() < 0.7, (one, other)
        assert len(words & others) / len(words | others) < 0.5, (one, other)


def test_core_openings_vary() -> None:
    openings = Counter(" ".join(question.text.lower().split()[:2]) for question in load_questions("core"))
    assert max(openings.values()) <= 5, openings.most_common(3)


def test_core_questions_do_not_ask_for_yes_or_no() -> None:
    closed = re.compile(
        r"(?:^|[;:.] )(?:is|are|was|were|do|does|did|can|could|should|would|will|has|have|may|must)\b", re.I
    )
    assert not [question.text for question in load_questions("core") if closed.search(question.text)]


@pytest.mark.parametrize("name", ["core", "dilemmas"])
def test_questions_name_no_country_religion_or_company(name: str) -> None:
    named = re.compile(
        r"\b(america|usa|u\.s|united states|brit|england|english|europe|africa|asia|china|chinese|india|japan|russia"
        r"|german|france|french|spain|spanish|ital|brazil|mexic|arab|israel|palestin|ukrain|iran|turk|korea|vietnam"
        r"|canad|austral|christ|muslim|islam|jew|hindu|buddh|catholic|church|mosque|bible|quran|god|google|facebook"
        r"|twitter|openai)",
        re.I,
    )
    assert not [question.text for question in load_questions(name) if named.search(question.text)]


# `core` in 25 languages


def test_core_asks_the_same_in_25_languages() -> None:
    by_language = load_languages("core")
    assert list(by_language) == list(LANGUAGES)
    assert sum(map(len, by_language.values())) == 25 * 174 == 4350
    english = [each.question for each in by_language["eng"]]
    for language, located in by_language.items():
        assert tuple(each.question for each in located) == load_questions("core", language)
        assert [each.line for each in located] == list(range(1, 175))
        for each, original in zip(located, english, strict=True):
            assert each.question == replace(original, language=language, text=each.question.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_value_has_two_questions_in_every_language(language: str) -> None:
    sources = {value.id: value.source for value in load_values()}
    questions = load_questions("core", language)
    assert Counter(question.value for question in questions) == dict.fromkeys(sources, 2)
    assert all(question.source == sources[question.value or ""] for question in questions)


def test_no_two_languages_share_a_text() -> None:
    """Malay and Indonesian are near, but nobody copied one into the other."""
    texts = Counter(each.question.text for located in load_languages("core").values() for each in located)
    assert len(texts) == 4350


def test_french_core_has_a_space_that_does_not_break_before_the_mark() -> None:
    assert all(question.text.endswith("\u00a0?") for question in load_questions("core", "fra"))


def test_two_languages_are_less_certain() -> None:
    doubts = {language: less_certain("core", language) for language in LANGUAGES}
    assert [language for language, doubt in doubts.items() if doubt] == ["hat", "quy"]
    assert "qariwarmi" in (doubts["quy"] or "")
    assert less_certain("values/ours.jsonl", "quy") is None
    assert less_certain("dilemmas", "eng") is None


# The sets `dilemmas` and `control`


def test_the_built_in_sets() -> None:
    assert available_sets() == ("control", "core", "dilemmas")
    assert [list(load_languages(name)) for name in ("control", "dilemmas")] == [["eng"], ["eng"]]


@pytest.mark.parametrize("name", ["control", "dilemmas"])
def test_further_sets_have_60_distinct_questions_without_a_value(name: str) -> None:
    questions = load_questions(name)
    assert len(questions) == len({question.text for question in questions}) == 60
    for question in questions:
        assert re.fullmatch(rf"{name}-[a-z0-9]+(-[a-z0-9]+)*", question.id)
        assert question.value is question.source is None
        assert question.text.endswith("?")
        assert question.text.count("?") == 1
    for one, other in combinations(questions, 2):
        assert SequenceMatcher(None, one.text, other.text).ratio() < 0.8, (one.text, other.text)


def test_dilemmas_are_told_in_15_to_45_words() -> None:
    for question in load_questions("dilemmas"):
        assert 15 <= len(question.text.split()) <= 45, question.text


def test_control_asks_15_of_each_kind() -> None:
    kinds = [question.id.split("-")[1] for question in load_questions("control")]
    assert Counter(kinds) == {"code": 15, "arithmetic": 15, "facts": 15, "recipes": 15}


def test_control_asks_for_no_opinion() -> None:
    asked = re.compile(r"\b(should|think|opinion|better|best|prefer|recommend|ought|fair|right|wrong|view)\b", re.I)
    assert not [question.text for question in load_questions("control") if asked.search(question.text)]


# The hash


def test_the_hash_is_that_of_ids_texts_and_languages() -> None:
    questions = load_questions("core")
    assert question_set_hash(questions) == question_set_hash(reversed(questions))
    bare = [Question(question.id, question.text, question.language) for question in questions]
    assert question_set_hash(bare) == question_set_hash(questions)
    assert re.fullmatch(r"[0-9a-f]{64}", question_set_hash(questions))


@pytest.mark.parametrize("other", [Question("b", "Why?"), Question("a", "Why not?"), Question("a", "Why?", "spa")])
def test_the_hash_changes_with_each_of_them(other: Question) -> None:
    assert question_set_hash([Question("a", "Why?")]) != question_set_hash([other])


def test_the_hash_of_a_known_set_never_changes() -> None:
    """Banks carry it: another way of hashing would make every bank look as if it had asked other questions."""
    digest = "77e2ece96c3055f531949c8dbb6746f4"
    assert question_set_hash([Question("b", "Wozu?", "deu"), Question("a", "Why?")]).startswith(digest)


def test_the_quickstart_answers_questions_of_core() -> None:
    lines = (Path(__file__).parents[2] / "examples" / "quickstart" / "answers.jsonl").read_text("utf-8").splitlines()
    answers = [json.loads(line) for line in lines]
    core = {question.id: question.text for question in load_questions("core")}
    assert len(answers) == len({answer["question_id"] for answer in answers}) == 60
    for answer in answers:
        assert answer["question"] == core[answer["question_id"]]
        assert 60 <= len(answer["answer"].split()) <= 110
        assert "no model produced it" in answer["params"]["written_by"]
