"""The report as Markdown: what it says, as another program renders it, and that nothing in an answer gets out of it."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from pytest_univar.audit import ProfileResult
from pytest_univar.comparison import Comparison, Conclusion
from pytest_univar.elicitation import Tally
from pytest_univar.expectations import Claim
from pytest_univar.findings import Beside, Findings, Heat, Pair, Said
from pytest_univar.measurement import Pull
from pytest_univar.report import AuditResult, Plan, TestOutcome
from pytest_univar.report.markdown import LARGEST, escaped, render_markdown
from pytest_univar.stats import Verdict

from .golden.results import EASTERN, NEARBY, REFERENCE, WHOLE, region

EVIL = (
    "</td></details><script>alert(1)</script><img src=x onerror=alert(2)> | a | b | `code` ``` ~~~ **bold** _it_ "
    "[link](https://evil.example) ![image](//evil.example/x.png) <https://evil.example> https://evil.example/a "
    "www.evil.example mail@evil.example @everyone @octo-cat/team #123 GH-45 !67 org/repo#8 :smile: :+1: &lt;b&gt; "
    "$x^2$ <!-- gone --> \\ [^1] \n\n# heading\n- item\n\n---\n1. one\n\x1b[31mred\x1b]0;title\x07 "
    "\u202eesrever\u2066\u2069 end"
)
ALLOWED = {
    "h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "ul", "li", "strong", "br",
    "code", "blockquote",
}  # fmt: skip
"""The elements that the report itself makes."""


class Rendered(HTMLParser):
    """What a browser gets of it: its elements, their attributes and its text."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.ended: list[str] = []
        self.attributes: set[tuple[str, str | None]] = set()
        self.text = ""
        self.cells: list[list[str]] = []
        self._in_cell = False
        self.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= set(attrs)
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self.ended.append(tag)
        self._in_cell = self._in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_cell:
            self.cells[-1][-1] += data


def hostile(text: str) -> AuditResult:
    """A result in which everything that comes from outside is this text."""
    pull = Pull(text, 0.3, text, text, text, text)
    said = Said(text, text, text)
    found = ProfileResult(
        text, "eng", text, 1, Tally(asked=2, kept=1), {text: text}, (replace(NEARBY[0], to=text),),
        (region(text, text, text + "!"),), text, (text,), {text: text}, text, Tally(calls=1),
    )  # fmt: skip
    drift = replace(WHOLE.conclusion.comparisons[0].drifts[0], language="eng")  # type: ignore[union-attr]
    return AuditResult(
        text, text, made=WHOLE.made, profiles=(found,),
        claims=(Claim(text, text, text, "violated", text, evidence=(pull,)),),
        outcomes=(TestOutcome(text, text, "failed", text),),
        conclusion=Conclusion((Comparison(text, text, text, (drift,), ("eng",)),), (), text, text),
        findings=Findings(
            replace(REFERENCE, name=text, sources=({"name": text},)),
            heat=Heat((text, text), 1, ((None, 0.1), (0.1, None))),
            pairs=(Pair(text, text, 0.1, 1, (Beside(text, text, 0.1, said, said),), ()),),
        ),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------ what it says


def test_the_verdicts_come_first_the_worst_of_them_first() -> None:
    lines = render_markdown(WHOLE).splitlines()
    assert lines[0].startswith("## ❌ Audited values: 1 violated, 1 drifted, 1 test failed, 1 profile not measured, ")
    page = Rendered(render_markdown(WHOLE))
    first = [row[0].split()[-1] for row in page.cells[1:9]]
    assert first == ["violated", "drifted", "failed", "inconclusive", "skipped", "met", "met", "passed"]
    assert page.cells[1][2:] == ["-0.178", "-0.248 to -0.058", "0"]


def test_everything_is_in_it() -> None:
    page = Rendered(render_markdown(WHOLE))
    for title in ("Profiles", "Drift of", "Path in eng", "Answers side by side", "Costs", "Method", "Limits"):
        assert title in page.text
    for said in (
        "¿Se vende la tierra?", "It is not.", "test: tests/test_values.py::TestRelease::test_closer[violated]",
        "no answer after 5 attempts", "0.640", "own, others".capitalize(), "$0.0246 and 3 calls of unknown price",
        "baseline saved".capitalize(), "Apertium translates by rules", "tiny-eng 1: 480 answers to 60 questions",
        "made up, none, these tests", "translating", "not measured: too few answers", "0.390", "❌ fails",
    ):  # fmt: skip
        assert said in page.text, said
    limits = page.text.partition("Limits")[2].strip()
    assert limits.count(". ") == 1, "two sentences"


def test_all_tables_are_tables() -> None:
    """A row with another number of cells than its head would be none, or lose some."""
    for result in (WHOLE, EASTERN, hostile(EVIL)):
        text = render_markdown(result)
        heads = text.count("| --- |") and len(re.findall(r"^\| (?:---:? \| ?)+$", text, re.MULTILINE))
        assert Rendered(text).elements.count("table") == heads > 3
        for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            rows = Rendered(block).cells
            assert len({len(row) for row in rows}) == 1
            assert len(rows) == len(block.splitlines()) - 1


def test_languages_stand_beside_each_other() -> None:
    """Every distance of the heat map, with two decimals; the columns have the numbers of the rows."""
    text = render_markdown(WHOLE)
    heading, _, rest = text.partition("### Language by language")[2].partition("\n| 1")
    assert "Below the audited ones stand the bank's languages" in heading
    page = Rendered(f"{heading[heading.index('|') :]}\n| 1{rest.partition('###')[0]}")
    assert WHOLE.findings
    heat = WHOLE.findings.heat
    assert heat
    assert page.cells[0] == ["", "1", "2", "3", "4"]
    assert [row[0] for row in page.cells[1:]] == [f"{place} {label}" for place, label in enumerate(heat.labels, 1)]
    assert [row[1:] for row in page.cells[1:]] == [
        ["–" if each is None else f"{each:.2f}" for each in row] for row in heat.distances
    ]
    alone = replace(WHOLE.findings, heat=replace(heat, audited=4))
    assert "Below the audited ones" not in render_markdown(replace(WHOLE, findings=alone))
    assert "Language by language" not in render_markdown(replace(WHOLE, findings=replace(alone, heat=None)))


def test_it_is_the_same_each_time() -> None:
    assert render_markdown(WHOLE) == render_markdown(replace(WHOLE))


def test_nothing_but_passing_tests() -> None:
    result = AuditResult("e", "b", outcomes=(TestOutcome("test_v.py::test_a", "m", "passed"),))
    assert render_markdown(result).startswith("## ✅ Audited values: 1 test passed\n")


def test_a_dry_run_is_its_plan() -> None:
    plans = (Plan("openai/m", "eng", "core", 174, 1000, 2000, 0.5), Plan("m", "spa", "core", 1, 2, 3, None))
    translating = Plan("m", "spa", "core", 4, 5, 6, 0.25, translator="litellm:a/b")
    page = Rendered(render_markdown(AuditResult("e", "b", plans=plans)))
    assert page.cells[1:] == [
        ["openai/m/eng", "174", "1000", "2000", "$0.5000"],
        ["m/spa", "1", "2", "3", "unknown price"],
    ]
    assert "nothing was asked" in page.text
    assert "translation" not in page.text
    page = Rendered(render_markdown(AuditResult("e", "b", plans=(*plans, translating))))
    assert page.cells[-1] == ["m/spa, translated by litellm:a/b", "4", "5", "6", "$0.2500"]
    assert "of translations if each is as long as its text" in page.text


# ------------------------------------------------------------------------------------------------------- hostile texts


@pytest.mark.parametrize("text", [EVIL, *EVIL.split("\n"), "- a", "12) a", "+", "---", "===", "> a", "    code", "\\"])
def test_a_text_is_shown_and_does_nothing(text: str) -> None:
    source = render_markdown(hostile(text))
    page = Rendered(source)
    assert set(page.elements) <= ALLOWED
    assert sorted(page.ended) == sorted(each for each in page.elements if each != "br")
    assert {name for name, _ in page.attributes} <= {"style"}
    assert page.elements.count("h2") == 1
    assert page.elements.count("h3") == 7
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", source)
    shown = re.sub(r"\s+", " ", re.sub(r"[\x00-\x1f\x7f\u202e\u2066\u2069]", " ", text)).strip()
    assert page.text.replace("\u2060", "").count(shown) >= 12


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("ask @everyone or @octo-cat/team", r"@\w"),
        ("see #123, org/repo#8 and core-1#2", r"#\d"),
        ("see GH-45 and !67", r"GH-\d|!\d"),
        (":smile: and :+1: and :100:", r":[a-z0-9+]+:"),
    ],
)
def test_what_is_looked_for_in_the_rendered_text_is_not_found(text: str, never: str) -> None:
    """GitHub and GitLab look for these after rendering, so that no escaping helps."""
    page = Rendered(escaped(text))
    assert not re.search(never, page.text)
    assert page.text.replace("\u2060", "").strip() == text


@pytest.mark.parametrize(
    "text", ["replay:m0.jsonl", "tests/t.py::TestA::test_b", "2026-01-02T03:04:05+00:00", "a!b", "-0.1"]
)
def test_names_and_figures_can_be_copied(text: str) -> None:
    assert Rendered(escaped(text)).text.strip() == text


@pytest.mark.parametrize("address", ["https://evil.example", "http://a.b", "ftp://a.b", "www.evil.example"])
def test_addresses_are_no_links(address: str) -> None:
    """The extension of GitHub that makes links of them looks for these beginnings in the source."""
    assert not re.search(r"(?:https?|ftp)://|www\.", escaped(f"see {address}."), re.IGNORECASE)
    assert address in Rendered(escaped(f"see {address}.")).text


def test_letters_of_every_language_stay() -> None:
    assert escaped("می‌خواهم 家庭 한국어 🙂") == "می‌خواهم 家庭 한국어 🙂"


# ---------------------------------------------------------------------------------------------------------- its length


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    text = render_markdown(hostile("x" * 20_000))
    assert "x" * 3000 + "… (17,000 more characters)" in text
    assert "x" * 3001 not in text


def big(claims: int, pulls: int, text: str, verdict: Verdict = "violated", model: str = "m") -> AuditResult:
    evidence = tuple(Pull(f"q-{number}", 0.1, text, text, text, text) for number in range(pulls))
    return AuditResult("e", "b", claims=tuple(
        Claim(f"test_v.py::test_{number}", model, f"claim {number}", verdict, "why", evidence=evidence)
        for number in range(claims)
    ))  # fmt: skip


@pytest.mark.parametrize(
    ("claims", "pulls", "text"), [(40, 3, "<" * 20_000), (40, 3, "家" * 20_000), (60_000, 0, ""), (3, 200, "&" * 3000)]
)
def test_it_is_below_the_limit_whatever_there_is(claims: int, pulls: int, text: str) -> None:
    told = render_markdown(big(claims, pulls, text))
    assert len(told.encode()) <= LARGEST
    assert re.search(r"^> [\d,]+ parts? of this report (?:is|are) left out, evidence first, ", told, re.MULTILINE)
    assert "### Limits" in told


def test_evidence_goes_before_verdicts_and_verdicts_that_are_met_before_others() -> None:
    told = render_markdown(big(100, 3, "<" * 20_000))
    assert all(f"| ❌ violated | m: claim {number} |" in told for number in range(100))
    assert 0 < told.count("<details>") < 100
    assert told.count("<details>") == told.count("</details>")
    name = "m" * 250
    claims = big(2500, 0, "", "met", name).claims + big(2500, 0, "", "violated", name).claims
    told = render_markdown(AuditResult("e", "b", claims=claims))
    assert told.count("❌ violated |") == 2500
    assert 0 < told.count("✅ met |") < 2500


def test_what_fits_is_whole() -> None:
    told = render_markdown(big(10, 3, "x" * 3000))
    assert told.count("<details>") == 10
    assert "left out" not in told
