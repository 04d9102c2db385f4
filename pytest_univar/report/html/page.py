"""The page around the sections: one file that asks for nothing, and forbids itself everything it does not need."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

from pytest_univar.maps.figure import COLOURS
from pytest_univar.report.html.markup import Child, Html, el, joined
from pytest_univar.report.html.plot import library

_ON_DARK = ("#9a8ff0", "#e0808f", "#4fb86f", "#88ccee", "#d27fc4", "#ddcc77", "#5cc8b6", "#cf6a98", "#bdbd5c")
"""The twins of ``COLOURS`` on a dark ground, in their order."""


class Section(NamedTuple):
    """A part of the page with a heading of its own, which the contents name."""

    id: str
    title: str
    body: Html


def page(title: str, lead: Child, sections: Sequence[Section], *, has_map: bool) -> str:
    """The whole file. ``lead``: what stands between the title and the sections."""
    scripts = [_script("page.js")]
    bokeh = Html("")
    if has_map:
        scripts.append(_script("map_styles.js", "map_labels.js", "map_answers.js", "map.js"))
        bokeh = _library()
    style = Html(_file("page.css") + _palette())
    head = [
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_policy([*scripts, bokeh], [style])),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", title),
        el("style", style),
    ]
    contents = el(
        "nav",
        el("ul", [el("li", el("a", section.title, href=f"#{section.id}")) for section in sections]),
        aria_label="Contents",
    )
    theme = el("button", "Dark colours", type="button", id="theme", hidden=True)
    main = [
        el("section", el("h2", each.title, id=f"{each.id}-title"), each.body, id=each.id,
           aria_labelledby=f"{each.id}-title")
        for each in sections
    ]  # fmt: skip
    body = [
        el("a", "Skip to the verdict" if sections[0].id == "verdict" else "Skip to the content",
           class_="skip", href=f"#{sections[0].id}"),
        el("header", el("div", el("h1", title), theme, class_="top"), lead, contents if len(sections) > 1 else None),
        el("main", main),
        el("footer", el("p", "Made by pytest-univar.", _credit() if has_map else None)),
        Html(f'<script type="text/plain" id="bokeh">{bokeh}</script>') if has_map else None,
        [Html(f"<script>{script}</script>") for script in scripts],
    ]  # fmt: skip
    return "<!DOCTYPE html>\n" + el("html", el("head", head), "\n", el("body", body), lang="en") + "\n"


def _policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """Nothing may be loaded, and nothing may run or style but what has one of these digests."""

    def digests(texts: Sequence[str]) -> str:
        digest = (hashlib.sha256(text.encode()).digest() for text in texts)
        return " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in digest)

    return (
        f"default-src 'none'; script-src {digests([each for each in scripts if each])}; style-src {digests(styles)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _library() -> Html:
    """BokehJS in a form that stands inside a script element: no end tag, no comment, no carriage return."""
    text = library().replace("\r\n", "\n").replace("\r", "\n").replace("<!--", "\\x3c!--")
    return Html(re.sub(r"<(/?script)", r"\\x3c\1", text, flags=re.IGNORECASE))


def _credit() -> Html:
    return joined([" The map is drawn by BokehJS (© Bokeh contributors, BSD licence), which is inside this file."])


def _palette() -> str:
    """A class for each colour of the map."""
    return "".join(
        f".c{place}{{color:light-dark({light.lower()},{dark})}}"
        for place, (light, dark) in enumerate(zip(COLOURS, _ON_DARK, strict=True))
    )


def _script(*names: str) -> str:
    """Files as one script with a scope of its own."""
    return "\n".join(['"use strict";', "{", *map(_file, names), "}"])


def _file(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8").replace("\r\n", "\n")
