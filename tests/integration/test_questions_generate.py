"""``univar questions generate`` and ``translate`` against a server that writes as a model would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from pytest_univar.questions import load_questions, load_values

from ..services.openai_server import Step
from ..services.tiny_seq2seq import nllb_checkpoint
from ..services.writing_server import Writer, paraphrase, question, situation, translation, written
from .test_cli import typed

KEY = "sk-univar-test-0123456789abcdef"
MODEL = "openai/some-model"
PRICED = "openai/gpt-4o-mini"
VALUES = "freedom,honesty"

Command: TypeAlias = "Callable[..., tuple[int, str, str]]"


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Writer]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    running = Writer()
    with running:
        yield running


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``univar questions …`` in an empty folder: exit code, stdout and stderr, the latter without its folding."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        code, out, err = typed(monkeypatch, capsys, "questions", *arguments)
        return code, out, " ".join(err.split())

    return run


def generate(writer: Writer, *more: str, model: str = MODEL) -> list[str]:
    """Two values, three situations each, two paraphrases of each question: 2 + 6 + 6 calls, 18 questions."""
    numbers = ["--scenarios=3", "--paraphrases=2"]
    return ["generate", f"--model={model}", f"--api-base={writer.api_base}", f"--values={VALUES}", *numbers, *more]


def translate(writer: Writer, *more: str) -> list[str]:
    return ["translate", "ours.jsonl", f"--translator=litellm:{MODEL}", f"--api-base={writer.api_base}", *more]


def rows(output: str) -> dict[str, list[str]]:
    """The lines of a table by their first word."""
    return {line.split()[0]: line.split()[1:] for line in output.splitlines() if line.split()}


CALLS = 2 + 6 + 6
OUT = "--output=ours.jsonl"


def test_a_question_set_of_ones_own(writer: Writer, command: Command) -> None:
    """Every question is the one that the model wrote for its situation, and the set loads and passes the checks."""
    code, out, err = command(*generate(writer, OUT))
    assert (code, err) == (0, "")
    made = load_questions("ours.jsonl")
    names = {value.id: value.name for value in load_values()}
    expected = []
    for value in VALUES.split(","):
        for scenario in (1, 2, 3):
            text = question(situation(names[value], scenario))
            expected.append((f"{value}-s{scenario}-q0", text, value))
            expected += [(f"{value}-s{scenario}-q{n}", paraphrase(text, n), value) for n in (1, 2)]
    assert [(each.id, each.text, each.value) for each in made] == expected
    assert {each.source for each in made} == {"rokeach-terminal", "rokeach-instrumental"}

    assert len(writer.requests) == CALLS
    assert rows(out)["scenarios"] == ["6", "6", "0", "0", "0"]
    assert rows(out)["questions"] == ["6", "6", "0", "0", "0"]
    assert rows(out)["paraphrases"] == ["12", "12", "0", "0", "0"]
    assert (
        f"{CALLS} calls, 0 replies from ours.jsonl.work, "
        f"{11 * CALLS} + {7 * CALLS} tokens, $0.0000 and {CALLS} calls of unknown price" in out
    )
    assert "18 questions written to ours.jsonl" in out
    code, out, _ = command("check", "ours.jsonl")
    assert code == 0
    assert out.startswith("ours.jsonl/eng: 18 questions, 0 findings, hash ")
    assert not [file for file in Path().rglob("*") if file.is_file() and KEY.encode() in file.read_bytes()]


def test_a_file_that_is_there_is_not_overwritten_and_nothing_is_paid_twice(writer: Writer, command: Command) -> None:
    assert command(*generate(writer, OUT))[0] == 0
    first = Path("ours.jsonl").read_bytes()
    code, _, err = command(*generate(writer, OUT))
    assert code == 2
    assert "ours.jsonl: found a file, expected none" in err
    Path("ours.jsonl").unlink()
    code, out, _ = command(*generate(writer, OUT))
    assert code == 0
    assert Path("ours.jsonl").read_bytes() == first
    assert f"0 calls, {CALLS} replies from ours.jsonl.work" in out
    assert len(writer.requests) == CALLS


def test_values_of_ones_own(writer: Writer, command: Command) -> None:
    Path("values.yaml").write_text(
        "- id: candour\n  name: Candour\n  definition: Saying what one thinks.\n  opposite: Tact\n", encoding="utf-8"
    )
    options = [f"--model={MODEL}", f"--api-base={writer.api_base}", "--scenarios=2", "--paraphrases=0", "--seed=5"]
    assert command("generate", *options, "--values=values.yaml", "--temperature=0.5", OUT)[0] == 0
    lines = [json.loads(line) for line in Path("ours.jsonl").read_text("utf-8").splitlines()]
    assert lines == [
        {"id": f"candour-s{n}-q0", "text": question(situation("Candour", n)), "language": "eng", "value": "candour"}
        for n in (1, 2)
    ]
    assert {(request.body["temperature"], request.body["seed"]) for request in writer.requests} == {(0.5, 5)}
    assert sorted(request.body["max_tokens"] for request in writer.requests) == [160, 160, 220]


def recorded() -> int:
    """How many replies are on disk."""
    return sum(file.read_bytes().count(b"\n") for file in Path("ours.jsonl.work").glob("*.jsonl"))


@pytest.mark.slow
def test_killed_half_way_it_goes_on_where_it_was(writer: Writer, command: Command) -> None:
    """What was recorded before the kill is never asked for again, to whatever step it belongs."""
    writer.patience = 5
    arguments = [str(Path(sys.executable).with_name("univar")), "questions", *generate(writer, OUT)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while recorded() < writer.patience and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    _, errors = process.communicate()
    assert (process.returncode, errors) == (-signal.SIGKILL, "")
    assert recorded() == writer.answered == 5
    assert not Path("ours.jsonl").exists()
    waiting = len(writer.requests) - writer.answered

    writer.patience = None
    code, out, _ = command(*generate(writer, OUT))
    assert code == 0
    assert len(load_questions("ours.jsonl")) == 18
    assert f"{CALLS - 5} calls, 5 replies from ours.jsonl.work" in out
    assert writer.answered == CALLS
    assert len(writer.requests) == CALLS + waiting, "no more than what was in flight at the kill was asked twice"


def test_what_is_said_twice_is_dropped_and_counted(writer: Writer, command: Command) -> None:
    """Honesty's situations are freedom's, but for the mark: nothing more is asked about them."""
    writer.write = lambda prompt: (
        written(prompt.replace("Value: Honesty", "Value: Freedom")).replace("not", "not…")
        if "Value: Honesty" in prompt
        else written(prompt)
    )
    code, out, _ = command(*generate(writer, OUT))
    assert code == 0
    assert rows(out)["scenarios"] == ["6", "3", "3", "0", "0"]
    assert len(writer.requests) == 2 + 3 + 3
    assert {each.value for each in load_questions("ours.jsonl")} == {"freedom"}


def test_a_malformed_reply_is_asked_for_once_more(writer: Writer, command: Command) -> None:
    """One that is mended is counted; one that is not is counted as missing, and shown with its value and its head."""
    gone = question(situation("Freedom", 2))

    def write(prompt: str) -> str:
        if f": {gone}" in prompt:
            return "As a language model I have no opinion on this."
        if "Value: Honesty" in prompt and "An earlier reply" not in prompt:
            return "Sure! What kind of situations?"
        return written(prompt.partition("\n\nAn earlier reply")[0])

    writer.write = write
    code, out, _ = command(*generate(writer, OUT))
    assert code == 1
    assert rows(out)["scenarios"] == ["6", "6", "0", "0", "1"]
    assert rows(out)["paraphrases"] == ["12", "10", "0", "2", "1"]
    assert out.splitlines()[0] == (
        "paraphrases, freedom-s2-q0: found 0 numbered items, expected 2; the reply begins with "
        "'As a language model I have no opinion on this.'"
    )
    assert len(writer.requests) == CALLS + 2
    assert len(load_questions("ours.jsonl")) == 16
    assert command("check", "ours.jsonl")[0] == 0


def test_a_model_that_writes_nothing_of_use(writer: Writer, command: Command) -> None:
    writer.write = lambda prompt: "No."
    code, out, err = command(*generate(writer, OUT))
    assert code == 2
    assert "scenarios, freedom: found 0 numbered items, expected 3; the reply begins with 'No.'" in out
    assert f"{MODEL} wrote no question that can be used, so ours.jsonl is not written" in err
    assert not Path("ours.jsonl").exists()


def test_a_reply_that_is_cut_off_is_not_used(writer: Writer, command: Command) -> None:
    """Neither one that ends at the limit that was set, nor one that the server stopped before."""

    def write(prompt: str) -> str | Step:
        if "Value: Honesty" in prompt:
            return Step(written(prompt), finish_reason="length", completion_tokens=500)
        if "Value: Freedom" in prompt:
            return Step(written(prompt), finish_reason="length", completion_tokens=499)
        return written(prompt)

    writer.write = write
    code, out, _ = command(*generate(writer, OUT, "--max-tokens=500"))
    assert code == 2
    assert rows(out)["scenarios"] == ["6", "0", "0", "6", "1"]
    assert "scenarios, honesty: found a reply cut off at 500 tokens; the reply begins with '1. " in out
    assert "scenarios, freedom: the server stopped after 499 of the 500 tokens asked for" in out
    assert {request.body["max_tokens"] for request in writer.requests} == {500}


def test_the_cost_limit_keeps_what_was_paid(writer: Writer, command: Command) -> None:
    """At the step where it stops, a list of situations is paid for; the next run asks for the rest only."""
    code, _, err = command(*generate(writer, OUT, "--max-cost=0.0005", model=PRICED))
    assert code == 2
    paid = len(writer.requests)
    assert 2 <= paid < CALLS
    assert err.startswith("CostError: stopped at the step 'questions': the next call would cross --max-cost=0.0005")
    assert "Every reply so far is recorded in ours.jsonl.work" in err
    assert not Path("ours.jsonl").exists()
    code, out, _ = command(*generate(writer, OUT, "--max-cost=1", model=PRICED))
    assert code == 0
    assert f"{CALLS - paid} calls, {paid} replies from" in out
    assert len(writer.requests) == CALLS


def test_a_dry_run_counts_and_asks_nothing(writer: Writer, command: Command) -> None:
    code, out, _ = command(*generate(writer, OUT, "--dry-run", model=PRICED))
    assert code == 0
    assert [rows(out)[name][0] for name in ("scenarios", "questions", "paraphrases")] == ["2", "6", "6"]
    total = next(line for line in out.splitlines() if line.strip().startswith("at most")).split()
    assert total[2] == str(CALLS)
    tokens_in, tokens_out = int(total[3]), int(total[4])
    assert tokens_out == 2 * (100 + 3 * 60) + 6 * 160 + 6 * (100 + 2 * 60)
    assert float(total[5]) == pytest.approx(tokens_in * 0.15e-6 + tokens_out * 0.6e-6, abs=5e-5)
    code, out, _ = command("generate", "--model=openai/gpt-4o-mini", OUT, "--dry-run")
    assert [line.split()[2] for line in out.splitlines() if line.strip().startswith("at most")] == ["8787"]
    code, out, _ = command(*generate(writer, OUT, "--dry-run"))
    assert [line.split()[-1] for line in out.splitlines() if line.strip().startswith("at most")] == ["unknown"]
    assert writer.requests == []
    assert [*Path().iterdir()] == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["--output=ours.yaml"], "found the name 'ours.yaml', expected one that ends in .jsonl"),
        ([OUT, "--values=fredom"], "found the value 'fredom', expected an id of the taxonomy, such as freedom"),
        ([OUT, "--max-cost=1"], f"the price of {MODEL} is unknown, so that --max-cost could not be kept"),
    ],
)
def test_what_cannot_be_generated(more: list[str], expected: str, writer: Writer, command: Command) -> None:
    code, _, err = command(*generate(writer, *more))
    assert code == 2
    assert expected in err
    assert writer.requests == []


# --- translate -------------------------------------------------------------------------------------------------------

ENGLISH = (
    ("q1", "What do we owe to the strangers next door?"),
    ("q2", "Who at work should know what I earn?"),
    ("q3", "When is a white lie the kind thing to say?"),
)


@pytest.fixture
def ours(command: Command) -> None:
    """A file of one's own, one of its questions in Spanish already."""
    lines = [{"id": id, "text": text, "value": "candour"} for id, text in ENGLISH]
    Path("ours.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def joined(*names: str) -> None:
    Path("all.jsonl").write_bytes(b"".join(Path(name).read_bytes() for name in names))


@pytest.mark.usefixtures("ours")
def test_a_set_in_other_languages(writer: Writer, command: Command) -> None:
    """Joined with the English questions, the files are one set, which passes the checks."""
    code, out, err = command(*translate(writer, "--to=spa,jpn", "--temperature=0"))
    assert (code, err) == (0, "")
    assert rows(out)["spa"] == ["3", "0", "3", "0", "ours.spa.jsonl"]
    assert rows(out)["jpn"] == ["3", "0", "3", "0", "ours.jpn.jsonl"]
    for language, name in (("spa", "Spanish"), ("jpn", "Japanese")):
        made = load_questions(f"ours.{language}.jsonl", language)
        assert [(each.id, each.text, each.value) for each in made] == [
            (id, translation(name, text), "candour") for id, text in ENGLISH
        ]
    assert {request.body["temperature"] for request in writer.requests} == {0}
    assert len(writer.requests) == 6
    joined("ours.jsonl", "ours.spa.jsonl", "ours.jpn.jsonl")
    code, out, _ = command("check", "all.jsonl")
    assert code == 0, out
    assert out.count("3 questions, 0 findings") == 3


@pytest.mark.usefixtures("ours")
def test_what_is_translated_stays(writer: Writer, command: Command) -> None:
    """A line of a native speaker's is kept, in the place of its English question; the others are asked for."""
    mended = {"id": "q2", "text": "¿Quién debería saber cuánto gano yo?", "language": "spa"}
    Path("ours.spa.jsonl").write_text(json.dumps(mended) + "\n", encoding="utf-8")
    assert command(*translate(writer, "--to=spa"))[0] == 0
    made = load_questions("ours.spa.jsonl", "spa")
    assert [each.id for each in made] == ["q1", "q2", "q3"]
    assert made[1].text == mended["text"]
    assert len(writer.requests) == 2
    before = Path("ours.spa.jsonl").read_bytes()
    code, out, _ = command(*translate(writer, "--to=spa"))
    assert (code, rows(out)["spa"][:4]) == (0, ["3", "3", "0", "0"])
    assert Path("ours.spa.jsonl").read_bytes() == before
    assert len(writer.requests) == 2


@pytest.mark.usefixtures("ours")
def test_a_translation_in_the_wrong_script_is_reported(writer: Writer, command: Command) -> None:
    """It is asked for once more, then missing; the rest is written, and the next run does not pay for it again."""
    writer.write = lambda prompt: (
        "Dare ga shiru beki desu ka？" if "know what I earn" in prompt and "Japanese" in prompt else written(prompt)
    )
    code, out, _ = command(*translate(writer, "--to=spa,jpn"))
    assert code == 1
    problem = out.splitlines()[0]
    assert problem.startswith("jpn, q2: found 'D', 'a', 'r', 'e', 'g', …, expected letters of the script Jpan alone")
    assert problem.endswith("the reply begins with 'Dare ga shiru beki desu ka？'")
    assert rows(out)["jpn"] == ["3", "0", "2", "1", "ours.jpn.jsonl"]
    assert [each.id for each in load_questions("ours.jpn.jsonl", "jpn")] == ["q1", "q3"]
    assert Counter("Japanese" in text for text in writer.questions()) == {False: 3, True: 4}
    assert command(*translate(writer, "--to=spa,jpn"))[0] == 1
    assert len(writer.requests) == 7


@pytest.mark.usefixtures("ours")
def test_a_checkpoint_translates_without_asking_anybody(writer: Writer, command: Command) -> None:
    nllb_checkpoint(Path("tiny-nllb"), words={"toujours": "always", "aider": "help", "gens": "people"})
    Path("ours.jsonl").write_text(
        '{"id": "q1", "text": "always help people?"}\n{"id": "q2", "text": "people always help?"}\n', encoding="utf-8"
    )
    code, out, _ = command("translate", "ours.jsonl", "--to=fra", "--translator=tiny-nllb")
    assert code == 0, out
    assert rows(out)["fra"] == ["2", "0", "2", "0", "ours.fra.jsonl"]
    made = [each.text for each in load_questions("ours.fra.jsonl", "fra")]
    assert made == ["toujours aider gens?", "gens toujours aider?"]
    assert writer.requests == []


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["--to=spa,xho"], "found the language 'xho', expected one of the ISO 639-3 codes"),
        (["--to=eng"], "found 'eng' to translate into, expected other languages than English"),
        (["--to=spa", "--translator=babel"], "found the translator 'babel', expected nllb, opus, apertium"),
        (["--to=spa", "--translator=litellm:"], "found the translator 'litellm:', expected nllb, opus, apertium"),
        (["--to=spa", "--translator=none"], "found the translator 'none', expected one that translates"),
    ],
)
def test_what_cannot_be_translated(more: list[str], expected: str, writer: Writer, command: Command) -> None:
    code, _, err = command(*translate(writer, *more))
    assert code == 2
    assert expected in err
    assert writer.requests == []


@pytest.mark.usefixtures("ours")
def test_files_that_translations_cannot_go_to_or_come_from(writer: Writer, command: Command) -> None:
    Path("ours.spa.jsonl").write_text('{"text": "Why?"}\n', encoding="utf-8")
    code, _, err = command(*translate(writer, "--to=spa"))
    assert code == 2
    assert "ours.spa.jsonl: found questions in eng, expected 'spa' alone" in err
    Path("ours.jsonl").write_text('{"text": "¿Por qué?", "language": "spa"}\n', encoding="utf-8")
    code, _, err = command(*translate(writer, "--to=jpn"))
    assert code == 2
    assert "ours.jsonl: found no English questions" in err
