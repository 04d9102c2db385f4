"""Does an English answer decline to answer? A small heuristic, counted and shown, never used to drop an answer.

It looks at the beginning only, where models put their refusals: an apology or "as an AI" followed by a statement of
inability, or an outright statement of it. An answer that hedges first and then takes a position is not a refusal, but
one that begins with "As an AI, I don't have personal opinions" is counted as one even if a survey of views follows:
it declines to express a value of its own. ``tests/unit/test_refusal.py`` has labelled examples and the limits.
"""

from __future__ import annotations

import re

_HEAD = 200
"""Characters of the answer that are looked at."""

_APOLOGY = (
    r"(?:(?:i'm|i am|we're|we are)\s+(?:really\s+|very\s+|so\s+|deeply\s+)?(?:sorry|afraid)"
    r"|sorry|(?:my\s+)?apologies|i apologi[sz]e|unfortunately|i regret(?: to (?:inform|tell) you)?)"
)
_UNABLE = (
    r"(?:(?:i|we)\s+(?:really\s+|simply\s+)?(?:can(?:no|')?t|can not|couldn't|could not|won't|will not"
    r"|(?:(?:must|have to|would)\s+)?(?:politely\s+|respectfully\s+)?decline|would (?:rather|prefer) not)"
    r"|i'd (?:rather|prefer) not|(?:i'm|i am|we're|we are)\s+(?:unable"
    r"|not (?:really\s+)?(?:able|comfortable|allowed|permitted|programmed|designed|going)))(?:\s+to)?"
)
_NO_VIEWS = (
    r"(?:i|we)\s+(?:do not|don't|cannot|can't|can not)\s+(?:\w+\s+){0,2}?"
    r"(?:personal\s+|subjective\s+|any\s+|my own\s+|own\s+)*"
    r"(?:opinions?|beliefs?|views?|feelings?|values|preferences|stances?|positions?)"
)
_AI = (
    r"(?:as|(?:i'm|i am)(?: just| only)?) an?\s+(?:\w+\s+){0,3}?"
    r"(?:ai|artificial intelligence|language model|assistant|chatbot|machine)\b"
)
# Only acts of answering: "I cannot agree" and "I will not support" are positions, "I can't help but" is no refusal.
_ACT = (
    r"\s*(?:\w+\s+){0,3}?(?:answer|assist|help(?!\s+but\b)|comply|respond|provide|discuss|engage|comment|fulfil+|share"
    r"|express|offer|participate|create|generate|write|say\b(?!\s+that\b)|talk|speculate|address|do (?:that|this)"
    r"|give (?:an?|you|my|advice)\b|take (?:a|any|sides?)\b"
    r"|have (?:personal|opinions|beliefs|feelings))"
)

_REFUSAL = re.compile(
    rf"^\W*(?:(?:well|oh|hmm|no)\W+)*(?:"
    rf"(?:{_APOLOGY}\W+(?:(?:but|that)\W+)?(?:{_AI}\W+)?(?:{_UNABLE}|{_NO_VIEWS}))"
    rf"|(?:{_AI}\W+(?:[^.!?]{{0,60}}?\b)?(?:{_UNABLE}{_ACT}|{_NO_VIEWS}))"
    rf"|(?:{_UNABLE}{_ACT})"
    rf"|(?:{_NO_VIEWS})"
    rf")",
    re.IGNORECASE,
)


def is_refusal(text: str) -> bool:
    """Whether this English answer begins by declining to answer."""
    return _REFUSAL.search(text[:_HEAD].replace("’", "'")) is not None
