"""The report: everything in it, readable at 80 columns without colour, and inert whatever a model's name says."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from rich.cells import cell_len

from pytest_univar.audit import ProfileResult
from pytest_univar.elicitation import Tally
from pytest_univar.expectations import Claim
from pytest_univar.measurement import Distance, RegionVerdict
from pytest_univar.report import AuditResult, TestOutcome, dump_profiles, load_profiles, merged
from pytest_univar.report.progress import elicitation_note
from pytest_univar.report.terminal import NARROWEST, render
from pytest_univar.stats import Interval

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


def claim(verdict: str = "met", model: str = "openai/gpt-4o-mini", where: str = "test_v.py::test_closer") -> Claim:
    detail = "distance 0.300 to gpt, 0.402 to llama; difference +0.102, 95% interval +0.052 to +0.152"
    return Claim(where, model, "eng is closer to gpt than to llama (family)", verdict, detail)  # type: ignore[arg-type]


def shown(*profiles: ProfileResult, width: int = 80, colour: bool = False, **more: tuple[object, ...]) -> str:
    result = AuditResult("univar-mini", "univar-mini-eng", profiles=profiles, **more)  # type: ignore[arg-type]
    return render(result, width=width, colour=colour)


def joined(text: str) -> str:
    return " ".join(text.split())


WHOLE = """\
openai/gpt-4o-mini/eng
  answers       57 of 60 kept, 2 of them refusals, 3 at the token limit; 1
                empty, 1 cut off, 1 missing
  questions     core
  no answer to  core-0: the answer was empty
                core-1: the answer was empty
                core-2: the answer was empty
  nearest value IDs  distance    95% interval  plain
  gpt-4o/eng            0.313  0.263 to 0.363  0.323
  llama-3/eng           0.402  0.352 to 0.452  0.412
  qwen-3/eng            0.410  0.360 to 0.460  0.420
  region       share  95% interval  next
  family: gpt    61%    48% to 73%  llama 20%
  llm: gpt-4o    61%    48% to 73%  llama-3 20%

expectations
  met           openai/gpt-4o-mini: eng is closer to gpt than to llama (family)
                distance 0.300 to gpt, 0.402 to llama; difference +0.102, 95%
                interval +0.052 to +0.152
                test_v.py::test_closer
  inconclusive  openai/gpt-4o-mini: eng is closer to gpt than to llama (family)
                distance 0.300 to gpt, 0.402 to llama; difference +0.102, 95%
                interval +0.052 to +0.152
                test_v.py::test_closer
  passed        test_v.py::test_region

Value IDs have unequal numbers of answers in the bank; their votes are weighted
to count alike.
encoder univar-mini, bank univar-mini-eng
52 calls (2 retries), 10 answers from records; 1234 tokens in, 5678 out
cost $0.0123"""


def test_the_whole_report() -> None:
    outcomes = (TestOutcome("test_v.py::test_region", "openai/gpt-4o-mini", "passed"),)
    text = shown(profile(balanced=True), claims=(claim("met"), claim("inconclusive")), outcomes=outcomes)
    assert text == WHOLE


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("name", ["gpt", LONG, EASTERN, "x" * 300])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(width: int, name: str) -> None:
    where = f"tests/values/{name}/test_the_values_of_the_release.py::TestRelease::test_it_stays[{name}]"
    text = shown(
        profile(name, near=name), claims=(claim("violated", name, where),),
        outcomes=(TestOutcome(where, name, "failed"),), width=width,
    )  # fmt: skip
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    solid = re.sub(r"\s+", "", text)
    for figure in ("0.313", "0.263to0.363", "0.323", "61%", "48%to73%", "$0.0123", "violated", "failed"):
        assert figure in solid
    letters = set(name)
    kept = "".join(character for character in text if character in letters)
    assert len(kept) >= 5 * len(name)  # model, nearest, region, claim, twice the test
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


def test_a_narrower_terminal_gets_the_narrowest_report() -> None:
    assert shown(profile(), width=20) == shown(profile(), width=NARROWEST)


def test_a_long_test_name_breaks_before_its_parts() -> None:
    where = "tests/values/test_the_values_of_the_release.py::TestRelease::test_it_stays_where_it_was"
    lines = shown(claims=(claim(where=where),)).splitlines()
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
    text = shown(
        ProfileResult(**{**vars(found), "stopped": EVIL, "questions": EVIL}),
        claims=(Claim(EVIL, EVIL, EVIL, "violated", EVIL),),
        outcomes=(TestOutcome(EVIL, EVIL, "failed"),),
    )
    assert not re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert text.count("[bold red]:smile:") >= 6


def test_colour_only_adds_escape_codes() -> None:
    claims = (claim("met"), claim("violated"), claim("inconclusive"))
    plain, coloured = shown(profile(), claims=claims), shown(profile(), claims=claims, colour=True)
    assert "\x1b[32mmet" in coloured
    assert re.sub(r" *(\n|$)", r"\1", re.sub("\x1b\\[[0-9;]*m", "", coloured)) == plain


def test_more_problems_than_are_shown_are_counted() -> None:
    found = profile()
    found.problems.update({f"further-{number}": "the answer was empty" for number in range(2)})
    assert "and 2 more questions" in shown(found)
    assert "further" not in shown(found)


def test_an_audit_that_stopped_half_way() -> None:
    found = ProfileResult("m", "eng", "core", 2, Tally(asked=12, kept=4, missing=1, calls=5), {}, stopped="no money")
    text = joined(shown(found))
    assert "4 of 12 kept, 0 of them refusals; 0 empty, 0 cut off, 1 missing, 7 not asked" in text
    assert "questions core, 2 answers to each" in text
    assert "not measured no money" in text


@pytest.mark.parametrize(
    ("tallies", "cost"),
    [
        ([Tally()], "0 calls (0 retries), 0 answers from records; 0 tokens in, 0 out cost $0"),
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
