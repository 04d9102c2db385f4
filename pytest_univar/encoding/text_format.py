"""What an encoder does to a text before its tokenizer sees it, stored with the encoder.

A *plain* encoder reads what an answer says, without how it is typed: Markdown and chat templates, list marks and
typographic signs tell LLMs apart better than any value does. Words, numbers and the punctuation of sentences stay.

One without *boilerplate* does not read the manners that an LLM may begin with before it answers: greetings, thanks for
the question and offers ("Thank you for asking.", "Sure! Here's a list:"). What may itself be the answer ("Certainly,
because …"), or belongs to a part that it was asked to play ("Thank you for having me on the show."), stays.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pytest_univar.errors import EncoderError

FILE = "univar_config.json"
"""Beside modules.json. An encoder without it takes texts as they are."""

FORMAT = 1

_PASSES = 5


@dataclass(frozen=True)
class TextFormat:
    """plain: without marks and markup, on one line. drop_boilerplate: without manners. Else as it is."""

    plain: bool = False
    drop_boilerplate: bool = False

    def apply(self, text: str) -> str:
        """``text`` as the tokenizer shall see it. Applied twice, it is what it is applied once."""
        text = _plain(text) if self.plain else text
        if not self.drop_boilerplate:
            return text
        found = text
        for _ in range(_PASSES):  # marks can stand before manners, and manners before marks
            before, found = found, _without_boilerplate(found)
            found = _plain(found) if self.plain else found
            if found == before:
                return found
        return text  # in turns more often than anybody writes: none are taken away, which the next time finds, too

    def save(self, folder: Path) -> None:
        """Write ``folder/univar_config.json``, or take it away where texts stay as they are."""
        if self == TextFormat():
            (folder / FILE).unlink(missing_ok=True)
        else:
            content = {"format": FORMAT, "text_format": asdict(self)}
            (folder / FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def parse_text_format(content: dict[str, Any], file: Path) -> TextFormat:
    """The text format of an encoder from what its ``file`` holds; EncoderError where it is another or none."""
    if content.get("format") != FORMAT:
        raise EncoderError(
            f"{file}: found the format {content.get('format')!r}, expected {FORMAT}. "
            "A newer pytest-univar may be needed for this encoder."
        )
    found = content.get("text_format")
    known = {"plain", "drop_boilerplate"}
    if not isinstance(found, dict) or not set(found) <= known or not all(isinstance(v, bool) for v in found.values()):
        raise EncoderError(
            f"{file}: found the text_format {found!r:.80}, expected 'plain' and 'drop_boilerplate', true or false. "
            "Texts that are prepared otherwise than in training give other vectors: download the checkpoint again, "
            "whole, or use a newer pytest-univar."
        )
    return TextFormat(**found)


# ------------------------------------------------------------------------------------------------------- boilerplate

_START = r"(^|(?<!\S)[QA]:(?=\s))"  # of the text, its question or its answer: where "Q: … A: …" puts them
_I = r"i(?:['’]m|['’]d|['’]ll| am| would| will| can)"
_OFFER = (
    rf"(?:{_I} (?:be )?(?:happy|glad|delighted|here|just here) to [^.!?:\n]{{1,120}}[.!:]"
    rf"|{_I} (?:certainly |definitely |surely )?help you with that[.!]"
    r"|here(?:['’]s| is| are) [^.!?:\n]{1,120}:)"
)
_GREETING = (
    r"(?:(?:hello|hi|hey)(?: there| everyone)?[!.,]"
    r"|(?:thank you|thanks)(?: so much| very much)? for "
    r"(?:(?:your|the|this)(?: \w{1,20}){0,2} (?:question|message|request|inquiry)|asking|reaching out)"
    r"[^.!?\n]{0,120}[.!])"
)
_AGREEMENT = (
    r"(?:sure(?: thing)?|certainly|of course|absolutely|okay|ok|great question|good question)[!.,]"
    rf"\s+(?={_OFFER})"
)
_MANNERS = re.compile(_START + rf"\s*(?i:(?:(?:{_AGREEMENT}|{_OFFER}\s+|{_GREETING}\s+)(?=\S))+)")


def _without_boilerplate(text: str) -> str:
    return _MANNERS.sub(r"\1 ", text).strip()


# ------------------------------------------------------------------------------------------------------------- plain

# Every rule takes time linear in the text: nothing repeated can match what stands before or after it as well.
_MARK = r"(?:[-*+•–—>]|#{1,6}|\d{1,9}[.)]|[a-zA-Z][.)]|[IVX]{2,9}[.)])\s+"
_TEMPLATE = re.compile(r"<\|[a-z_]+\|>|\\boxed|\[/?INST\]|</?s>|</?(?:think|answer)>")
_FENCE = re.compile(r"```[^\n]*")
_LIST = re.compile(r"^[^\S\n]*" + _MARK, re.MULTILINE)
_RULE = re.compile(_START + r"[^\S\n]*(?:-{3,}|={3,}|\*{3,}|_{3,})[^\S\n]*$", re.MULTILINE)
_FIRST = re.compile(_START + rf"\s*(?:{_MARK})+")
_LINK = re.compile(r"\[([^\]]{0,1000})\]\([^)]{0,1000}\)")
_MARKS = re.compile(r"[*_`#|~{}\\]+")
_TYPEWRITTEN = str.maketrans("“”„‘’–—…", '"""\'\'--.')


def _plain(text: str) -> str:
    """Marks that stand within marks show only when the outer ones are gone: until nothing changes."""
    for _ in range(_PASSES):
        before, text = text, _pass(text)
        if text == before:
            return text
    # Nested deeper than anybody writes. Without brackets no rule can bring about what another one takes away.
    return _pass(re.sub(r"[][<>]+", " ", text))


def _pass(text: str) -> str:
    text = _TEMPLATE.sub(" ", text)
    text = _FENCE.sub(" ", text)
    text = _LIST.sub("", text)
    text = _RULE.sub(r"\1", text)
    text = _LINK.sub(r"\1", text)
    text = _MARKS.sub("", text).translate(_TYPEWRITTEN)
    text = " ".join(text.split())
    return _FIRST.sub(r"\1 ", text).strip()  # those that the format or other marks stood before
