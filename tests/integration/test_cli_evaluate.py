"""``univar evaluate`` as it is typed, with real checkpoints and made-up answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from sklearn.neighbors import KNeighborsClassifier

from pytest_univar.cli import app
from pytest_univar.corpora import read_corpora
from pytest_univar.encoding import load_encoder
from pytest_univar.training.recipe import load_recipe
from pytest_univar.values import QA
from tests.checkpoints import bert_checkpoint
from tests.synthetic import answers, settings, toml, write_answers

from .test_cli import typed

SHARED = Path(__file__).parents[3] / "shared" / "data" / "llm_answers.jsonl.xz"
LLMS = ("gpt-a", "llama-b", "qwen-c")


class Command:
    """``univar evaluate`` in a folder with two encoders, a recipe, and answers of three LLMs to two sources."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._monkeypatch, self._capsys = folder, monkeypatch, capsys
        monkeypatch.chdir(folder)

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        common = ("--answers", "answers.jsonl", "--device", "cpu")
        return typed(self._monkeypatch, self._capsys, "evaluate", *common, *arguments)

    def json(self, *arguments: object) -> dict[str, Any]:
        code, output, errors = self("--json", *arguments)
        assert code == 0, errors
        document: dict[str, Any] = json.loads(output)
        return document


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    bert_checkpoint(tmp_path / "one")
    bert_checkpoint(tmp_path / "two", seed=1)
    (tmp_path / "tiny.toml").write_text(toml(settings()), encoding="utf-8")
    values, chat = answers(LLMS), answers(LLMS, source="chat")
    own = [
        type(each)(each.llm, "eng", f"c{each.question_id}", f"chat {each.question}", each.answer, source="chat")
        for each in chat
    ]
    write_answers(tmp_path / "answers.jsonl", [*values, *own])
    (tmp_path / "languages.csv").write_text(
        "text,source_language\n" + "".join(f"people {i} work,{('deu', 'fra')[i % 2]}\n" for i in range(40)), "utf-8"
    )
    return Command(tmp_path, monkeypatch, capsys)


def test_everything_side_by_side(command: Command) -> None:
    code, output, errors = command(
        "--encoder", "one", "--encoder", "two", "--k", 3, "--k", 7, "--control", "chat", "--unseen", "qwen-c",
        "--view-size", 2, "--translationese", "languages.csv", "--md", "report.md",
    )  # fmt: skip
    assert code == 0
    assert errors.endswith("report.md written\n")
    for title in (
        "Value identification: made-up",
        "Linear probe: made-up",
        "made-up against the control chat",
        "Seen and unseen LLMs: made-up",
        "Whole profiles: made-up",
        "Whole profiles: made-up, unseen LLMs",
        "View size: made-up",
        "Translationese, text-only",
        "Translationese, paraphrase",
    ):
        assert f"{title}\n" in output
        assert f"## {title}\n" in (command.folder / "report.md").read_text("utf-8")
    assert "split by question" in output
    for encoder in ("one", "two"):
        assert load_encoder(command.folder / encoder, device="cpu").fingerprint in output


def test_its_k_nn_is_that_of_scikit_learn(command: Command) -> None:
    document = command.json("--encoder", "one", "--corpus", "made-up", "--k", 5, "--no-probe")
    (corpus,) = read_corpora(command.folder / "answers.jsonl", {"made-up": ["made-up"]}, held_out_share=0.25, seed=0)
    encoder = load_encoder("one", device="cpu")
    sides = [encoder.encode([str(QA(a.question, a.answer)) for a in side]) for side in (corpus.training, corpus.test)]
    llms = [[a.llm for a in side] for side in (corpus.training, corpus.test)]
    expected = KNeighborsClassifier(n_neighbors=5).fit(sides[0], llms[0]).score(sides[1], llms[1])
    first = document["identification"][0]
    assert (first["encoder"], first["corpus"], first["method"]) == ("one", "made-up", "k-NN 5")
    assert first["accuracy"]["value"] == pytest.approx(expected)
    assert {row["method"] for row in document["identification"]} == {"k-NN 5", "chance", "majority"}
    assert document["encoders"][0]["fingerprint"] == encoder.fingerprint


def test_each_source_is_a_corpus_and_a_limit_counts_for_each(command: Command) -> None:
    document = command.json("--encoder", "one", "--k", 3, "--limit", 12)
    assert [(each["name"], each["test_questions"]) for each in document["corpora"]] == [("chat", 3), ("made-up", 3)]
    assert {row["corpus"] for row in document["identification"]} == {"chat", "made-up", "mean"}
    assert document["settings"]["limit"] == 12


def test_the_papers_split(command: Command) -> None:
    arguments = ("--encoder", "one", "--k", 3, "--split", "value-id", "--no-probe", "--control", "chat")
    document = command.json(*arguments, "--counts", "24/6")
    assert document["split"] == "by value ID"
    assert (document["corpora"][0]["reference_answers"], document["corpora"][0]["test_answers"]) == (72, 18)
    assert document["control"][0]["reference_answers"] == 24


def test_a_recipes_held_out_questions_are_tested(command: Command) -> None:
    document = command.json("--encoder", "one", "--recipe", "tiny.toml", "--k", 3, "--no-probe")
    (corpus,) = load_recipe("tiny.toml").read_corpora(command.folder / "answers.jsonl")
    assert document["corpora"][0]["test_questions"] == len(corpus.held_out)
    assert document["encoders"][0]["trained_on"] is None  # it has no record


def test_an_encoder_with_a_record_is_held_to_it(command: Command) -> None:
    """Its questions are known, and so are the LLMs that it was not trained on."""
    recipe = settings(leave_out=["qwen-c"])
    for folder in ("one", "two"):
        (command.folder / folder / "training.json").write_text(json.dumps({"recipe": recipe}), encoding="utf-8")
    fair = command.json("--encoder", "one", "--recipe", "tiny.toml", "--k", 3, "--no-probe")
    assert fair["encoders"][0]["trained_on"] == 0
    assert fair["settings"]["unseen"] == ["qwen-c"]
    assert {row["group"] for row in fair["novelty"]} == {"seen", "unseen"}
    unfair = command.json(
        "--encoder", "one", "--corpus", "made-up", "--k", 3, "--seed", 1, "--unseen", "gpt-a", "--no-probe"
    )
    assert unfair["encoders"][0]["trained_on"] > 0
    assert "one was trained on" in unfair["notes"][0]
    assert unfair["notes"][1] == "the record of one does not say that it was not trained on gpt-a"


def test_a_released_folder(command: Command) -> None:
    folder = command.folder / "released" / "pvq" / "qa_translated"
    folder.mkdir(parents=True)
    for llm in ("aya", "mixtral"):
        lines = [f"what of law {i},{llm} says freedom {i},{language}" for i in range(30) for language in ("eng", "zho")]
        (folder / f"{llm}.csv").write_text("\n".join(["question,answer,lang", *lines]), encoding="utf-8")
    document = command.json("--answers", "released", "--encoder", "one", "--k", 3, "--no-probe")
    assert [(each["name"], each["value_ids"]) for each in document["corpora"]] == [("pvq", 4)]
    assert (document["answers"], len(document["answers_sha256"])) == ("released", 64)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--k", 91), "found k = 91 for the k-NN, but the corpus 'chat' has 90 reference rows"),
        (("--corpus", "pvq"), "the corpus 'pvq' (source pvq) has 0 value IDs, expected at least 2. The sources in"),
        (("--control", "lima"), "the corpus 'lima' (source lima) has 0 value IDs"),
        (("--corpus", "made-up", "--control", "made-up"), "found the control 'made-up' among the value corpora"),
        (("--unseen", "gpt-z"), "found --unseen 'gpt-z', which is not in the answers; expected one of: gpt-a, llama-b"),
        (("--translationese", "answers.jsonl"), "expected text and source_language"),
        (("--recipe", "tiny.toml", "--corpus", "made-up"), "found --recipe with --corpus"),
        (("--recipe", "tiny.toml", "--held-out-share", 0.5), "found --recipe with --held-out-share"),
        (("--held-out-share", 1.5), "found --held-out-share 1.5, expected a share between 0 and 1"),
        (("--split", "row"), "found the split 'row', expected one of: question, value-id"),
        (("--split", "value-id", "--counts", "many"), "found --counts 'many', expected REFERENCE/TEST"),
        (("--corpus", "=x"), "found --corpus '=x', expected SOURCE or NAME=SOURCE,SOURCE"),
        (("--encoder", "absent"), "found the encoders absent, absent, expected each of them once"),
        (("--md", "no/folder/report.md"), "found no folder no/folder, expected one"),
    ],
)
def test_what_cannot_be_used_is_said_before_an_encoder_is_loaded(
    arguments: tuple[object, ...], expected: str, command: Command
) -> None:
    code, output, errors = command("--encoder", "absent", *arguments)
    assert (code, output) == (2, "")
    assert expected in errors


def test_answers_of_one_value_id(command: Command) -> None:
    write_answers(command.folder / "answers.jsonl", answers(LLMS[:1]))
    code, _, errors = command("--encoder", "one")
    assert code == 2
    assert "has 1 value IDs (gpt-a/eng), expected at least 2" in errors


def test_an_encoder_that_is_not_there(command: Command) -> None:
    code, output, errors = command("--encoder", "absent", "--k", 3)
    assert (code, output) == (2, "")
    assert "found the encoder 'absent'" in errors


def test_encoders_of_one_name_are_told_apart(command: Command) -> None:
    shutil.copytree(command.folder / "two", command.folder / "runs" / "one")
    document = command.json("--encoder", "one", "--encoder", "runs/one", "--k", 3, "--no-probe", "--corpus", "made-up")
    assert [encoder["name"] for encoder in document["encoders"]] == ["one", "runs/one"]


def test_the_command_is_there() -> None:
    assert "evaluate" in {command.name or command.callback.__name__ for command in app.registered_commands}  # type: ignore[union-attr]


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_file(), reason=f"the real answers are not there: {SHARED}")
def test_the_bundled_encoder_knows_real_llms(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output, errors = typed(
        monkeypatch, capsys, "evaluate", "--answers", SHARED, "--corpus", "speechmap-us_criticism", "--limit", 8,
        "--encoder", "univar-mini", "--k", 5, "--json", "--no-probe",
    )  # fmt: skip
    assert code == 0, errors
    document = json.loads(output)
    (found,) = [row["accuracy"] for row in document["identification"] if row["encoder"] == "univar-mini"]
    assert found["low"] > 1 / 30
    assert document["encoders"][0]["trained_on"] == 0
