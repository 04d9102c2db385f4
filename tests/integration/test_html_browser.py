"""The HTML report in a real browser: what it shows, what it asks for, and that no answer gets to act in it."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_univar.report import AuditResult
from pytest_univar.report.html import render_html
from pytest_univar.report.html.markup import visible

from ..html_samples import HOSTILE, MODEL, OTHER, audit_result
from .browser import Page, chromium
from .map_page import coloured, dots, keys, model, pointer_on, tip_shows
from .test_cli import typed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def result() -> AuditResult:
    return audit_result()


@pytest.fixture(scope="module")
def report(result: AuditResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(render_html(result), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def opened() -> Iterator[Callable[[Path], Page]]:
    with chromium() as open_page:
        yield open_page


@pytest.fixture
def page(opened: Callable[[Path], Page], report: Path) -> Page:
    """The report, opened anew, with its map drawn."""
    return opened(report).drawn()


# --------------------------------------------------------------------------------------------- what it asks and says


def test_it_asks_for_nothing_and_complains_of_nothing(page: Page) -> None:
    page.run("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    page.choose("#map-by", "model")
    assert page.requests() == {page.url}
    assert page.complaints() == []


def test_its_policy_holds(page: Page) -> None:
    """What the tests run is not bound by it; what that adds to the page is."""
    page.run(
        """
        const script = document.createElement("script");
        script.textContent = "window.hacked = 3";
        document.body.append(script);
        const picture = document.createElement("img");
        picture.src = "http://127.0.0.1:9/x.png";
        document.body.append(picture);
        """
    )
    time.sleep(0.2)
    assert page.run("return window.hacked") is None
    first, second = page.complaints()
    assert "Content Security Policy" in first
    assert "Content Security Policy" in second


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 1400), ("light", 390), ("dark", 390)])
def test_no_serious_fault_for_those_who_do_not_see_it(scheme: Any, width: int, report: Path) -> None:
    with chromium(width, 1000, scheme) as open_page:
        page = open_page(report).drawn()
        page.run("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        assert page.faults() == []
        assert page.run("return document.documentElement.scrollWidth") == width
        red, *_ = (
            int(part) for part in page.run("return getComputedStyle(document.body).backgroundColor")[4:-1].split(",")
        )
        assert (red < 60) == (scheme == "dark")
        assert page.complaints() == []


def test_hostile_texts_are_shown_and_do_nothing(page: Page) -> None:
    from selenium.common.exceptions import NoAlertPresentException

    with pytest.raises(NoAlertPresentException):
        _ = page.driver.switch_to.alert
    assert page.driver.title == "Value audit"
    assert page.run("return window.hacked") is None
    assert page.run("return document.querySelectorAll('img, iframe, [onload], [onerror]').length") == 0
    assert page.run("return document.querySelectorAll('a[href^=\"javascript\" i]').length") == 0
    shown = page.run("return document.getElementById('evidence').textContent")
    for text in HOSTILE:
        assert visible(text).strip() in shown
    assert MODEL in page.text("#map-legend")
    labels = model(page, "names", "data.text")
    assert f"…{MODEL[-29:]}/eng" in labels
    assert f"{OTHER}/eng" in labels


# ------------------------------------------------------------------------------------------------------------ the map


def test_the_map_shows_what_there_is(page: Page, result: AuditResult) -> None:
    assert result.findings is not None
    assert result.findings.map is not None
    assert dots(page) == [600, 72, 3]
    assert page.text("#map-status") == "Shown: 600 of 600 answers of the bank, 72 of 72 audited ones."
    assert [len(model(page, name, "data.colour")) for name in ("hulls", "rings")] == [3, 2 * 3]
    assert coloured(page) > 3000
    assert not page.find("#map-still").is_displayed()


def test_the_pointer_on_a_dot_shows_question_and_answer(page: Page, result: AuditResult) -> None:
    page.redrawn(page.find("#map-show-bank").click)
    assert result.findings is not None
    assert result.findings.map is not None
    texts = [text for one in result.findings.map.series if one.audited for text in one.texts]
    assert len(texts) == 72
    for number in (9, 40, 70):
        question, answer = texts[number]
        pointer_on(page, "audited", number)
        tip_shows(page, question, answer)
    pointer_on(page, "audited", 0)
    tip_shows(page, visible(HOSTILE[0])[:40])
    assert page.run("return document.querySelectorAll('#map-tip script, #map-tip img').length") == 0


def test_a_click_shows_a_long_answer_whole(page: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    page.redrawn(page.find("#map-show-bank").click)
    long = len(HOSTILE) - 1
    pointer_on(page, "audited", long)
    tip_shows(page, "Click to read the whole answer.")
    ActionChains(page.driver).click().perform()
    page.until(lambda: HOSTILE[long].strip() in page.text("#map-said"))
    assert len(model(page, "cursor", "data.x")) == 1


def test_the_pointer_on_an_answer_of_the_bank_shows_whose_it_is(page: Page, result: AuditResult) -> None:
    """And the question, where an audited model was asked the same."""
    page.redrawn(page.find("#map-show-audited").click)
    page.redrawn(page.find("#map-keep").click)
    page.choose("#map-language", "Arabic")
    page.choose("#map-llm", "llama-a")
    assert result.findings is not None
    assert result.findings.map is not None
    (series,) = (one for one in result.findings.map.series if one.label == "llama-a/arb")
    assert dots(page) == [series.n, 0, 0]
    xs = model(page, "bank", "data.x")
    for code, shown in ((3, "What about matter 3?"), (30, "q-30")):
        pointer_on(page, "bank", xs.index(series.x[series.question.index(code)]))
        tip_shows(page, shown, "llama-a/arb, Arabic, bank")


def test_filters_change_what_is_drawn(page: Page) -> None:
    """600 answers of 5 LLMs in 3 languages: 40 each; the audited ones stay until they are told not to."""
    page.choose("#map-language", "Spanish")
    assert dots(page) == [200, 72, 3]
    page.choose("#map-llm", "gpt-a")
    assert dots(page) == [40, 72, 3]
    page.choose("#map-llm", "all")
    page.choose("#map-region", "llama")
    assert dots(page) == [80, 72, 3]
    page.choose("#map-region", "all")
    page.redrawn(page.find("#map-keep").click)
    assert dots(page) == [200, 24, 1]
    assert page.text("#map-status") == "Shown: 200 of 600 answers of the bank, 24 of 72 audited ones."
    page.choose("#map-language", "all")
    page.choose("#map-llm", OTHER)
    assert dots(page) == [0, 24, 1]


def test_the_legend_switches_groups_and_audited_models(page: Page) -> None:
    from selenium.webdriver.support.ui import Select

    page.choose("#map-by", "family")
    entries = {
        each.text.split("\n")[0]: each for each in page.driver.find_elements("css selector", "#map-legend .entry")
    }
    page.redrawn(entries["gpt"].click)
    assert dots(page) == [600 - 240, 72, 3]
    assert entries["gpt"].get_attribute("aria-pressed") == "false"
    assert [len(model(page, name, "data.colour")) for name in ("hulls", "rings")] == [2, 6]
    page.redrawn(entries[f"{OTHER}/eng"].click)
    assert dots(page) == [360, 48, 2]
    assert [len(model(page, name, "data.colour")) for name in ("hulls", "rings")] == [2, 4]
    page.redrawn(entries["gpt"].click)
    assert dots(page) == [600, 48, 2]
    none = next(each for each in page.driver.find_elements("css selector", "#map-legend button") if each.text == "none")
    page.redrawn(none.click)
    assert dots(page) == [0, 48, 2]
    page.choose("#map-by", "language")  # what is hidden is a matter of each grouping
    assert dots(page) == [600, 48, 2]
    assert Select(page.find("#map-by")).first_selected_option.text == "language"
    assert "Spanish" in page.text("#map-legend")


def test_colours_are_those_of_the_grouping(page: Page, result: AuditResult) -> None:
    assert result.findings is not None
    assert result.findings.map is not None
    page.choose("#map-by", "family")
    colours, xs, ys = (model(page, "bank", f"data.{column}") for column in ("colour", "x", "y"))
    codes = result.findings.map.grouping("family").codes
    family_at = {
        place: codes[code]
        for code, one in enumerate(result.findings.map.series)
        if not one.audited
        for place in zip(one.x, one.y, strict=True)
    }
    families = [family_at[place] for place in zip(xs, ys, strict=True)]
    assert len(set(zip(families, colours, strict=True))) == len(set(colours)) == 3
    page.choose("#map-by", "model")
    assert len(set(model(page, "bank", "data.colour"))) == 5


def test_what_is_filtered_away_is_gone_from_the_screen(page: Page) -> None:
    """Counted in pixels, as no list of what should be drawn shows that it is."""
    page.redrawn(page.find("#map-show-hulls").click)
    everything = coloured(page)
    assert everything > 3000
    page.choose("#map-llm", "llama-a")
    assert 0.1 * everything < coloured(page) < 0.4 * everything
    page.choose("#map-llm", "all")
    assert coloured(page) == everything
    page.redrawn(page.find("#map-show-bank").click)
    assert coloured(page) < 0.1 * everything  # frames of names


def test_the_keyboard_reaches_everything(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    reached = []
    active = "const each = document.activeElement; return each.id || each.className || each.tagName"
    while "map-said" not in reached:
        keys(page, Keys.TAB)
        reached.append(page.run(active))
        assert len(reached) < 200
    assert reached[0] == "skip"
    wanted = [
        "map-by",
        "map-language",
        "map-region",
        "map-llm",
        "map-show-bank",
        "map-keep",
        "map-in",
        "map-plot",
        "entry",
    ]
    places = [reached.index(each) for each in wanted]
    assert reached.count("map-plot") == 1
    assert places == sorted(places)


def test_the_map_is_walked_with_arrow_keys(page: Page, result: AuditResult) -> None:
    from selenium.webdriver.common.keys import Keys

    assert result.findings is not None
    assert result.findings.map is not None
    audited = [one for one in result.findings.map.series if one.audited]
    page.run("document.getElementById('map-plot').focus()")
    for step, expected in enumerate(sorted(range(24), key=lambda row: audited[0].x[row])[:3], 1):
        keys(page, Keys.ARROW_RIGHT)
        question, answer = audited[0].texts[expected]
        assert question in page.text("#map-said")
        assert " ".join(visible(answer).split())[:60] in " ".join(page.text("#map-said").split())
        spoken = page.run("return document.getElementById('map-spoken').textContent")
        assert spoken.startswith(f"{MODEL}/eng, {step} of 24. {question} Answer: ")
        assert len(model(page, "cursor", "data.x")) == 1
    keys(page, Keys.ARROW_DOWN)
    assert f"{MODEL}/spa, Spanish, audited" in page.text("#map-said")
    keys(page, Keys.ARROW_UP, Keys.ARROW_UP)
    assert "bank" in page.text("#map-said")  # the last series, after the first
    before = [model(page, "plot", f"x_range.{end}") for end in ("start", "end")]
    page.redrawn(lambda: keys(page, "+"))
    low, high = (model(page, "plot", f"x_range.{end}") for end in ("start", "end"))
    assert (high - low) == pytest.approx((before[1] - before[0]) / 1.5)
    page.redrawn(lambda: keys(page, "0"))
    assert [model(page, "plot", f"x_range.{end}") for end in ("start", "end")] == pytest.approx(before)


def test_colours_by_hand(page: Page) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = page.run(ground)
    page.redrawn(page.find("#theme").click)
    assert page.run(ground) != light
    assert page.find("#theme").get_attribute("aria-pressed") == "true"
    assert set(model(page, "centres", "data.colour")) == {"rgb(255, 255, 255)"}
    page.redrawn(page.find("#theme").click)
    assert page.run(ground) == light


def test_on_paper_the_map_stands_still_and_nothing_is_folded(report: Path) -> None:
    """In a browser of its own, which draws no frames for a while once it has printed."""
    with chromium() as open_page:
        page = open_page(report).drawn()
        page.run("dispatchEvent(new Event('beforeprint'))")
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert page.find("#map-still svg").is_displayed()
        assert not page.find("#map-plot").is_displayed()
        assert not page.find("nav").is_displayed()
        assert page.run("return document.querySelectorAll('details:not([open])').length") == 0
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "screen"})
        page.run("dispatchEvent(new Event('afterprint'))")
        assert page.run("return document.querySelectorAll('details:not([open])').length") > 0
        printed = page.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})
        pages = len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(printed["data"])))
        assert 5 < pages < 40


def test_without_scripts_the_map_is_there(report: Path) -> None:
    with chromium() as open_page:
        page = open_page(report).drawn()
        page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        page.driver.get(page.url)
        assert page.find("#map-still svg").is_displayed()
        assert not page.find("#map-live").is_displayed()
        assert not page.find("#theme").is_displayed()
        assert page.find("#verdict .banner").is_displayed()


def test_many_answers_are_all_drawn(opened: Callable[[Path], Page], tmp_path: Path) -> None:
    file = tmp_path / "large.html"
    file.write_text(render_html(audit_result(12_000, llms=20)), encoding="utf-8")
    page = opened(file).drawn()
    assert dots(page) == [12_000, 72, 3]
    everything = coloured(page)
    page.redrawn(page.find("#map-show-audited").click)
    page.redrawn(page.find("#map-keep").click)
    page.choose("#map-llm", "llm-7")
    assert page.text("#map-status") == "Shown: 600 of 12,000 answers of the bank, 0 of 72 audited ones."
    assert coloured(page) < everything / 2
    pointer_on(page, "bank", 0)
    tip_shows(page, "llm-7/eng, English, bank")
    assert page.complaints() == []


def test_the_map_alone(
    opened: Callable[[Path], Page],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As ``univar map`` writes it: of the bundled bank, without anything audited."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    command = ("map", "univar-mini-eng", "--out", "map.html", "--points", 500)
    code, output, errors = typed(monkeypatch, capsys, *command, "--by", "origin")
    assert (code, errors) == (0, "")
    assert output.startswith("map.html: 500 of ")
    page = opened(tmp_path / "map.html").drawn()
    assert dots(page) == [500, 0, 0]
    assert "united-states" in page.text("#map-legend")
    page.choose("#map-region", "mistral")
    assert 0 < dots(page)[0] < 500
    assert page.faults() == []
    assert page.requests() == {page.url}
    assert page.complaints() == []
    code, _, errors = typed(monkeypatch, capsys, *command, "--panels", "family")
    assert code == 2
    assert "found panels by 'family' for an HTML map, which has filters instead" in errors
