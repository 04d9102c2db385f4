"""HTML by construction: every text that is not markup already is made inert and escaped where it enters."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import unescape
from typing import Any, TypeAlias

from pytest_univar.languages import LANGUAGES

_SHORT_CODES = {
    "eng": "en", "zho": "zh", "hin": "hi", "spa": "es", "arb": "ar", "fra": "fr", "ind": "id", "zsm": "ms", "por": "pt",
    "rus": "ru", "deu": "de", "pes": "fa", "jpn": "ja", "swh": "sw", "vie": "vi", "tgl": "tl", "kor": "ko", "ita": "it",
    "tha": "th", "ron": "ro", "swe": "sv", "hat": "ht", "quy": "qu", "bul": "bg", "fin": "fi",
}  # fmt: skip
"""ISO 639-3 → the shortest code, which the attribute ``lang`` must have where there is one (BCP 47)."""

_VOID = frozenset({"br", "col", "input", "link", "meta"})
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_BREAKS = re.compile("\r\n?|\u2028|\u2029")

LONG = 1500
"""Characters of a text from which its box scrolls."""


class Html(str):
    """Markup; everything else is text."""

    __slots__ = ()


Child: TypeAlias = "str | Iterable[Child] | None"


def el(tag: str, /, *children: Child, **attributes: str | float | bool | None) -> Html:
    """An element. Attributes: ``class_`` is ``class``, ``aria_label`` ``aria-label``; None and False leave it out."""
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if tag in _VOID:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{joined(children)}</{tag}>")


def joined(children: Iterable[Child]) -> Html:
    """Markup as it is, texts escaped, what is nested laid flat."""
    parts = []
    for child in children:
        if isinstance(child, Html):
            parts.append(str(child))
        elif isinstance(child, str):
            parts.append(escaped(child))
        elif child is not None:
            parts.append(str(joined(child)))
    return Html("".join(parts))


def escaped(text: str) -> str:
    """For an element's text or an attribute in double quotes."""
    return (
        visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    )  # fmt: skip


def visible(text: str) -> str:
    """Line breaks as ``\\n``; what steers a terminal or the direction of text, and half characters, as signs.

    Marks that join letters, or give one of them its direction, stay: Persian, Hebrew and emoji are written with them.
    """
    return _STEERING.sub(_sign, _BREAKS.sub("\n", text))


def _sign(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    return "\N{REPLACEMENT CHARACTER}" if code >= 0xD800 else f"⟨U+{code:04X}⟩"


def data(content: Any, id: str) -> Html:
    """JSON that a script of the page reads; no browser executes it, and no text in it ends the element."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Html(f'<script type="application/json" id="{id}">{text}</script>')


def name(text: str) -> Html:
    """A name from outside, whose direction does not reach beyond it."""
    return el("bdi", text)


def language_name(code: str) -> str:
    """In English; the code itself for a language that is not one of the 25."""
    return LANGUAGES[code].name if code in LANGUAGES else code


def said(text: str, language: str = "eng", label: str = "Text") -> Html:
    """What somebody said, as it was said; a long text in a box that scrolls and can be reached by the keyboard."""
    lang = None if language == "eng" else _SHORT_CODES.get(language, language)
    text = text.strip()
    if len(text) <= LONG:
        return el("div", text or "(empty)", class_="said", dir="auto", lang=lang)
    box = el("div", text, class_="said long", dir="auto", lang=lang, tabindex="0", role="group", aria_label=label)
    length = f"{len(text):,} characters"
    return joined(
        [
            box,
            el("p", f"{length}; scroll to read on", class_="note screen"),
            el("p", f"{length}; the paper shows the beginning", class_="note paper-only"),
        ]
    )


def table(caption: str, head: Iterable[Child], rows: Iterable[Iterable[Child]], class_: str | None = None) -> Html:
    """A table whose first column names its rows, in a frame that scrolls where the screen is narrow.

    The cells carry the head of their column as data, for screens too narrow for columns.
    """
    head = list(head)
    names = [unescape(re.sub(r"<[^>]*>", "", joined([part]))) for part in head]
    body = []
    for row in rows:
        first, *others = row
        cells = [el("td", cell, data_head=label) for cell, label in zip(others, names[1:], strict=True)]
        body.append(el("tr", el("th", first, scope="row"), cells))
    return frame(
        el(
            "table",
            el("caption", caption),
            el("thead", el("tr", [el("th", part, scope="col") for part in head])),
            el("tbody", body),
            class_=class_,
        ),
        caption,
    )


def frame(content: Html, label: str) -> Html:
    """What may be wider than the screen: it scrolls by itself, by the keyboard too."""
    return el("div", content, class_="wide", tabindex="0", role="group", aria_label=label)


def _attribute(key: str, value: str | float | bool | None) -> str:
    key = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {key}"
    return f' {key}="{escaped(value if isinstance(value, str) else f"{value:g}")}"'
