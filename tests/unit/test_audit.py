"""What the account of a profile says about how its answers were sampled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_univar.audit import common_params, params_warnings
from pytest_univar.banks import load_bank
from pytest_univar.values import Answer

PAPER = {"top_p": 0.95, "max_tokens": 128}


def answer(**params: Any) -> Answer:
    return Answer("m", "eng", "q", "Why?", "Because.", params=params)


def test_params_that_all_answers_share() -> None:
    assert common_params([answer(**PAPER), answer(**PAPER)]) == PAPER


@pytest.mark.parametrize("answers", [[], [answer()], [answer(**PAPER), answer()], [answer(seed=1), answer(seed=2)]])
def test_params_that_are_unknown_or_differ(answers: list[Answer]) -> None:
    assert common_params(answers) is None


def test_a_bank_of_answers_that_were_sampled_otherwise_warns() -> None:
    bank = replace(load_bank("univar-mini-eng"), answer_params={"temperature": 0.7, "max_tokens": 512, "seed": 3})
    assert params_warnings(bank, {**PAPER, "seed": 4}) == [
        "sampled otherwise than the bank's answers, which shifts distances: temperature not set (the bank: 0.7), "
        "max_tokens 128 (the bank: 512)"
    ]
    assert params_warnings(bank, {"temperature": 0.7, "max_tokens": 512, "top_p": 0.95}) == []
    assert params_warnings(bank, None) == []
    assert params_warnings(replace(bank, answer_params={}), PAPER) == []
