"""The HTML report as a file: whole, in order, within its own policy, and inert whatever a model says."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pytest_univar.comparison import Conclusion
from pytest_univar.errors import UsageError
from pytest_univar.expectations import Claim
from pytest_univar.report import AuditResult, Plan, TestOutcome
from pytest_univar.report.html import render_html, render_map
from pytest_univar.report.html.charts import bar, scale_of, strip
from pytest_univar.report.html.markup import Html, el, said, visible
from pytest_univar.report.html.still import still
from pytest_univar.report.html.value_map import first_grouping

from ..html_samples import (
    AUDITED,
    BIDI,
    CLAIMS,
    HOSTILE,
    LONG,
    MODEL,
    OTHER,
    SCRIPT,
    audit_result,
    drawn_map,
    profile_result,
)

VOID = {"meta", "link", "br", "input", "col", "img"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parent: Element | None = None
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def all(self, *tags: str) -> list[Element]:
        """Those below it with one of these tags, in the order of the file; of every tag without any."""
        below = [child for child in self.children if isinstance(child, Element)]
        return [
            each for child in below for each in ([child] if not tags or child.tag in tags else []) + child.all(*tags)
        ]

    def with_class(self, name: str) -> list[Element]:
        return [each for each in self.all() if name in each.attributes.get("class", "").split()]


class Tree(HTMLParser):
    """A file as a tree; every element must be closed where it was opened."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self._here = Element("", {})
        self.feed(text)
        self.close()
        assert self._here is self.root, f"<{self._here.tag}> is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        found = Element(tag, {name: value or "" for name, value in attrs}, self._here)
        self._here.children.append(found)
        if tag not in VOID:
            self._here = found

    def handle_endtag(self, tag: str) -> None:
        assert self._here.tag == tag, f"</{tag}> ends <{self._here.tag}>"
        assert self._here.parent is not None
        self._here = self._here.parent

    def handle_data(self, data: str) -> None:
        self._here.children.append(data)


@cache
def whole() -> tuple[str, Element]:
    text = render_html(audit_result())
    return text, Tree(text).root


def tree(result: AuditResult) -> Element:
    return Tree(render_html(result)).root


def bare(**more: Any) -> AuditResult:
    return AuditResult("univar-mini", "made-up", **more)


def by_id(root: Element, id: str) -> Element:
    (found,) = [each for each in root.all() if each.attributes.get("id") == id]
    return found


def rows(table: Element) -> list[list[str]]:
    return [[" ".join(cell.text.split()) for cell in row.all("th", "td")] for row in table.all("tr")]


def table(root: Element, caption: str) -> Element:
    (found,) = [each for each in root.all("table") if each.all("caption")[0].text.startswith(caption)]
    return found


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


# ------------------------------------------------------------------------------------------------------- the verdict


def test_claims_with_their_figures_the_worst_first() -> None:
    _, root = whole()
    body = rows(table(root, "What was expected"))[1:]
    assert [row[0].split()[1] for row in body] == ["violated", "inconclusive", "met", "met"]
    violated, inconclusive, _, unchanged = body
    assert violated[2:] == ["40%share of the answers", "30% to 50%", "", "80%", "24"]
    assert inconclusive[2:] == ["+0.020difference of two distances", "-0.080 to +0.120", "", "0", "24"]
    assert unchanged[2:4] == ["0.020change since then", "-0.080 to 0.120p = 0.310"]
    assert [each.text for each in by_id(root, "verdict").with_class("count")] == ["1", "1", "2"]
    links = [each.attributes["href"] for each in table(root, "What was expected").all("a")]
    assert links == ["#evidence-2", "#evidence-1"]  # numbered as in the result


MET, OPEN, AGAINST = CLAIMS[0], CLAIMS[1], CLAIMS[2]


@pytest.mark.parametrize(
    ("result", "word", "sentence"),
    [
        (bare(claims=(MET,)), "met", "The audit is passed: everything that was expected holds."),
        (bare(outcomes=(TestOutcome("t", "m", "passed"),)), "met", "The audit is passed"),
        (bare(claims=(MET, OPEN)), "inconclusive", "leaves 1 of 2 expectations open"),
        (bare(claims=(MET, OPEN, AGAINST)), "violated", "not passed: 1 of 3 expectations violated."),
        (bare(outcomes=(TestOutcome("t", "m", "failed"),)), "violated", "1 test failed without an expectation"),
        (bare(claims=(MET,), conclusion=Conclusion(refused="no baseline")), "violated", "could not be made"),
        (bare(profiles=(profile_result(AUDITED[0], stopped="too few answers"),)), "violated", "1 profile not measured"),
        (bare(profiles=(profile_result(AUDITED[0]),)), "none", "Nothing was expected"),
        (bare(), "none", "Nothing was expected"),
    ],
)
def test_the_verdict_in_one_sentence(result: AuditResult, word: str, sentence: str) -> None:
    banner = tree(result).with_class("banner")[0]
    assert banner.attributes["class"] == f"banner {word}"
    assert sentence in banner.text


def test_drift_that_fails_the_run_is_said_first() -> None:
    _, root = whole()
    banner = by_id(root, "verdict").with_class("banner")[0].text
    assert banner == (
        "The audit is not passed: 1 of 4 expectations violated and 1 change since an earlier audit too large."
    )
    english, spanish = rows(table(root, "Change since 0001_base, saved 2026-01-02"))[1:]
    assert english[1:] == ["changedmore than is allowed", "0.300", "0.280 to 0.320", "", "< 0.001", "24"]
    assert spanish[1:] == ["unchanged", "0.030", "0.010 to 0.050", "", "0.400", "24"]
    assert by_id(root, "verdict").text.endswith("as .univar/0002_now.")


def test_a_dry_run() -> None:
    root = tree(bare(plans=(Plan("m", "spa", "core", 87, 9000, 11136, None),)))
    assert rows(table(root, "What would be asked"))[1] == [
        "m", "Spanish", "core", "87", "9,000", "11,136", "unknown price",
    ]  # fmt: skip
    assert "Nothing was asked" in root.with_class("banner")[0].text


# -------------------------------------------------------------------------------------------------- what was measured


def test_distances_with_the_thresholds_of_claims() -> None:
    """A claim about a value ID that is not among the nearest adds a line of its own."""
    _, root = whole()
    first = root.with_class("forest")[0]
    assert first.all("caption")[0].text == f"{MODEL}, English"
    body = rows(first)[1:]
    assert [row[0] for row in body] == ["gpt-a/eng", "far/eng", "llama-a/eng"]
    assert body[0][2:] == ["0.200", "0.150 to 0.250", "97 %", "12 %"]
    assert body[1][2:] == ["0.310", "0.210 to 0.410", "–", "–"]
    dashed = [len(row.with_class("threshold")) for row in first.all("tr")[1:]]
    assert dashed == [0, 1, 0]


def test_region_shares() -> None:
    result = bare(profiles=(profile_result(AUDITED[2]),))
    assert rows(table(tree(result), f"{OTHER}, English: by family"))[1:] == [
        ["gpt", "", "50%30% to 70%"], ["llama", "", "25%"], ["qwen", "", "25%"],
    ]  # fmt: skip


def test_languages_beside_each_other() -> None:
    _, root = whole()
    heat = table(root, "Distances between languages")
    assert rows(heat)[1:] == [
        [f"1 {MODEL}/eng", "–", "0.20", "0.40"], [f"2 {MODEL}/spa", "0.20", "–", "0.30"],
        [f"3 {OTHER}/eng", "0.40", "0.30", "–"],
    ]  # fmt: skip
    shades = [[cell.attributes["class"] for cell in row.all("td")] for row in heat.all("tr")[1:]]
    assert shades == [["self", "h0", "h9"], ["h0", "self", "h4"], ["h9", "h4", "self"]]


def test_the_path_of_checkpoints() -> None:
    _, root = whole()
    assert rows(table(root, "English: distance to gpt (family)"))[1:] == [
        ["1. first", "0.500", "0.450 to 0.550", "–", "–"],
        [f"2. {SCRIPT}", "0.400", "0.350 to 0.450", "0.200", "0.150 to 0.250"],
    ]
    (path,) = root.with_class("path")
    assert len(path.all("circle")) == 3


def test_scales_and_strips_by_hand() -> None:
    scale = scale_of([0.0, 1.0], width=116)
    assert (round(scale.low, 9), round(scale.high, 9)) == (-0.08, 1.08)
    assert scale.ticks == (0.0, 0.5, 1.0)
    assert scale_of([0.2, 0.9], from_zero=True).low == 0.0
    assert scale_of([0.3]).low < 0.3 < scale_of([0.3]).high
    flat = scale._replace(low=0.0, high=1.0)
    drawn = Tree(strip(flat, 0.5, (0.25, 0.75), [1.0])).root
    assert [each.attributes["x1"] for each in drawn.with_class("threshold")] == ["108"]
    assert drawn.with_class("estimate")[0].attributes["cx"] == "58"  # 8 on either side of 100
    (line,) = drawn.with_class("interval")
    assert (line.attributes["x1"], line.attributes["x2"]) == ("33", "83")
    (filled,) = Tree(bar(0.25)).root.with_class("share")
    assert filled.attributes["width"] == "31"  # of 140 − 16


# ------------------------------------------------------------------------------------------------------------- the map


def test_the_map_on_paper_shows_every_answer() -> None:
    drawn = drawn_map()
    root = Tree(still(drawn, drawn.grouping("family"), "a map")).root
    lines = root.with_class("points")
    dots = {
        name: sum(each.attributes["d"].count("h0") for each in lines if name in each.attributes["class"].split())
        for name in ("c0", "c1", "c2", "audited")
    }
    counts = drawn.grouping("family").counts
    assert dots == {"c0": counts[0], "c1": counts[1], "c2": counts[2], "audited": 3 * 24}
    assert len(root.with_class("hull")) == 3
    assert len(root.with_class("ring")) == 3
    assert {each.text for each in root.with_class("label")} >= {"gpt", "llama", "qwen", f"{OTHER}/eng"}


def test_names_on_the_map_on_paper_do_not_cover_each_other() -> None:
    drawn = drawn_map(llms=9)
    labels = Tree(still(drawn, drawn.grouping("llm"), "a map")).root.with_class("label")
    boxes = [(float(each.attributes["x"]), float(each.attributes["y"]), 7 * len(each.text) + 10) for each in labels]
    assert len(boxes) == 12
    for place, (x, y, width) in enumerate(boxes):
        for other_x, other_y, other in boxes[:place]:
            assert abs(x - other_x) >= (width + other) / 2 - 0.2 or abs(y - other_y) >= 16.8


def test_a_large_map_on_paper_is_thinned_out() -> None:
    drawn = drawn_map(12_000, llms=20)
    root = Tree(still(drawn, drawn.grouping("family"), "a map")).root
    assert sum(each.attributes["d"].count("h0") for each in root.with_class("points")) == 5000 + 3 * 24


@pytest.mark.parametrize(("llms", "expected"), [(0, "language"), (20, "family")])
def test_what_colours_the_map_at_first(llms: int, expected: str) -> None:
    assert first_grouping(drawn_map(llms=llms)) == expected


def test_the_map_as_tables() -> None:
    _, root = whole()
    audited = rows(table(root, "Audited centres"))[1:]
    drawn = [one for one in drawn_map().series if one.audited]
    assert [row[0] for row in audited] == [one.label for one in drawn]
    assert [row[2:4] for row in audited] == [[f"{one.centroid[0]:.3f}", f"{one.centroid[1]:.3f}"] for one in drawn]
    family = rows(table(root, "Centres of the bank’s answers on the map, by family"))
    grouping = drawn_map().grouping("family")
    assert [row[0] for row in family[1:]] == list(grouping.labels)
    assert family[0][4:] == [f"to {one.label}" for one in drawn]


def test_a_map_alone() -> None:
    drawn = drawn_map()
    root = Tree(render_map(drawn, "family")).root
    assert [each.attributes["id"] for each in root.all("section")] == ["map"]
    (chosen,) = [each for each in by_id(root, "map-by").all("option") if "selected" in each.attributes]
    assert chosen.text == "family"
    with pytest.raises(UsageError, match="cannot be grouped by 'culture'"):
        render_map(drawn, "culture")


# ----------------------------------------------------------------------------------------------------------- the rest


def test_what_was_said_in_both_languages() -> None:
    _, root = whole()
    part = by_id(root, "evidence-1")
    original, english = part.with_class("two")[3].all("div")[0], part.with_class("two")[3]
    assert "In Spanish, as asked and answered" in original.text
    assert "¿Qué hay del asunto?" in original.text
    assert {each.attributes.get("lang") for each in original.with_class("said")} == {"es"}
    assert "In English, by machine translation" in english.text
    assert BIDI.replace("\u202e", "⟨U+202E⟩").replace("\u202c", "⟨U+202C⟩") in english.text
    assert "Answered most differently" in by_id(root, "evidence").text
    assert "Answered most alike" in by_id(root, "evidence").text


def test_method_names_the_bank_its_sources_and_the_limits() -> None:
    _, root = whole()
    method = by_id(root, "method")
    assert rows(table(root, "Whose answers"))[1] == ["made up", "CC-BY-4.0", "A. N. Author <a@example.org>"]
    assert rows(table(root, "What became of the questions"))[1][1:] == ["26", "24", "2", "0", "1", "0", "1", "0", "0"]
    assert rows(table(root, "What it cost"))[-1] == ["all", "81", "3", "3,702", "17,034", "$0.0369"]
    for text in ("A language is not a culture.", "Translation leaves traces.", "python", "nllb",
                 "sampled otherwise than the bank's answers", visible(SCRIPT)):  # fmt: skip
        assert text in method.text
    assert "Before relying on this, read the 1 note on the answers below." in by_id(root, "verdict").text
    untranslated = tree(bare(profiles=(profile_result(AUDITED[0]),)))
    assert "Translation leaves traces." not in untranslated.text


def test_without_a_map_there_is_no_library() -> None:
    text = render_html(bare(profiles=(profile_result(AUDITED[0]),)))
    assert len(text) < 60_000
    assert "Bokeh" not in text
    root = Tree(text).root
    assert [each.attributes["id"] for each in root.all("section")] == ["verdict", "measures", "method"]


def test_a_claim_without_figures() -> None:
    plain = Claim("t", "m", "it is so", "met", "because")
    row = rows(table(tree(bare(claims=(plain,))), "What was expected"))[1]
    assert row[2:] == ["–", "–", "", "–", "–"]


def test_without_the_extra_the_error_names_it(tmp_path: Path) -> None:
    """A module that is None in sys.modules cannot be imported, as one that is not installed."""
    (tmp_path / "bare.py").write_text(
        "import sys\nsys.modules['bokeh'] = None\n"
        "from pytest_univar.errors import MissingExtraError\n"
        "from pytest_univar.report.html import check_html\n"
        "try:\n    check_html()\nexcept MissingExtraError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "bare.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert re.match(r"the report as HTML needs the package 'bokeh'.*pip install \"pytest-univar\[html\]\"", done.stdout)
