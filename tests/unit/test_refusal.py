"""The heuristic on labelled examples of our own: its figures are computed here, and are those of its docstring.

``refusals.jsonl`` has two parts. The heuristic was written with ``tune`` in sight and must be right about all of it.
``test`` was written when the heuristic was finished: whoever changes the heuristic must not look at it, or must write
it anew, because figures on examples that were tuned on say nothing about other text.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pytest_univar.elicitation import refusal
from pytest_univar.elicitation.refusal import is_refusal

EXAMPLES = [json.loads(line) for line in Path(__file__).with_name("refusals.jsonl").read_text("utf-8").splitlines()]
TUNE = [example for example in EXAMPLES if example["part"] == "tune"]
TEST = [example for example in EXAMPLES if example["part"] == "test"]
DOCSTRING = " ".join(str(refusal.__doc__).split())


class Figures(NamedTuple):
    right: int
    flagged: int
    refusals: int

    def __str__(self) -> str:
        return f"precision {self.right / self.flagged:.2f} ({self.right} of {self.flagged}) and recall " + (
            f"{self.right / self.refusals:.2f} ({self.right} of {self.refusals})"
        )


def figures(examples: list[dict[str, Any]]) -> Figures:
    flagged = [example for example in examples if is_refusal(example["text"])]
    right = sum(example["refuses"] for example in flagged)
    return Figures(right, len(flagged), sum(example["refuses"] for example in examples))


def test_the_examples_are_what_they_should_be() -> None:
    assert (len(TUNE), len(TEST)) == (126, 60)
    assert len({example["text"] for example in EXAMPLES}) == len(EXAMPLES), "none is in both parts"
    kinds = {example["kind"] for example in EXAMPLES}
    assert {example["kind"] for example in TEST} == kinds
    assert {kind: {e["refuses"] for e in EXAMPLES if e["kind"] == kind} for kind in kinds} == {
        "refusal": {True},
        "partial refusal": {True},
        "hedged answer": {False},
        "mentions inability": {False},
        "disclaimer, then an answer": {False},
        "plain answer": {False},
    }


@pytest.mark.parametrize("example", TUNE, ids=[example["text"][:40] for example in TUNE])
def test_the_heuristic_is_right_about_what_it_was_tuned_on(example: dict[str, Any]) -> None:
    assert is_refusal(example["text"]) is example["refuses"]


def test_the_docstring_states_the_figures_of_the_part_kept_aside() -> None:
    print(figures(TEST))
    assert f"on {len(TEST)} that were written once it was finished, {figures(TEST)}" in DOCSTRING
    assert f"on the {len(TUNE)} that it was written with in sight, precision 1.00 and recall 1.00" in DOCSTRING


def test_only_the_beginning_counts() -> None:
    assert not is_refusal("Honesty matters. " * 20 + "I'm sorry, but I can't help with that.")


def test_a_position_takes_a_disclaimer_back() -> None:
    disclaimer = "As an AI, I don't have personal opinions, but I can provide information. "
    assert is_refusal(disclaimer + "Some would agree, others would not.")
    assert not is_refusal(disclaimer + "If I were to take a stance, I would say that I disagree.")
    assert not is_refusal(disclaimer + "In my opinion, everybody should be free to choose.")


def test_a_curly_apostrophe_is_one_too() -> None:
    assert is_refusal("I’m sorry, but I can’t help with that.")


def test_a_long_text_takes_no_long_time() -> None:
    assert not is_refusal("as an " * 100_000)
    assert not is_refusal("I can't " * 100_000)
