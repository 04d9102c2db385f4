"""The question sets as data, and what a file of one's own may and may not be."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path

import pytest

from pytest_univar.errors import QuestionsError
from pytest_univar.languages import LANGUAGES
from pytest_univar.questions import (
    _built_in,
    available_sets,
    less_certain,
    load_languages,
    load_questions,
    load_sources,
    load_values,
    question_set_hash,
)
from pytest_univar.values import Question, derived_question_id

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, *lines: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


def message(path: Path | str, language: str = "eng") -> str:
    """What is said about a file that cannot be used."""
    with pytest.raises(QuestionsError) as caught:
        load_questions(path, language)
    return str(caught.value)


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


# Questions of one's own


def test_json_lines(write: Write) -> None:
    path = write(
        "own.jsonl",
        '{"text": " What do we owe to strangers? ", "source": null}',
        "",
        '{"id": "q2", "text": "¿Qué debemos a los vecinos?", "language": "spa", "value": "helpfulness"}',
    )
    text = "What do we owe to strangers?"
    assert load_questions(path) == (Question(derived_question_id(text), text),)
    assert load_questions(path, "spa") == (Question("q2", "¿Qué debemos a los vecinos?", "spa", "helpfulness"),)


def test_yaml_is_the_same(write: Write) -> None:
    path = write(
        "own.yaml",
        "# what we want to know",
        "- What do we owe to strangers?",
        "- {id: q2, text: '¿Qué debemos a los vecinos?', language: spa, value: helpfulness}",
        "- id: q3",
        "  text: >",
        "    What is worth",
        "    waiting for?",
    )
    assert [question.text for question in load_questions(path)] == [
        "What do we owe to strangers?",
        "What is worth waiting for?",
    ]
    assert load_questions(path, "spa") == (Question("q2", "¿Qué debemos a los vecinos?", "spa", "helpfulness"),)
    assert load_questions(write("own.yml", "- What is fair?"))[0].text == "What is fair?"


def test_a_path_may_be_text(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("own.jsonl", '{"text": "What is fair?"}')
    monkeypatch.chdir(path.parent)
    assert load_questions("own.jsonl") == load_questions(str(path)) == load_questions(path)


def test_one_id_serves_all_languages(write: Write) -> None:
    path = write(
        "own.jsonl", '{"id": "fair", "text": "What is fair?"}', '{"id": "fair", "text": "¿Qué?", "language": "spa"}'
    )
    assert load_questions(path)[0].id == load_questions(path, "spa")[0].id == "fair"


def test_a_byte_order_mark_and_a_line_separator_are_harmless(tmp_path: Path) -> None:
    path = tmp_path / "windows.jsonl"
    path.write_bytes('\ufeff{"text": "What is\u2028fair?"}\r\n'.encode())
    assert load_questions(path)[0].text == "What is\u2028fair?"


# What a bad name or file gets


def test_unknown_set() -> None:
    assert message("cor") == (
        f"found the question set 'cor', expected one of: {', '.join(available_sets())}. "
        "A file of your own is given by its path, ending in .jsonl, .yaml or .yml."
    )


def test_a_set_without_the_language() -> None:
    assert message("core", "xho") == (
        "the question set 'core' has no questions in 'xho', only in: arb, bul, deu, eng, fin, fra, hat, hin, ind, ita, "
        "jpn, kor, pes, por, quy, ron, rus, spa, swe, swh, tgl, tha, vie, zho, zsm. "
        "Ask for one of these, or bring questions in that language as a file of your own (docs/questions.md)."
    )


def test_a_file_without_the_language(write: Write) -> None:
    path = write("own.jsonl", '{"text": "Why?"}', '{"text": "Wozu?", "language": "deu"}', '{"text": "When?"}')
    assert message(path, "spa") == (
        f"{path}: found no questions in 'spa', only in: deu (1), eng (2). Ask for one of these, or add questions "
        'with "language": "spa" (an entry without a language is taken as "eng").'
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            '{"text": ""}',
            "field 'text': found '', expected a text that is not empty. Write the question, or remove the entry.",
        ),
        (
            '{"text": "Why?", "id": " "}',
            "field 'id': found ' ', expected a text that is not empty. Fill it, or leave the field away.",
        ),
        (
            r'{"text": "Why \ud83d?"}',
            r"field 'text': found 'Why \ud83d?', expected whole characters. Remove the half of a surrogate pair.",
        ),
        ('{"text": "Why?", "id": 7}', "field 'id': found 7, expected a text. Put it between quotes."),
        ('{"text": ["Why?"]}', "field 'text': found ['Why?'], expected a text. Put it between quotes."),
        (
            '{"id": "q1"}',
            "field 'text': found none, expected the question. Add it, as in "
            '{"text": "What do we owe to strangers?"}.',
        ),
        (
            '{"text": "Why?", "language": "en"}',
            "field 'language': found 'en', expected an ISO 639-3 code of three letters, such as 'eng' or 'spa'. "
            "Look the code up in docs/questions.md.",
        ),
    ],
)
def test_a_bad_field(write: Write, line: str, said: str) -> None:
    path = write("own.jsonl", '{"text": "What is fair?"}', line)
    assert message(path) == f"{path}, line 2, {said}"


def test_an_unknown_field(write: Write) -> None:
    path = write("own.jsonl", '{"text": "Why?", "lang": "spa"}')
    assert message(path) == (
        f"{path}, line 1: found the field 'lang', expected no fields but id, text, language, value, source. "
        "Rename or remove it."
    )


def test_an_entry_that_is_no_object(write: Write) -> None:
    path = write("own.jsonl", "[1, 2]")
    assert message(path) == (
        f'{path}, line 1: found [1, 2], expected an object such as {{"text": "What do we owe to strangers?"}}. Mend it.'
    )


def test_the_same_id_twice(write: Write) -> None:
    path = write("own.jsonl", '{"id": "q1", "text": "Why?"}', "", '{"id": "q1", "text": "What for?"}')
    assert message(path) == (
        f"{path}, line 3: found the same id 'q1' as in {path}, line 1, expected each once in a language. "
        "Give one of them another id."
    )


def test_the_same_question_twice(write: Write) -> None:
    path = write("own.yaml", "- Why?", "- When?", "- Why?")
    assert message(path) == (
        f"{path}, line 3: found the same question as in {path}, line 1, expected each once in a language. "
        "Remove one of them."
    )


def test_bad_json(write: Write) -> None:
    path = write("own.jsonl", '{"text": "Why?"}', '{"text": "What for?"')
    assert message(path) == (
        f"""{path}, line 2, column 21: found '{{"text": "What for?"', which is not JSON (Expecting ',' delimiter); """
        'expected one object a line, such as {"text": "What do we owe to strangers?"}. Mend the line.'
    )


def test_a_long_line_is_cut_in_the_message(write: Write) -> None:
    assert len(message(write("own.jsonl", "why? " * 1000))) < 400


def test_bad_yaml(write: Write) -> None:
    path = write("own.yaml", "- text: Why?", "- text: 'What for?")
    said = message(path)
    assert said.startswith(f"{path}, line 3: found something that is not YAML (found unexpected end of stream)")
    assert said.endswith("a text with a colon or a quotation mark in it is safest between quotes.")


@pytest.mark.parametrize("text", ["- id: 2024-13-01", "- text: \x07", "- !!python/name:os.system Why?", "--- 1\n--- 2"])
def test_yaml_that_means_nothing(write: Write, text: str) -> None:
    assert "found something that is not YAML" in message(write("own.yaml", text))


def test_a_bad_entry_in_yaml_names_its_line(write: Write) -> None:
    path = write("own.yaml", "- Why?", "- text: What for?", "  language: no")
    assert message(path) == f"{path}, line 2, field 'language': found False, expected a text. Put it between quotes."


def test_yaml_that_is_no_list(write: Write) -> None:
    path = write("own.yaml", "text: Why?")
    assert message(path) == (
        f"{path}: found {{'text': 'Why?'}}, expected a list. Begin every question with '- ', as in '- text: …'."
    )


@pytest.mark.parametrize("name", ["own.jsonl", "own.yaml"])
def test_an_empty_file(write: Write, name: str) -> None:
    path = write(name, "")
    assert message(path) == (
        f"{path}: found no questions, expected at least one, such as "
        '{"text": "What do we owe to strangers?"}. Add some.'
    )


def test_an_unknown_ending(tmp_path: Path) -> None:
    assert message(tmp_path / "own.csv") == (
        f"{tmp_path / 'own.csv'}: found the ending '.csv', expected .jsonl (JSON lines), .yaml or .yml. "
        f"Rename the file; a built-in set is named without folder and ending ({', '.join(available_sets())})."
    )


def test_no_such_file(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    said = f"{path}: found no readable file (No such file or directory). Check the path; it is taken from {Path.cwd()}."
    assert message(path) == said


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(b'{"text": "Why?"}\n{"text": "\xbfPor qu\xe9?", "language": "spa"}\n')
    assert message(path) == f"{path}, line 2: found the byte 0xbf, expected UTF-8. Save it as UTF-8."


@pytest.mark.parametrize(
    ("field", "found", "said"),
    [
        ("value", "fredom", "found 'fredom', expected an id of values.jsonl. Mend it, or add the value there."),
        ("value", None, "found None, expected an id of values.jsonl. Mend it, or add the value there."),
        (
            "source",
            "wvs",
            "found 'wvs', expected 'rokeach-terminal', the source of the value 'freedom'. Mend the one that is wrong.",
        ),
        ("language", "spa", "found 'spa', expected 'eng'. Move it to the file of its language."),
    ],
)
def test_a_built_in_set_is_held_to_the_taxonomy(write: Write, field: str, found: str | None, said: str) -> None:
    line = {"id": "q1", "text": "Why?", "language": "eng", "value": "freedom", "source": "rokeach-terminal"}
    path = write("new/eng.jsonl", json.dumps(line), json.dumps({**line, "id": "q2", field: found}))
    with pytest.raises(QuestionsError) as caught:
        _built_in(path.parent.parent, "new", "eng")
    assert str(caught.value) == f"new/eng.jsonl, line 2, field {field!r}: {said}"


def test_only_two_built_in_sets_need_no_value(write: Write) -> None:
    """And where one of theirs names a value, it is held to the taxonomy all the same."""
    line = {"id": "q1", "text": "Why?"}
    for name in ("control", "dilemmas"):
        data = write(f"{name}/eng.jsonl", json.dumps(line)).parent.parent
        assert [located.question for located in _built_in(data, name, "eng")] == [Question("q1", "Why?")]
    for given, said in (({"value": "fredom"}, "field 'value': found 'fredom'"), ({"source": "wvs"}, "found None")):
        data = write("control/eng.jsonl", json.dumps({**line, **given})).parent.parent
        with pytest.raises(QuestionsError, match=said):
            _built_in(data, "control", "eng")


def test_loading_needs_neither_yaml_nor_anything_heavy() -> None:
    code = (
        "import sys; from pytest_univar.questions import load_questions; load_questions('core');"
        "print({'yaml', 'torch', 'transformers', 'litellm'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_quickstart_answers_questions_of_core() -> None:
    lines = (Path(__file__).parents[2] / "examples" / "quickstart" / "answers.jsonl").read_text("utf-8").splitlines()
    answers = [json.loads(line) for line in lines]
    core = {question.id: question.text for question in load_questions("core")}
    assert len(answers) == len({answer["question_id"] for answer in answers}) == 60
    for answer in answers:
        assert answer["question"] == core[answer["question_id"]]
        assert 60 <= len(answer["answer"].split()) <= 110
        assert "no model produced it" in answer["params"]["written_by"]
