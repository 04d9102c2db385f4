from __future__ import annotations

import gzip
import json
import lzma
import multiprocessing
import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_univar.answer_lines import Translation, translation_line
from pytest_univar.cassette import (
    Cassette,
    answer_key,
    answer_line,
    cassette_path,
    clean_api_base,
    parse_answer,
    read_answers,
    translation_key,
)
from pytest_univar.errors import AnswersError, UnivarWarning
from pytest_univar.values import Answer, derived_question_id

ANSWER = Answer(
    llm="openai/some-model",
    language="eng",
    question_id="q1",
    question="Why?",
    answer="Because of “quotes”,\nnew lines\u2028and — dashes.",
    finish_reason="stop",
    usage={"prompt_tokens": 11, "completion_tokens": 7},
    cost_usd=0.25,
    params={"top_p": 0.95, "max_tokens": 128},
    created="2025-01-31T12:00:00.000+00:00",
    key="k1",
)
MINIMAL = {"language": "eng", "question": "Why?", "answer": "Because."}


def write(path: Path, *rows: object, end: str = "\n") -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + end, "utf-8")
    return path


# --- keys ------------------------------------------------------------------------------------------------------------


def key(**changes: Any) -> str:
    content: dict[str, Any] = {
        "model": "m",
        "api_base": "http://host/v1",
        "messages": [{"role": "user", "content": "Why?"}],
        "params": {"top_p": 0.95, "max_tokens": 128},
        "sample": 0,
        "question": "Why?",
    }
    return answer_key(**{**content, **changes})


def test_the_key_of_the_format_does_not_move() -> None:
    """Cassettes are committed: a change of this value invalidates every one of them."""
    assert key() == "6073f94654c9dd5775a6847f5e2ae0118f26f6eddbada295c63d84f230a155e2"


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "n"},
        {"api_base": None},
        {"api_base": "http://host:8000/v1"},
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Why?"}]},
        {"params": {"top_p": 0.95, "max_tokens": 64}},
        {"params": {"top_p": 0.95, "max_tokens": 128, "temperature": 0.0}},
        {"sample": 1},
        {"question": "How?"},
        {"schema": 2},
    ],
)
def test_everything_that_can_change_the_answer_changes_the_key(changes: dict[str, Any]) -> None:
    assert key(**changes) != key()


def test_what_cannot_change_the_answer_does_not_change_the_key() -> None:
    assert key(params={"max_tokens": 128, "top_p": 0.95, "seed": None}) == key()
    assert key(api_base="http://user:password@host/v1/?token=secret#part") == key()


def test_clean_api_base() -> None:
    assert clean_api_base("https://me:secret@host:8000/v1/?key=secret") == "https://host:8000/v1"
    assert clean_api_base("http://host") == clean_api_base("http://host/") == "http://host"
    assert clean_api_base(None) is None


def test_a_cassette_path_can_be_read_and_never_collides(tmp_path: Path) -> None:
    assert cassette_path(tmp_path, "gpt-4o", "eng") == tmp_path / "gpt-4o.eng.jsonl"
    slashed = cassette_path(tmp_path, "openai/gpt-4o", "eng").name
    assert slashed.startswith("openai-gpt-4o-")
    taken = slashed.removesuffix(".eng.jsonl")
    llms = ["gpt-4o", "GPT-4o", "openai/gpt-4o", "openai-gpt-4o", "openai:gpt-4o", taken, "../..", "…", ".", "x" * 200]
    names = [cassette_path(tmp_path, llm, "eng").name for llm in [*llms, "x" * 199]]
    assert len({name.lower() for name in names}) == len(names)
    assert all(cassette_path(tmp_path, llm, "eng").parent == tmp_path for llm in llms)
    assert all("/" not in name and not name.startswith(".") and len(name) < 120 for name in names)


# --- lines -----------------------------------------------------------------------------------------------------------


def test_a_line_has_the_fields_of_the_format_in_order() -> None:
    fields = "schema, key, llm, language, question_id, question, sample, answer, finish_reason, usage, cost_usd, params"
    assert list(answer_line(ANSWER)) == [*fields.split(", "), "created"]


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(
    question=words,
    answer=words,
    sample=st.integers(0, 10**9),
    cost=st.none() | st.floats(0, 1e6),
    usage=st.dictionaries(words, st.integers(0, 10**9), max_size=2),
)
def test_an_answer_comes_back_as_it_was(
    question: str, answer: str, sample: int, cost: float | None, usage: dict[str, int]
) -> None:
    before = replace(ANSWER, question=question, answer=answer, sample=sample, cost_usd=cost, usage=usage)
    line = json.dumps(answer_line(before), ensure_ascii=False)
    assert parse_answer(json.loads(line), where="here") == before


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([1, 2], "an object with language, question and answer"),
        ({**MINIMAL, "language": "english"}, "expected one of the ISO 639-3 codes"),
        ({**MINIMAL, "language": 3}, 'found 3 for "language", expected a string'),
        ({**MINIMAL, "question": " "}, 'for "question", expected a string that is not empty'),
        ({"language": "eng", "question": "Why?"}, 'found nothing for "answer"'),
        ({**MINIMAL, "answer": ""}, "found '' for \"answer\""),
        ({**MINIMAL, "sample": -1}, 'found -1 for "sample", expected an integer of at least 0'),
        ({**MINIMAL, "sample": True}, 'found True for "sample"'),
        ({**MINIMAL, "llm": ["m"]}, 'for "llm"'),
        ({**MINIMAL, "cost_usd": "0.1"}, "null for an unknown price"),
        ({**MINIMAL, "usage": {"prompt_tokens": 1.5}}, "an object of integers"),
        ({**MINIMAL, "params": []}, 'found [] for "params", expected an object'),
        ({**MINIMAL, "schema": 2}, "found schema 2, expected 1"),
        ("{not json", "which is not JSON"),
    ],
)
def test_a_malformed_line_is_an_error_with_file_and_line(tmp_path: Path, row: object, expected: str) -> None:
    path = write(tmp_path / "answers.jsonl", MINIMAL, "", row, MINIMAL)
    with pytest.raises(AnswersError) as caught:
        read_answers(path)
    assert f"{path}, line 3: " in str(caught.value)
    assert expected in str(caught.value)


# --- reading ---------------------------------------------------------------------------------------------------------


def test_three_fields_are_enough(tmp_path: Path) -> None:
    path = write(tmp_path / "our-model.jsonl", MINIMAL, MINIMAL, {**MINIMAL, "question": "How?"}, MINIMAL)
    answers = read_answers(path)
    assert [(answer.llm, answer.sample) for answer in answers] == [("our-model", n) for n in (0, 1, 0, 2)]
    assert answers[0].question_id == derived_question_id("Why?")
    assert {answer.llm for answer in read_answers(path, llm="named")} == {"named"}


def test_corpus_rows_name_their_llm_model(tmp_path: Path) -> None:
    row = {**MINIMAL, "model": "gpt-x", "source": "survey", "license": "CC0", "question_id": "s-1", "sample": None}
    (answer,) = read_answers(write(tmp_path / "corpus.jsonl", row), llm="named")
    assert (answer.llm, answer.question_id, answer.sample) == ("gpt-x", "s-1", 0)


def test_counted_samples_step_around_given_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {**MINIMAL, "sample": 1, "answer": "one"}, MINIMAL, MINIMAL)
    assert [answer.sample for answer in read_answers(path)] == [1, 0, 2]


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_compressed_files(tmp_path: Path, suffix: str) -> None:
    data = (json.dumps(MINIMAL) + "\n").encode()
    path = tmp_path / f"model.jsonl{suffix}"
    path.write_bytes(gzip.compress(data) if suffix == ".gz" else lzma.compress(data))
    assert [answer.llm for answer in read_answers(path)] == ["model"]
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(AnswersError, match="cannot be read"):
        read_answers(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AnswersError, match=r"answers\.jsonl: found no such file"):
        read_answers(tmp_path / "answers.jsonl")


def test_translations_are_not_answers(tmp_path: Path) -> None:
    translation = Translation("t", "apertium", "spa", "Porque sí.", "Because.")
    path = write(tmp_path / "a.jsonl", translation_line(translation), answer_line(ANSWER))
    assert read_answers(path) == [ANSWER]
    assert len(Cassette(path)) == 1
    assert Cassette(path).english("t") == "Because."


def test_translations_are_appended_beside_answers_and_seen_by_others(tmp_path: Path) -> None:
    cassette, other = Cassette(tmp_path / "a.jsonl"), Cassette(tmp_path / "a.jsonl")
    cassette.append(ANSWER)
    for english in ("Because.", "Just because."):
        cassette.append_translation(Translation("t", "apertium", "spa", "Porque sí.", english))
    other.refresh()
    assert other.english("t") == cassette.english("t") == "Just because."
    assert other.get("k1") == ANSWER


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"english": None}, r"a\.jsonl, line 2: found english None in a translation, expected a text"),
        ({"kind": "summary"}, r"a\.jsonl, line 2: found the kind 'summary', expected 'translation'"),
    ],
)
def test_a_bad_translation_is_named_by_its_line(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    translation = translation_line(Translation("t", "apertium", "spa", "Porque sí.", "Because."))
    path = write(tmp_path / "a.jsonl", answer_line(ANSWER), translation | changes)
    with pytest.raises(AnswersError, match=message):
        Cassette(path)


def test_the_key_of_a_translation_is_of_everything_that_can_change_it() -> None:
    contents = [("x", "spa", "Sí."), ("another", "spa", "Sí."), ("x", "por", "Sí."), ("x", "spa", "No.")]
    keys = {translation_key(translator=by, source_language=language, text=text) for by, language, text in contents}
    assert len(keys) == 4


def test_the_later_of_two_lines_with_one_key_wins(tmp_path: Path) -> None:
    later, other = replace(ANSWER, answer="Later."), replace(ANSWER, key="k2", question="How?")
    path = write(tmp_path / "a.jsonl", *map(answer_line, (ANSWER, other, later)))
    assert read_answers(path) == [later, other]
    assert Cassette(path).get("k1") == later


def test_a_torn_last_line_is_dropped_with_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", answer_line(ANSWER), '{"schema": 1, "answ', end="")
    with pytest.warns(UnivarWarning, match="last line is cut off"):
        assert read_answers(path) == [ANSWER]
    with pytest.warns(UnivarWarning, match="last line is cut off"):
        assert len(Cassette(path)) == 1


def test_a_last_line_that_only_lacks_its_newline_is_an_answer(tmp_path: Path) -> None:
    assert read_answers(write(tmp_path / "a.jsonl", answer_line(ANSWER), end="")) == [ANSWER]


# --- the cassette ----------------------------------------------------------------------------------------------------


def test_what_is_appended_is_there_and_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "cassettes" / "m.eng.jsonl"
    cassette = Cassette(path)
    assert cassette.get("k1") is None
    assert not path.parent.exists(), "reading leaves no trace"
    cassette.append(ANSWER)
    assert cassette.get("k1") == ANSWER
    assert read_answers(path) == [ANSWER]
    assert path.read_bytes().count(b"\n") == 1
    assert "“quotes”" in path.read_text("utf-8"), "answers can be read in a diff"


def test_locks_stay_out_of_the_way(tmp_path: Path) -> None:
    Cassette(tmp_path / "m.eng.jsonl").append(ANSWER)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".locks", "m.eng.jsonl"]
    assert (tmp_path / ".locks" / ".gitignore").read_text("utf-8") == "*\n"


def test_refresh_reads_what_others_appended(tmp_path: Path) -> None:
    ours, theirs = Cassette(tmp_path / "a.jsonl"), Cassette(tmp_path / "a.jsonl")
    theirs.append(ANSWER)
    assert ours.get("k1") is None
    ours.refresh()
    assert ours.get("k1") == ANSWER
    ours.append(replace(ANSWER, key="k2"))
    theirs.refresh()
    assert theirs.get("k2") is not None


def test_refresh_names_the_right_line(tmp_path: Path) -> None:
    cassette = Cassette(write(tmp_path / "a.jsonl", answer_line(ANSWER), answer_line(ANSWER)))
    with cassette.path.open("a", encoding="utf-8") as file:
        file.write("nonsense\n")
    with pytest.raises(AnswersError, match=r"a\.jsonl, line 3: "):
        cassette.refresh()


def test_a_file_that_became_shorter_is_read_anew(tmp_path: Path) -> None:
    other = replace(ANSWER, key="k2")
    cassette = Cassette(write(tmp_path / "a.jsonl", *map(answer_line, (ANSWER, other))))
    write(tmp_path / "a.jsonl", answer_line(other))
    cassette.refresh()
    assert (cassette.get("k1"), cassette.get("k2")) == (None, other)


@pytest.mark.parametrize("length", range(1, 40, 7))
def test_append_heals_a_torn_line(tmp_path: Path, length: int) -> None:
    torn = json.dumps(answer_line(replace(ANSWER, key="k2")))[:length]
    path = write(tmp_path / "a.jsonl", answer_line(ANSWER), torn, end="")
    with pytest.warns(UnivarWarning):
        cassette = Cassette(path)
    cassette.append(replace(ANSWER, key="k3"))
    assert [answer.key for answer in read_answers(path)] == ["k1", "k3"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cassette.refresh()


def test_append_gives_a_whole_last_line_its_newline(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", answer_line(ANSWER), end="")
    cassette = Cassette(path)
    cassette.append(replace(ANSWER, key="k2"))
    assert [answer.key for answer in read_answers(path)] == ["k1", "k2"]


def test_an_answer_without_a_key_cannot_be_recorded(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="key"):
        Cassette(tmp_path / "a.jsonl").append(replace(ANSWER, key=None))


def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / ".locks").write_text("in the way", "utf-8")
    with pytest.raises(AnswersError, match="--univar-cassette-dir"):
        Cassette(tmp_path / "a.jsonl").append(ANSWER)


def _append_many(path: str, worker: int) -> None:
    cassette = Cassette(Path(path))
    for number in range(40):
        cassette.append(replace(ANSWER, key=f"{worker}-{number}", answer="x" * (500 + 200 * worker)))


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_append_many, args=(str(tmp_path / "a.jsonl"), n)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(read_answers(tmp_path / "a.jsonl")) == 120


def test_no_environment_value_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-value")
    Cassette(tmp_path / "a.jsonl").append(ANSWER)
    written = b"".join(Path(folder, name).read_bytes() for folder, _, names in os.walk(tmp_path) for name in names)
    assert b"sk-very-secret-value" not in written
