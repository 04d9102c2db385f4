"""A whole evaluation with an encoder whose vectors are known: running.py, measuring.py, results.py and tables.py."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from pytest_univar.cli.common import table_of
from pytest_univar.corpora import Corpus, hold_out
from pytest_univar.evaluation.plan import Plan, Settings, plan_for
from pytest_univar.evaluation.results import EncoderNote, Evaluation, as_json
from pytest_univar.evaluation.running import Measured, run, sha256_of
from pytest_univar.evaluation.scores import Figure
from pytest_univar.evaluation.tables import markdown, measured, percent, plain, sections
from pytest_univar.evaluation.translationese import read_translationese
from pytest_univar.report.progress import SilentDisplay
from pytest_univar.values import Answer, Vectors

LLMS = ("a", "b", "c", "d")


class Voices:
    """An encoder that hears who speaks, except in the control."""

    def __init__(self, name: str, spread: float) -> None:
        self.name, self.fingerprint, self.spread = name, hashlib.sha256(name.encode()).hexdigest(), spread
        self.asked: Counter[str] = Counter()

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        self.asked.update(texts)
        rows = []
        for text in texts:
            noise = np.random.default_rng(list(text.encode())).standard_normal(8)
            heard = [0 if "chat" in text else len(re.findall(rf"by {llm}\b", text)) for llm in LLMS]
            rows.append(np.array([*heard, 0, 0, 0, 0]) / max(1, sum(heard)) + self.spread * noise)
        return np.asarray(rows, dtype=np.float32)


def made(name: str, questions: int = 60) -> Corpus:
    answers = tuple(
        Answer(llm, "eng", f"{name}{q}", f"{name} {q}", f"by {llm}", source=name)
        for q in range(questions)
        for llm in LLMS
    )
    return Corpus(name, answers, hold_out((answer.question_id for answer in answers), 0.25, seed=0))


SETTINGS = Settings(ks=(1, 9), view_sizes=(1, 5), profile_sizes=(1, 5, 10), unseen=("d",))


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    lines = [f"sentence {i} {'by a' if i % 2 else 'by b'},{'deu' if i % 2 else 'fra'}" for i in range(48)]
    file = tmp_path / "sentences.csv"
    file.write_text("\n".join(["text,source_language", *lines]), encoding="utf-8")
    texts = read_translationese(file, held_out_share=0.25, seed=0)
    return plan_for([made("values"), made("more")], SETTINGS, control=made("chat"), translationese=texts)


def done(plan: Plan, folder: Path, *encoders: Voices) -> Evaluation:
    answers = folder / "answers.jsonl"
    answers.write_text("the answers", encoding="utf-8")
    notes = [EncoderNote(e.name, e.name, e.fingerprint, "cpu", "float32", 8, 64, None) for e in encoders]
    return run(
        plan,
        list(map(Measured, notes, encoders)),
        answers,
        progress=SilentDisplay(),
        settings={"held_out_share": 0.25, "recipe": None, "control": "chat"},
    )


@pytest.fixture
def evaluation(plan: Plan, tmp_path: Path) -> Evaluation:
    return done(plan, tmp_path, Voices("hears", 0.2), Voices("noise", 50.0))


def test_every_text_is_encoded_once(plan: Plan, tmp_path: Path) -> None:
    encoder = Voices("hears", 0.2)
    done(plan, tmp_path, encoder)
    assert set(encoder.asked.values()) == {1}
    assert len(encoder.asked) == len(plan.texts)


def test_who_hears_finds_and_noise_is_at_chance(evaluation: Evaluation) -> None:
    found = {(row.encoder, row.corpus, row.method): row for row in evaluation.identification}
    for corpus in ("values", "more", "mean"):
        for method in ("k-NN 1", "k-NN 9"):
            assert found["hears", corpus, method].accuracy.value > 0.95
            assert abs(found["noise", corpus, method].accuracy.value - 0.25) < 0.2
        assert found["hears", corpus, "probe"].at[10].value == 1.0
        assert found["", corpus, "chance"].accuracy == (0.25, None, None)
        assert found["", corpus, "majority"].accuracy == (0.25, None, None)
    both = [found["noise", corpus, "k-NN 9"].weighted_f1.value for corpus in ("values", "more")]
    assert found["noise", "mean", "k-NN 9"].weighted_f1.value == pytest.approx(np.mean(both))


def test_the_gap_is_between_what_is_heard_and_what_is_not(evaluation: Evaluation) -> None:
    found = {(row.encoder, row.corpus, row.method): row for row in evaluation.control}
    row = found["hears", "values", "k-NN 9"]
    assert (row.value_ids, row.reference_answers, row.chance) == (4, 45, 0.25)
    assert row.values.value > 0.95
    assert abs(row.control.value - 0.25) < 0.2
    assert row.gap.value == pytest.approx(row.values.value - row.control.value)
    assert row.gap.low is not None
    assert row.gap.low > 0.4
    noise = found["noise", "values", "k-NN 9"].gap
    assert noise.low is not None
    assert noise.high is not None
    assert noise.low < 0 < noise.high


def test_seen_and_unseen_are_apart(evaluation: Evaluation) -> None:
    found = {
        (row.group, row.method): row for row in evaluation.novelty if (row.encoder, row.corpus) == ("hears", "more")
    }
    assert {key: row.value_ids for key, row in found.items() if key[1] == "k-NN 9"} == {
        ("seen", "k-NN 9"): 3,
        ("unseen", "k-NN 9"): 1,
    }
    assert all(row.balanced_accuracy.value > 0.9 for key, row in found.items() if key[1] != "probe")
    groups = Counter((row.group, row.size) for row in evaluation.profiles if row.encoder == "hears")
    assert set(groups) == {(group, size) for group in ("all", "seen", "unseen") for size in (1, 5, 10)}


def test_views_and_source_languages_are_found(evaluation: Evaluation) -> None:
    views = {(row.encoder, row.size): row.accuracy.value for row in evaluation.views if row.corpus == "values"}
    assert views["hears", 5] > 0.95
    languages = {(row.encoder, row.format, row.method): row.accuracy.value for row in evaluation.translationese}
    assert languages["hears", "text-only", "k-NN 9"] > 0.9
    assert languages["", "paraphrase", "chance"] == 0.5
    assert evaluation.translationese_note is not None
    assert "the text stands in its place" in evaluation.translationese_note


def test_it_is_the_same_twice(plan: Plan, tmp_path: Path, evaluation: Evaluation) -> None:
    again = done(plan, tmp_path, Voices("hears", 0.2), Voices("noise", 50.0))
    assert as_json(again) == as_json(evaluation)
    other = done(replace(plan, settings=replace(plan.settings, seed=1)), tmp_path, Voices("noise", 50.0))
    mine = [row for row in evaluation.identification if row.encoder == "noise"]
    assert [row.accuracy.value for row in other.identification[: len(mine)] if row.method == "k-NN 9"] == [
        row.accuracy.value for row in mine if row.method == "k-NN 9"
    ]  # the seed moves the intervals, not what scikit-learn counts
    assert other.identification[0].weighted_f1.low != mine[0].weighted_f1.low


def test_json_is_versioned_and_holds_what_was_measured(evaluation: Evaluation) -> None:
    document: dict[str, Any] = json.loads(json.dumps(as_json(evaluation), allow_nan=False))
    assert (document["schema"], document["kind"], document["split"]) == (1, "evaluation", "by question")
    assert document["answers_sha256"] == hashlib.sha256(b"the answers").hexdigest()
    assert document["settings"] | {"k": [1, 9], "seed": 0, "unseen": ["d"], "control": "chat"} == document["settings"]
    assert [encoder["fingerprint"] for encoder in document["encoders"]] == [
        hashlib.sha256(name.encode()).hexdigest() for name in ("hears", "noise")
    ]
    assert set(document["versions"]) == {"python", "pytest-univar", "numpy", "scikit-learn", "torch", "transformers"}
    assert document["corpora"][0] == {
        "name": "values", "value_ids": 4, "reference_answers": 180, "test_answers": 60, "reference_questions": 45,
        "test_questions": 15, "shared_questions": 0,
    }  # fmt: skip
    first = document["identification"][0]
    assert set(first["accuracy"]) == {"value", "low", "high"}
    assert document["identification"][2]["at"].keys() == {"1", "5", "10"}


def test_the_split_by_value_id_is_named_with_its_leak(tmp_path: Path) -> None:
    plan = plan_for([made("values")], replace(SETTINGS, split="value-id", counts={None: (30, 10)}))
    found = done(plan, tmp_path, Voices("hears", 0.2))
    assert found.split == "by value ID"
    assert found.corpora[0].shared_questions > 0
    text = markdown(found)
    assert "split by value ID" in text
    assert re.search(r"\d+ of them in the reference too", text)


def test_the_tables_fit_80_columns(evaluation: Evaluation) -> None:
    console = Console(width=80)
    with console.capture() as captured:
        for section in sections(evaluation):
            console.print(table_of(section.columns, section.rows))
    text = captured.get()
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"hears +k-NN 9 +[\d.]+ \([\d.]+–[\d.]+\) +[\d.]+ \(", text)
    assert re.search(r"chance +25\.0 +25\.0", text)


def test_markdown_has_every_section_and_what_was_measured(evaluation: Evaluation) -> None:
    text = markdown(evaluation)
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert titles[0] == "Value identification: values"
    assert "Value identification: all corpora" in titles
    assert "values against the control chat" in titles
    assert titles[-1] == "What was measured"
    assert len(titles) == len(sections(evaluation)) + 1
    for line in measured(evaluation)[:1]:
        assert line in text
    for table in text.split("## ")[1:-1]:
        widths = {line.count("|") for line in table.splitlines() if line.startswith("|")}
        assert len(widths) == 1


@pytest.mark.parametrize(
    ("figure", "shares", "number"),
    [
        (Figure(0.6805, 0.61, 0.7), "68.0 (61.0–70.0)", "0.7 (0.6–0.7)"),
        (Figure(1 / 3), "33.3", "0.3"),
        (Figure(1.0, 0.9, 1.0), "100 (90.0–100)", "1.0 (0.9–1.0)"),
        (Figure(-0.25, -0.5, 0.1), "−25.0 (−50.0–10.0)", "−0.2 (−0.5–0.1)"),
        (Figure(4.26, 3.1, None), "426.0", "4.3 (3.1–∞)"),
        (None, "", "undefined"),
    ],
)
def test_figures_as_text(figure: Figure | None, shares: str, number: str) -> None:
    assert plain(figure, "undefined") == number
    assert percent(figure) == shares


def test_the_digest_of_a_folder_is_of_names_and_contents(tmp_path: Path) -> None:
    folder = tmp_path / "released" / "pvq" / "qa_translated"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("x", encoding="utf-8")
    first = sha256_of(tmp_path / "released")
    assert sha256_of(tmp_path / "released") == first
    (folder / "a.csv").rename(folder / "b.csv")
    renamed = sha256_of(tmp_path / "released")
    (folder / "b.csv").write_text("y", encoding="utf-8")
    assert len({first, renamed, sha256_of(tmp_path / "released")}) == 3


def test_the_corpora_are_resampled_independently_of_each_other(evaluation: Evaluation) -> None:
    """Their questions are different ones: the interval of the mean is narrower than those of both."""
    widths = {}
    for row in evaluation.identification:
        if (row.encoder, row.method) == ("noise", "k-NN 9"):
            assert row.accuracy.low is not None
            assert row.accuracy.high is not None
            widths[row.corpus] = row.accuracy.high - row.accuracy.low
    assert widths["mean"] < 0.85 * (widths["values"] + widths["more"]) / 2
