"""The HTML report as a file: whole, in order, within its own policy, and inert whatever a model says."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import fields, is_dataclass, replace
from itertools import pairwise
from typing import Any

import pytest

from pytest_univar.report.html import render_html
from pytest_univar.report.html.markup import Html, el, said, visible

from ..html_samples import (
    HOSTILE,
    LONG,
    MODEL,
    audit_result,
    drawn_map,
)
from ..html_tree import Element, Tree, by_id, tree, whole

# --------------------------------------------------------------------------------------------------------- the file


def test_the_policy_names_what_is_in_the_file_and_nothing_else() -> None:
    """The digests are those of the parsed contents, and all that runs or styles has one."""
    _, root = whole()
    (head,) = root.all("head")
    first, second = head.all()[:2]
    assert first.attributes == {"charset": "utf-8"}
    assert second.attributes["http-equiv"] == "Content-Security-Policy"
    policy = dict(part.strip().split(" ", 1) for part in second.attributes["content"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data:"
    assert not {"'unsafe-inline'", "'unsafe-eval'"} & set(" ".join(policy.values()).split())

    def digest(element: Element) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()}'"

    scripts = root.all("script")
    running = [each for each in scripts if "type" not in each.attributes]
    (library,) = [each for each in scripts if each.attributes.get("id") == "bokeh"]
    assert library.attributes["type"] == "text/plain"  # run once the page is there to be read
    assert len(library.text) > 1_000_000
    assert set(policy["script-src"].split()) == set(map(digest, [*running, library]))
    assert set(map(digest, root.all("style"))) == set(policy["style-src"].split())


def test_nothing_is_loaded_from_anywhere() -> None:
    text, root = whole()
    for each in root.all():
        assert not {name for name in each.attributes if name.startswith("on") or name in ("style", "src", "srcset")}
        for name in ("href", "xlink:href", "action", "formaction", "data"):
            assert each.attributes.get(name, "#").startswith("#")
    assert not root.all("iframe", "object", "embed", "link", "base", "img", "form")
    style = max(root.all("style"), key=lambda style: len(style.text)).text
    assert "url(" not in style
    assert "@import" not in style
    assert "\r" not in text


def test_ids_are_unique_and_references_lead_somewhere() -> None:
    _, root = whole()
    ids = [each.attributes["id"] for each in root.all() if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    for each in root.all():
        for name in ("for", "aria-labelledby", "aria-describedby"):
            assert set(each.attributes.get(name, "").split()) <= set(ids)
        assert each.attributes.get("href", "#").removeprefix("#") in {"", *ids}


def test_headings_do_not_skip_a_level_and_tables_are_named() -> None:
    _, root = whole()
    levels = [int(each.tag[1]) for each in root.all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for each in root.all("table"):
        assert each.all("caption")[0].text
        assert all("scope" in cell.attributes for cell in each.all("th"))
    pictures = [each for each in root.all("svg") if each.attributes.get("aria-hidden") != "true"]
    assert pictures
    assert all(each.attributes["role"] == "img" and each.attributes["aria-label"] for each in pictures)
    assert root.all("html")[0].attributes["lang"] == "en"
    assert root.all("a")[0].attributes == {"class": "skip", "href": "#verdict"}


def test_the_sections_and_their_order() -> None:
    _, root = whole()
    assert [each.attributes["id"] for each in root.all("section")] == [
        "verdict",
        "map",
        "measures",
        "evidence",
        "method",
    ]
    assert [each.attributes["href"] for each in root.all("nav")[0].all("a")] == [
        f"#{each.attributes['id']}" for each in root.all("section")
    ]


def test_the_same_twice() -> None:
    assert render_html(audit_result()) == whole()[0]


# ---------------------------------------------------------------------------------------------------------- hostility


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain \t text\n", "plain \t text\n"),
        ("a\r\nb\rc\u2028d\u2029e", "a\nb\nc\nd\ne"),
        ("\x1b[31m\x00\x07\x7f", "␛[31m␀␇␡"),
        ("\x9b1m", "⟨U+009B⟩1m"),
        ("a\u202eb\u202c\u2066c\u2069", "a⟨U+202E⟩b⟨U+202C⟩⟨U+2066⟩c⟨U+2069⟩"),
        ("می\u200cخواهم \u200f!", "می\u200cخواهم \u200f!"),
        ("half \ud83d", "half �"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
    ],
)
def test_what_steers_is_made_visible(text: str, expected: str) -> None:
    assert visible(text) == expected


def test_only_markup_is_markup() -> None:
    assert el("p", "<b>&\"'", Html("<i>x</i>"), None, ["y", ["z"]]) == "<p>&lt;b&gt;&amp;&quot;'<i>x</i>yz</p>"
    written = el("input", class_="a", aria_label='"><script>', hidden=True, checked=False, title=None, x=1.5)
    assert written == '<input class="a" aria-label="&quot;&gt;&lt;script&gt;" hidden x="1.5">'


def test_hostile_texts_are_shown_and_make_no_element() -> None:
    text, root = whole()
    assert [each.tag for each in root.all()] == [each.tag for each in tree(tamed(audit_result())).all()]
    evidence = by_id(root, "evidence").text
    for hostile in HOSTILE:
        assert visible(hostile).strip() in evidence
    assert "⟨U+202E⟩gnp.exe" in evidence
    assert "␛[31m" in evidence
    for steering in "\x1b\x00\x07\u202e\ud83d\u2028":
        assert steering not in text
    text.encode("utf-8")


def tamed(value: Any) -> Any:
    """The same result with plain words in place of every hostile text but the long one."""
    plain = {**dict.fromkeys(HOSTILE, "word"), LONG: LONG, MODEL: "org/model"}
    if isinstance(value, str):
        for hostile, word in plain.items():
            value = value.replace(hostile, word)
        return value
    if isinstance(value, tuple):
        parts = map(tamed, value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, dict):
        return {tamed(key): tamed(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: tamed(getattr(value, each.name)) for each in fields(value)})
    return value


def test_a_long_text_scrolls_and_can_be_reached() -> None:
    short, long = Tree(said("word", "eng", "Answer")).root, Tree(said(LONG, "spa", "Answer")).root
    assert short.all()[0].attributes == {"class": "said", "dir": "auto"}
    assert long.all()[0].attributes == {
        "class": "said long", "dir": "auto", "lang": "es", "tabindex": "0", "role": "group", "aria-label": "Answer",
    }  # fmt: skip
    assert long.all()[0].text == LONG.strip()
    assert "20,999 characters" in long.text


def test_the_data_of_the_map_are_inert_and_whole() -> None:
    _, root = whole()
    element = by_id(root, "map-data")
    assert element.attributes["type"] == "application/json"
    assert not set("<>&\u2028\u2029") & set(element.text)
    content = json.loads(element.text)
    drawn = drawn_map()
    assert [each["x"] for each in content["series"]] == [list(one.x) for one in drawn.series]
    assert [each["question"] for each in content["series"]] == [list(one.question) for one in drawn.series]
    audited = [each for each in content["series"] if each["audited"]]
    assert len(audited) == 3
    assert audited[0]["answers"][: len(HOSTILE)] == [visible(each).strip() for each in HOSTILE]
    assert content["texts"][audited[0]["asked"][2]] == "What about matter 2?"
    assert content["texts"][content["known"]["5"]] == "What about matter 5?"  # for answers of the bank to it
