"""What the sections of the HTML report say: verdict, distances, map, answers, method."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_univar.comparison import Conclusion
from pytest_univar.errors import UsageError
from pytest_univar.expectations import Claim
from pytest_univar.report import AuditResult, Plan, TestOutcome
from pytest_univar.report.html import render_html, render_map
from pytest_univar.report.html.charts import bar, scale_of, strip
from pytest_univar.report.html.markup import visible
from pytest_univar.report.html.still import still
from pytest_univar.report.html.value_map import first_grouping

from ..html_samples import (
    AUDITED,
    BIDI,
    CLAIMS,
    MODEL,
    OTHER,
    SCRIPT,
    drawn_map,
    profile_result,
)
from ..html_tree import Tree, bare, by_id, rows, table, tree, whole

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


def test_why_a_test_without_an_expectation_failed() -> None:
    outcomes = (TestOutcome("t::a", "m", "passed"), TestOutcome("t::b", "m", "failed", f"assert {SCRIPT}"))
    root = tree(bare(outcomes=outcomes))
    shown = rows(table(root, "Tests without an expectation"))[1:]
    assert [row[0] for row in shown] == [f"t::bassert {SCRIPT}", "t::a"]


def test_a_dry_run() -> None:
    asking = Plan("m", "spa", "core", 87, 9000, 11136, None)
    root = tree(bare(plans=(asking, Plan("m", "spa", "core", 87, 10, 20, 0.5, translator="litellm:t"))))
    assert rows(table(root, "What would be asked"))[1:] == [
        ["m", "Spanish", "core", "87", "9,000", "11,136", "unknown price"],
        ["mtranslated by litellm:t", "Spanish", "core", "87", "10", "20", "$0.5000"],
    ]
    assert "of translations if each is as long as its text" in by_id(root, "verdict").text
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
