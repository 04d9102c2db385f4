"""What a file of questions of one's own may and may not be, and what a bad name or file gets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_univar.errors import QuestionsError
from pytest_univar.questions import (
    _built_in,
    available_sets,
    load_questions,
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
