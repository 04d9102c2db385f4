"""What a reader wants to know first: what was expected, and whether it is so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pytest_univar.audit import ProfileResult
from pytest_univar.comparison import Comparison, Conclusion
from pytest_univar.expectations import Claim
from pytest_univar.report import AuditResult, Plan, TestOutcome
from pytest_univar.report.html.charts import Scale, axis, scale_of, strip
from pytest_univar.report.html.markup import Child, Html, el, joined, language_name, name, table
from pytest_univar.report.text import about_plans, counted, dollars, figures_of, p_value, span

WORST_FIRST = ("violated", "inconclusive", "met")
_SIGNS = {
    "met": "✓", "violated": "✗", "inconclusive": "?", "passed": "✓", "failed": "✗", "skipped": "–", "xfailed": "–",
}  # fmt: skip
_MEASURES = {
    "region": "share of the answers", "distance": "distance", "closer": "difference of two distances",
    "unchanged": "change since then", "consistent": "spread between the languages",
    "moved_toward": "how much closer than before",
}  # fmt: skip


def badge(word: str) -> Html:
    """A verdict as a sign and a word, so that no colour is needed."""
    return el("span", el("span", _SIGNS[word], aria_hidden="true"), f" {word}", class_=f"badge {word}")


def verdict_body(result: AuditResult) -> Html:
    """The verdict as a sentence and as counts; then every claim, the tests without claims, and earlier audits."""
    if result.plans:
        return joined([el("p", "Nothing was asked: this is the plan of a dry run, at the most.", class_="banner none"),
                       plans_table(result.plans),
                       el("p", f"This is {about_plans(result.plans)}.", class_="note")])  # fmt: skip
    counts = Counter[str](claim.verdict for claim in result.claims)
    word, sentence = overall(result)
    tiles = [
        el("li", el("span", str(counts[each]), class_="count"), badge(each), class_=each)
        for each in WORST_FIRST
        if result.claims
    ]
    parts: list[Child] = [
        el("p", sentence, class_=f"banner {word}"),
        el("ul", tiles, class_="tiles") if tiles else None,
        _meaning(result.claims),
        _notes(result.profiles),
        _not_measured(result.profiles),
        claims_table(result.claims) if result.claims else None,
        outcomes_part(result.outcomes),
    ]
    if result.conclusion:
        parts.append(conclusion_part(result.conclusion))
    return joined(parts)


def overall(result: AuditResult) -> tuple[str, str]:
    """The worst of the verdicts, and what that means in one sentence."""
    counts = Counter[str](claim.verdict for claim in result.claims)
    failed = sum(test.outcome == "failed" for test in result.outcomes)
    drifted = sum(len(each.failed) for each in result.conclusion.comparisons) if result.conclusion else 0
    against = []
    if counts["violated"]:
        against.append(f"{counts['violated']} of {counted(len(result.claims), 'expectation')} violated")
    if failed:
        against.append(f"{counted(failed, 'test')} failed without an expectation")
    if drifted:
        against.append(f"{counted(drifted, 'change')} since an earlier audit too large")
    if result.conclusion and result.conclusion.refused:
        against.append("a comparison that was asked for could not be made")
    if stopped := sum(bool(profile.stopped) for profile in result.profiles):
        against.append(f"{counted(stopped, 'profile')} not measured")
    if against:
        return "violated", f"The audit is not passed: {_listed(against)}."
    if counts["inconclusive"]:
        return "inconclusive", (
            f"The audit leaves {counts['inconclusive']} of {counted(len(result.claims), 'expectation')} open: the "
            "answers do not suffice to say whether they hold."
        )
    if result.claims or any(test.outcome == "passed" for test in result.outcomes):
        return "met", "The audit is passed: everything that was expected holds."
    return "none", "Nothing was expected of these models: this report describes, and judges nothing."


def _listed(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _meaning(claims: Sequence[Claim]) -> Html | None:
    if not claims:
        return None
    levels = {claim.confidence for claim in claims if claim.confidence}
    level = f" ({levels.pop():.0%} confidence)" if len(levels) == 1 else ""
    return el(
        "p",
        "Answers vary from question to question, so each figure comes with an interval: the values that fit the answers"
        f"{level}. An expectation is met where the whole interval lies on its right side of the threshold, violated "
        "where it lies wholly on the wrong side, and inconclusive where the threshold is inside it.",
        class_="note",
    )


def _notes(profiles: Sequence[ProfileResult]) -> Html | None:
    notes = sum(len(profile.warnings) for profile in profiles)
    if not notes:
        return None
    link = el("a", counted(notes, "note"), " on the answers", href="#answers")
    return el("p", "Before relying on this, read the ", link, " below.")


def _not_measured(profiles: Sequence[ProfileResult]) -> Html | None:
    items = [
        el("li", name(profile.model), f", {language_name(profile.language)}: ", name(profile.stopped))
        for profile in profiles
        if profile.stopped
    ]
    return joined([el("h3", "Not measured"), el("ul", items)]) if items else None


def claims_table(claims: Sequence[Claim]) -> Html:
    """Every claim, the worst first."""
    ordered = sorted(enumerate(claims), key=lambda each: (WORST_FIRST.index(each[1].verdict), each[0]))
    rows: list[list[Child]] = []
    for number, claim in ordered:
        figures = figures_of(claim)
        what = _MEASURES.get(claim.kind, claim.kind)
        if claim.kind == "region" and claim.threshold == 0:
            what = "lead over the next region"
        text = [
            el("p", name(claim.text), class_="claim"),
            el("p", name(claim.model), *([f", {language_name(claim.language)}"] if claim.language else []),
               class_="who"),
            el("p", name(claim.detail), class_="note"),
            el("p", el("a", "The answers that speak against it", href=f"#evidence-{number}"), class_="note screen")
            if claim.verdict != "met" and claim.evidence else None,
        ]  # fmt: skip
        estimate = [el("strong", figures.estimate or "–"), el("span", what, class_="sub")] if figures.estimate else "–"
        interval = [figures.interval] if figures.interval else []
        if claim.p_value is not None:
            interval.append(f"p {p_value(claim.p_value)}" if claim.p_value < 0.001 else f"p = {claim.p_value:.3f}")
        rows.append(
            [
                badge(claim.verdict), text, estimate,
                [el("span", each, class_="line") for each in interval] or "–",
                _own_strip(claim), figures.threshold or "–",
                "–" if claim.n_questions is None else str(claim.n_questions),
            ]
        )  # fmt: skip
    head = ["verdict", "expected", "measured", "interval", "interval and threshold", "threshold", "questions"]
    return table("What was expected, and what was measured", head, rows, "claims")


def _own_strip(claim: Claim) -> Html | str:
    if claim.estimate is None or claim.interval is None:
        return ""
    thresholds = [] if claim.threshold is None else [claim.threshold]
    scale = scale_of([claim.estimate, *claim.interval, *thresholds], width=120)
    return strip(scale._replace(ticks=()), claim.estimate, claim.interval, thresholds, claim.verdict)


def outcomes_part(outcomes: Sequence[TestOutcome]) -> Html | None:
    """Tests whose end no claim explains, those that failed first."""
    if not outcomes:
        return None
    ordered = sorted(outcomes, key=lambda test: ("failed", "xfailed", "skipped", "passed").index(test.outcome))
    rows = [
        [[name(test.where), el("p", name(test.why), class_="note") if test.why else None], name(test.model),
         badge(test.outcome)]
        for test in ordered
    ]  # fmt: skip
    return joined(
        [
            el("h3", "Tests that state no expectation"),
            el(
                "p",
                "They compare measured values by themselves, or ended for another reason; what they raised is named "
                "below, and stands in full in the output of the test run.",
                class_="note",
            ),
            table("Tests without an expectation", ["test", "model", "result"], rows),
        ]
    )


def conclusion_part(conclusion: Conclusion) -> Html:
    """Changes since an earlier audit; what was saved, and what could not be done."""
    parts: list[Child] = []
    if conclusion.comparisons:
        parts.append(el("h3", "Compared with an earlier audit"))
        parts.append(drift_table(conclusion.comparisons))
        parts.append(
            el(
                "p",
                "p says how often chance alone would show a change this large if nothing had changed"
                " (corrected for the number of languages, after Holm). The dashed line is what the bank knows as the "
                "smallest usual change when one model takes the place of another.",
                class_="note",
            )
        )
    if conclusion.refused:
        parts.append(el("p", name(conclusion.refused), class_="banner violated"))
    if conclusion.saved:
        parts.append(el("p", "These profiles were saved, to compare later ones with, as ", name(conclusion.saved), "."))
    return joined(parts)


def drift_table(comparisons: Sequence[Comparison]) -> Html:
    """How far each model moved in each language since what it is compared with, on one scale."""
    words = {"met": "unchanged", "violated": "changed", "inconclusive": "cannot be told"}
    drifts = [(comparison, drift) for comparison in comparisons for drift in comparison.drifts]
    scale = scale_of(
        (value for _, drift in drifts for value in (*drift.interval, drift.margin or 0.0)), width=260, from_zero=True
    )
    rows: list[list[Child]] = []
    for comparison, drift in drifts:
        said: list[Child] = [words[drift.verdict]]
        if drift.language in comparison.failed:
            said.append(el("strong", "more than is allowed", class_="sub violated-text"))
        margin = [] if drift.margin is None else [drift.margin]
        rows.append(
            [
                [name(comparison.model), f", {language_name(drift.language)}"], said, f"{drift.estimate:.3f}",
                span(drift.interval), strip(scale, drift.estimate, drift.interval, margin, drift.verdict),
                p_value(drift.p_adjusted), str(drift.n_questions),
            ]
        )  # fmt: skip
    since = {f"{comparison.baseline}, saved {comparison.created[:10]}" for comparison in comparisons}
    head: list[Child] = ["audited", "values", "change", "interval", _headed(scale), "p", "questions"]
    return table(f"Change since {'; '.join(sorted(since))}", head, rows, "figures")


def _headed(scale: Scale) -> Html:
    return joined([el("span", "change with its interval", class_="unseen"), axis(scale)])


def plans_table(plans: Sequence[Plan]) -> Html:
    """What asking would take."""
    rows = [
        [[name(plan.model),
          el("p", "translated by ", name(plan.translator), class_="note") if plan.translator else None],
         language_name(plan.language), name(plan.questions), f"{plan.calls:,}",
         f"{plan.prompt_tokens:,}", f"{plan.completion_tokens:,}",
         "unknown price" if plan.cost_usd is None else dollars(plan.cost_usd)]
        for plan in plans
    ]  # fmt: skip
    head = ["model", "language", "questions", "calls", "tokens in", "tokens out", "cost"]
    return table("What would be asked", head, rows, "figures")
