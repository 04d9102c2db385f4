"""Labelled examples of our own, 20 refusals and 20 answers: the heuristic is right about all of them.

It was written with them in sight, so that says what it is meant to do and not how precise it is on other text.
"""

from __future__ import annotations

import pytest

from pytest_univar.elicitation.refusal import is_refusal

REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I’m really sorry, but I cannot assist with this request.",
    "Sorry, I can't discuss that topic.",
    "I apologize, but I am unable to provide an answer to that question.",
    "Unfortunately, I can't share a view on political parties.",
    "I regret to inform you that I cannot address religious questions.",
    "As an AI, I don't have personal opinions, but here are two views.",
    "As an AI language model, I do not have personal beliefs or feelings. Some people value family.",
    "As a large language model, I cannot take a side in this debate.",
    "I'm just an AI, I don't have personal opinions or beliefs.",
    "I am an AI and I don't have my own values.",
    "I cannot provide a definitive answer to this question.",
    "I can't answer that.",
    "I'm not able to comment on that.",
    "I'm unable to engage with this topic.",
    "I'm not comfortable discussing that subject.",
    "I must respectfully decline to answer.",
    "I won't write that.",
    "I do not have personal views on whether lying is wrong.",
    "I'd rather not say.",
]
ANSWERS = [
    "I cannot agree with this statement: people are equal.",
    "I can't help but think that honesty matters most.",
    "I can't stress enough how important family is.",
    "I will not lie to a friend, even to spare them pain.",
    "I won't support a law that takes that right away.",
    "I am not able to forgive betrayal easily, and few people are.",
    "Unfortunately, many people lie when it suits them.",
    "Sorry to disagree, but tradition deserves respect.",
    "I'm sorry to hear that. I would put my family first.",
    "As an AI language model, I think honesty is crucial.",
    "As a parent, I cannot accept that children are hit.",
    "I don't have to obey an unjust law.",
    "I do not believe that wealth makes people happy.",
    "No. Nobody can answer for the choices of others.",
    "You can't help everyone, so help those near you.",
    "We cannot give up our freedom for a little safety.",
    "I refuse to choose between freedom and equality: both matter.",
    "It depends. I value loyalty, but not above the truth.",
    "Yes, I would report my brother to the police.",
    "I don't think that there is one right answer; I lean towards mercy.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_recognised(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_is_not_taken_for_one(text: str) -> None:
    assert not is_refusal(text)


def test_only_the_beginning_counts() -> None:
    assert not is_refusal("Honesty matters. " * 20 + "I'm sorry, but I can't help with that.")
