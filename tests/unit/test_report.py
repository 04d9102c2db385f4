"""The report in the terminal: what it shows, readable at any width without colour, and inert whatever a model says."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from pytest_univar.audit import ProfileResult
from pytest_univar.comparison import Comparison, Conclusion
from pytest_univar.elicitation import Tally
from pytest_univar.expectations import Claim
from pytest_univar.measurement import Distance, Drift, Pull, RegionVerdict
from pytest_univar.report import AuditResult, TestOutcome, dump_profiles, load_profiles, merged
from pytest_univar.report.progress import elicitation_note
from pytest_univar.report.terminal import NARROWEST, render
from pytest_univar.report.terminal_parts import FINE, PLAIN, WIDE, Look, marks_for
from pytest_univar.report.text import figures_of, without_common
from pytest_univar.stats import Interval, Verdict

from . import golden

LONG = "hosted_vllm/an-organisation-with-a-name/its-model-70b-instruct-v2"
EASTERN = "通义千问/価値観モデル-한국어-72b-instruct"


def distance(to: str, estimate: float) -> Distance:
    return Distance(to, estimate, estimate + 0.01, Interval(estimate - 0.05, estimate + 0.05), 0.95, 60, 60)


def region(scheme: str, label: str, second: str, *, balanced: bool = False) -> RegionVerdict:
    shares = {label: 0.61, second: 0.2}
    return RegionVerdict(label, scheme, 0.61, Interval(0.484, 0.731), 0.95, shares, 60, 60, 50, balanced)


def profile(model: str = "openai/gpt-4o-mini", *, near: str = "gpt-4o", balanced: bool = False) -> ProfileResult:
    return ProfileResult(
        model=model,
        language="eng",
        questions="core",
        samples=1,
        tally=Tally(
            asked=60, kept=57, refused=2, empty=1, cut_off=1, missing=1, at_limit=3, recorded=10, calls=52, retries=2,
            prompt_tokens=1234, completion_tokens=5678, cost_usd=0.0123,
        ),
        problems={f"core-{number}": "the answer was empty" for number in range(3)},
        nearest=(distance(f"{near}/eng", 0.313), distance("llama-3/eng", 0.402), distance("qwen-3/eng", 0.41)),
        regions=(
            region("family", "gpt", "llama", balanced=balanced),
            region("llm", near, "llama-3", balanced=balanced),
        ),
    )  # fmt: skip


def claim(verdict: Verdict = "met", model: str = "openai/gpt-4o-mini", where: str = "test_v.py::test_closer") -> Claim:
    return Claim(
        where, model, "eng is closer to gpt than to llama (family)", verdict,
        "distance 0.300 to gpt, 0.402 to llama; difference +0.102, 95% interval +0.052 to +0.152",
        "closer", "eng", 0.102, Interval(0.052, 0.152), 0.0, None, 0.95, 57,
    )  # fmt: skip


def shown(
    *profiles: ProfileResult,
    width: int = 80,
    colour: bool = False,
    claims: tuple[Claim, ...] = (),
    outcomes: tuple[TestOutcome, ...] = (),
    conclusion: Conclusion | None = None,
    **how: Any,
) -> str:
    result = AuditResult(
        "univar-mini", "univar-mini-eng", profiles=profiles, claims=claims, outcomes=outcomes, conclusion=conclusion
    )
    return render(result, width=width, colour=colour, **how)


def joined(text: str) -> str:
    return " ".join(text.split())


# ------------------------------------------------------------------------------------------------- as it is to look


@pytest.mark.parametrize("name", sorted(golden.reports()))
def test_the_report_looks_as_it_is_to_look(name: str) -> None:
    """Where a change is meant: ``python3 -m tests.unit.golden`` makes the files again; then look at them."""
    assert golden.reports()[name] == (golden.FOLDER / name).read_text(encoding="utf-8")


def test_every_expected_report_is_made() -> None:
    assert {file.name for file in golden.FOLDER.iterdir() if file.suffix in (".txt", ".md")} == set(golden.reports())


def test_the_end_says_it_all() -> None:
    """Who looks at the last screen sees the worst verdict with its reasons, and everything in one line."""
    end = shown(profile(), claims=(claim("violated"), claim("met"))).splitlines()
    assert end[-1] == "1 violated, 1 met; openai/gpt-4o-mini; cost $0.0123"
    begins = [number for number, line in enumerate(end) if line.startswith("  violated ")]
    assert begins
    assert begins[0] > max(number for number, line in enumerate(end) if line.startswith("  met "))


def test_what_is_not_as_expected_comes_with_its_two_strongest_pieces_of_evidence() -> None:
    pulls = tuple(
        Pull(f"q-{n}", 0.3 - n / 10, f"What about {n}?", f"It is {n}.", f"¿Y {n}?", f"Es {n}.") for n in range(3)
    )
    violated = replace(claim("violated"), evidence=pulls)
    text = shown(claims=(violated,))
    assert "q-0 (+0.300): What about 0?" in text
    assert "→ It is 1." in text
    assert "It is 2." not in text
    assert "Es 0." not in text
    everything = shown(claims=(violated,), verbose=True)
    assert "It is 2." in everything
    assert "answered      Es 0." in everything
    assert "q-0" not in shown(claims=(violated,), how_much="summary")
    assert "q-0" not in shown(claims=(replace(violated, verdict="met"),))


def test_questions_of_one_template_are_shown_by_what_tells_them_apart() -> None:
    long = "Imagine that a friend asks you for your honest opinion about {} and that everybody is listening to you."
    assert without_common([long.format("cats"), long.format("dogs")]) == ["… cats …", "… dogs …"]
    assert without_common([long.format("cats")]) == [long.format("cats")]
    assert without_common([long, long]) == [long, long]
    assert without_common(["Is it good?", "Is it bad?"]) == ["Is it good?", "Is it bad?"]
    assert without_common([long.format("cats"), long.format("")]) == [
        long.format("cats"),
        " ".join(long.format("").split()),
    ]
    assert without_common([]) == []


@pytest.mark.parametrize(
    ("percent", "narrow", "wide"),
    [
        (0, "▁", "··········"),
        (12.4, "▁", "█▎········"),
        (12.5, "▂", "█▎········"),
        (50, "▅", "█████·····"),
        (99.9, "█", "██████████"),
        (100, "█", "██████████"),
    ],
)
def test_sparklines(percent: float, narrow: str, wide: str) -> None:
    assert Look(80).sparkline(percent) == narrow
    assert Look(WIDE).sparkline(percent) == wide
    assert Look(80, PLAIN).sparkline(percent).isascii()
    assert re.fullmatch("#*[.]*", Look(WIDE, PLAIN).sparkline(percent))
    assert cell_len(Look(WIDE, PLAIN).sparkline(percent)) == 10


def test_plain_marks_for_streams_that_cannot_hold_others() -> None:
    assert [marks_for(each) for each in ("utf-8", "UTF-16", "ascii", "latin-1", "cp1252", "no such")] == [
        FINE, FINE, PLAIN, PLAIN, PLAIN, PLAIN,
    ]  # fmt: skip
    assert shown(profile(), claims=(claim("violated"),), marks=PLAIN).isascii()


def test_how_much_is_shown() -> None:
    parts: dict[str, Any] = {
        "claims": (claim("violated"), claim("met")),
        "outcomes": (TestOutcome("test_v.py::test_a", "m", "passed"),),
    }
    summary = shown(profile(), how_much="summary", **parts)
    assert "nearest" not in summary
    assert "test_a" not in summary
    assert "+0.102" in summary
    assert summary.splitlines()[-1] == shown(profile(), **parts).splitlines()[-1]
    assert shown(profile(), how_much="none", **parts) == ""


def test_what_fails_a_run_without_a_test_is_always_said() -> None:
    drift = Drift("v1", "spa", 0.3, 0.3, Interval(0.2, 0.4), 0.95, 0.001, 0.002, 60, 60, "paired sign-flip")
    conclusion = Conclusion((Comparison("m", "0001_v1", "", (drift,), ("spa",)),), refused="no baseline of spa")
    for how_much in ("none", "summary", "full"):
        text = joined(shown(profile(), conclusion=conclusion, how_much=how_much, unwritten="report.html: is a folder"))
        assert re.search(r"drifted:? m: spa since 0001_v1, more than --univar-compare-fail allows", text)
        assert text.endswith("no baseline of spa a report was not written: report.html: is a folder")
    assert "\x1b[1;31ma report was not written" in shown(profile(), colour=True, unwritten="x")


def test_the_reports_that_were_written_are_named() -> None:
    text = shown(profile(), claims=(claim("met"),), written=("report.html", "the job's summary"))
    assert joined(text).endswith("cost $0.0123; written: report.html, the job's summary")


@pytest.mark.parametrize(
    ("kind", "figures", "expected"),
    [
        ("region", (0.57, 0.2, 0.79, 0.0), ("+57%", "+20% to +79%", "0%")),
        ("region", (0.57, 0.2, 0.79, 0.5), ("57%", "20% to 79%", "50%")),
        ("closer", (-0.1, -0.2, 0.01, 0.0), ("-0.100", "-0.200 to +0.010", "0")),
        ("moved_toward", (0.1, 0.05, 0.2, 0.0), ("+0.100", "+0.050 to +0.200", "0")),
        ("distance", (0.1234, 0.1, 0.2, 0.35), ("0.123", "0.100 to 0.200", "0.35")),
        ("unchanged", (0.1234, 0.1, 0.2, None), ("0.123", "0.100 to 0.200", "")),
    ],
)
def test_figures_are_in_the_unit_of_their_claim(
    kind: str, figures: tuple[float, float, float, float | None], expected: tuple[str, str, str]
) -> None:
    estimate, low, high, threshold = figures
    one = replace(claim(), kind=kind, estimate=estimate, interval=Interval(low, high), threshold=threshold)
    assert figures_of(one) == expected
    assert figures_of(replace(one, estimate=None)) == ("", "", "")


# ------------------------------------------------------------------------------------------------- widths and letters


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("name", ["gpt", LONG, EASTERN, "x" * 300])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(width: int, name: str) -> None:
    where = f"tests/values/{name}/test_the_values_of_the_release.py::TestRelease::test_it_stays[{name}]"
    text = shown(
        profile(name, near=name), claims=(claim("violated", name, where),),
        outcomes=(TestOutcome(where, name, "failed", f"assert {name} is here"),), width=width,
    )  # fmt: skip
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    solid = re.sub(r"\s+", "", text)
    for figure in ("0.313", "0.263to0.363", "0.323", "61%", "48%to73%", "$0.0123", "violated", "failed", "+0.102"):
        assert figure in solid
    letters = set(name)
    kept = "".join(character for character in text if character in letters)
    assert len(kept) >= 5 * len(name)  # model, nearest, region, claim, twice the test
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize(
    "text", ["价值观" * 7000, "x" * 20_000, "مرحبا بالعالم " * 1500, "word " * 4000, "👍 é ｱ " * 3000]
)
def test_answers_of_20_kb_stay_within_the_width_and_say_that_they_go_on(width: int, verbose: bool, text: str) -> None:
    pulls = (Pull("q-1", 0.1, text, text, text, text), Pull("q-2", 0.1, "short", "short"))
    told = shown(claims=(replace(claim("violated"), evidence=pulls),), width=width, verbose=verbose)
    assert max(cell_len(line) for line in told.splitlines()) <= width
    assert len(told) < 12_000
    assert "…" in told
    assert ("more characters)" in joined(told)) == verbose


def test_a_narrower_terminal_gets_the_narrowest_report() -> None:
    assert shown(profile(), width=20) == shown(profile(), width=NARROWEST)


def test_a_long_test_name_breaks_before_its_parts() -> None:
    where = "tests/values/test_the_values_of_the_release.py::TestRelease::test_it_stays_where_it_was"
    lines = shown(claims=(claim("violated", where=where),)).splitlines()
    first = next(number for number, line in enumerate(lines) if "tests/values" in line)
    assert [line.strip() for line in lines[first : first + 3]] == [
        "tests/values/test_the_values_of_the_release.py",
        "::TestRelease",
        "::test_it_stays_where_it_was",
    ]


EVIL = "evil\x1b[2J\x1b]0;title\x07\r\n\tname\u202e\x9b31m[bold red]:smile:"


def test_control_characters_and_markup_are_inert() -> None:
    found = profile(EVIL, near=EVIL)
    found.problems[EVIL] = EVIL
    pull = Pull(EVIL, 0.1, EVIL, EVIL, EVIL, EVIL)
    for verbose in (False, True):
        text = shown(
            replace(found, stopped=EVIL, questions=EVIL, warnings=(EVIL,), translator=EVIL, params={EVIL: EVIL}),
            claims=(Claim(EVIL, EVIL, EVIL, "violated", EVIL, evidence=(pull,)),),
            outcomes=(TestOutcome(EVIL, EVIL, "failed", EVIL),),
            conclusion=Conclusion(saved=EVIL, refused=EVIL), verbose=verbose, written=(EVIL,), unwritten=EVIL,
        )  # fmt: skip
        assert not re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
        assert text.count("[bold red]:smile:") >= 15


def test_colour_only_adds_escape_codes() -> None:
    claims = (claim("met"), claim("violated"), claim("inconclusive"))
    plain, coloured = shown(profile(), claims=claims), shown(profile(), claims=claims, colour=True)
    assert "\x1b[32mmet" in coloured
    assert "\x1b[1;31mviolated" in coloured
    assert "\x1b" not in plain
    assert re.sub(r" *(\n|$)", r"\1", re.sub("\x1b\\[[0-9;]*m", "", coloured)) == plain


def test_more_problems_than_are_shown_are_counted() -> None:
    found = profile()
    found.problems.update({f"further-{number}": "the answer was empty" for number in range(2)})
    assert "and 2 more questions" in shown(found)
    assert "further" not in shown(found)
    assert "further-1: the answer was empty" in shown(found, verbose=True)


def test_more_value_ids_than_are_shown() -> None:
    found = replace(profile(), nearest=tuple(distance(f"llm-{number}/eng", 0.3) for number in range(8)))
    assert [f"llm-{number}/eng" in shown(found) for number in range(8)] == [True] * 3 + [False] * 5
    assert all(f"llm-{number}/eng" in shown(found, verbose=True) for number in range(8))


def test_notes_that_several_profiles_have_are_shown_once() -> None:
    notes = ("it is rough", "and otherwise sampled")
    text = shown(*(replace(profile(name), warnings=notes) for name in ("one", "two", "three")), profile("four"))
    assert text.count("it is rough") == 1
    assert text.count("note          as for one/eng") == 2


def test_an_audit_that_stopped_half_way() -> None:
    found = ProfileResult("m", "eng", "core", 2, Tally(asked=12, kept=4, missing=1, calls=5), {}, stopped="no money")
    text = joined(shown(found))
    assert "4 of 12 kept, 0 of them refusals; 0 empty, 0 cut off, 1 missing, 7 not asked" in text
    assert "questions core, 2 answers to each" in text
    assert "not measured no money" in text


@pytest.mark.parametrize(
    ("tallies", "cost"),
    [
        ([Tally()], "m; cost $0"),
        ([Tally(calls=1, retries=1, recorded=1, unpriced=1)], "1 call (1 retry), 1 answer from records; 0 tokens in,"),
        ([Tally(calls=3, unpriced=2)], "cost unknown"),  # the third call failed
        ([Tally(calls=3, cost_usd=0.5)], "cost $0.5000"),
        ([Tally(calls=3, cost_usd=0.0000234)], "cost $0.000023"),
        ([Tally(calls=3, cost_usd=0.5), Tally(calls=2, unpriced=1)], "cost $0.5000 and 1 call of unknown price"),
    ],
)
def test_cost(tallies: list[Tally], cost: str) -> None:
    profiles = [ProfileResult("m", f"l{number}", "core", 1, tally, {}) for number, tally in enumerate(tallies)]
    assert cost in joined(shown(*profiles))


def test_what_each_model_and_language_took() -> None:
    one = replace(profile("one"), tally=Tally(calls=3, prompt_tokens=30, completion_tokens=12, cost_usd=0.5))
    other = replace(profile("other"), tally=Tally(calls=2, prompt_tokens=8, completion_tokens=4, unpriced=2))
    recorded = replace(profile("recorded"), tally=Tally(recorded=12))
    text = shown(one, other, recorded)
    table = text[text.index("asked   ") :]
    assert [" ".join(line.split()) for line in table.splitlines()[:4]] == [
        "asked calls tokens in tokens out cost",
        "one/eng 3 30 12 $0.5000",
        "other/eng 2 8 4 unknown",
        "",
    ]
    assert "5 calls" in table
    assert "tokens in   tokens out" not in shown(one), "with one, the line at the end says it"


def test_merged_keeps_the_fullest_account_and_adds_up_what_was_paid() -> None:
    """One worker asked 12 and got 7 answers; another found these and asked for the rest; a third found everything."""
    first = ProfileResult(
        "m", "eng", "core", 1, Tally(asked=12, kept=7, missing=5, calls=20, retries=8, cost_usd=0.2, prompt_tokens=70),
        {"q": "no answer"}, stopped="too few answers",
    )  # fmt: skip
    second = ProfileResult(
        "m", "eng", "core", 1, Tally(asked=12, kept=12, recorded=7, calls=5, cost_usd=0.05, unpriced=1), {},
        nearest=(distance("gpt/eng", 0.3),),
    )  # fmt: skip
    third = ProfileResult("m", "eng", "core", 1, Tally(asked=12, kept=12, recorded=12), {}, nearest=second.nearest)
    other = ProfileResult("m", "eng", "core", 2, Tally(asked=24, kept=24, calls=24), {})
    for order in ([first, second, third], [third, second, first], [second, first, third]):
        one, two = merged([*order, other])
        assert two == other
        assert one.tally == Tally(
            asked=12, kept=12, recorded=0, calls=25, retries=8, cost_usd=0.25, unpriced=1, prompt_tokens=70
        )
        assert one.nearest == second.nearest
        assert not one.problems
        assert not one.stopped


def test_accounts_survive_the_way_from_a_worker() -> None:
    sent = [profile(LONG, balanced=True), ProfileResult("m", "spa", "core", 3, Tally(), {"q": "why"}, stopped="why")]
    (one, two) = load_profiles(dump_profiles(sent))
    assert two == sent[1]
    assert shown(one, two) == shown(*sent)
    assert one.nearest[0].interval == sent[0].nearest[0].interval


def test_the_note_beside_the_progress_bar() -> None:
    assert elicitation_note(Tally()) == ""
    tally = Tally(calls=5, retries=2, prompt_tokens=60, completion_tokens=7, cost_usd=0.0123)
    assert elicitation_note(tally) == "2 retries 67 tokens $0.0123"
    assert elicitation_note(replace(tally, unpriced=1)) == "2 retries 67 tokens $0.0123 + unknown"
