"""What was said: the answers that speak against a claim, and two models' answers side by side."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_univar.expectations import Claim
from pytest_univar.findings import Beside, Pair, Said
from pytest_univar.measurement import Pull
from pytest_univar.report import AuditResult
from pytest_univar.report.html.markup import Child, Html, el, joined, language_name, name, said
from pytest_univar.report.html.verdict import WORST_FIRST, badge


def evidence_body(result: AuditResult) -> Html | None:
    """None where no claim has evidence against it and no two profiles can be set beside each other."""
    parts: list[Child] = []
    claims = [
        (number, claim)
        for number, claim in enumerate(result.claims)
        if claim.verdict != "met" and claim.evidence
    ]  # fmt: skip
    claims.sort(key=lambda each: WORST_FIRST.index(each[1].verdict))
    if claims:
        parts += [
            el("h3", "What speaks against the expectations"),
            el(
                "p",
                "For each expectation that is violated or open: the questions whose answers pull hardest the other "
                "way, and what the model said. The number is the pull, in the unit of a distance.",
                class_="note",
            ),
            [claim_part(number, claim) for number, claim in claims],
        ]
    drifted = [
        (comparison.model, comparison.baseline, drift)
        for comparison in (result.conclusion.comparisons if result.conclusion else ())
        for drift in comparison.drifts
        if drift.pulls and (drift.verdict == "violated" or drift.language in comparison.failed)
    ]
    if drifted:
        parts.append(el("h3", "What changed most since the earlier audit"))
        for model, baseline, drift in drifted:
            title = joined([name(model), f", {language_name(drift.language)}, since ", name(baseline)])
            parts.append(_folded(title, _pulls(drift.pulls, drift.language), False))
    pairs = result.findings.pairs if result.findings else ()
    if pairs:
        parts += [
            el("h3", "Answers side by side"),
            el(
                "p",
                "The audited profiles that lie farthest apart, with the questions that they answer most differently "
                "and most alike. The number is the distance of the two answers.",
                class_="note",
            ),
            [pair_part(pair, place == 0) for place, pair in enumerate(pairs)],
        ]
    return joined(parts) if parts else None


def claim_part(number: int, claim: Claim) -> Html:
    title = [badge(claim.verdict), " ", name(claim.model), ": ", name(claim.text)]
    about = [el("p", name(claim.detail), class_="note"), _pulls(claim.evidence, claim.language)]
    return _folded(title, about, claim.verdict == "violated", id=f"evidence-{number}")


def _folded(title: Child, content: Child, is_open: bool, id: str | None = None) -> Html:
    return el("details", el("summary", el("h4", title)), content, id=id, open=is_open)


def _pulls(pulls: Sequence[Pull], language: str) -> Html:
    return joined([_pull(pull, language) for pull in pulls])


def _pull(pull: Pull, language: str) -> Html:
    number = el("p", el("code", pull.question_id), f" · pull {pull.amount:+.3f}", class_="who")
    if not pull.question:
        return el("div", number, el("p", "Its texts were not kept.", class_="note"), class_="exchange")
    if not (pull.original_question or pull.original_answer):
        return el("div", number, _exchange(pull.question, pull.answer, "eng", ""), class_="exchange english")
    asked = f"In {language_name(language)}, as asked and answered" if language else "As asked and answered"
    columns = [
        _exchange(pull.original_question, pull.original_answer, language or "und", asked),
        _exchange(pull.question, pull.answer, "eng", "In English, by machine translation"),
    ]
    return el("div", number, el("div", columns, class_="two"), class_="exchange")


def _exchange(question: str, answer: str, language: str, title: str) -> Html:
    return el(
        "div",
        el("p", title, class_="sub") if title else None,
        el("div", el("span", "Question", class_="term"), said(question, language, "Question"), class_="q"),
        el("div", el("span", "Answer", class_="term"), said(answer, language, "Answer"), class_="a"),
    )


def pair_part(pair: Pair, is_open: bool) -> Html:
    title = joined([name(pair.one), " and ", name(pair.other), f": distance {pair.distance:.3f}"])
    content: list[Child] = [el("p", f"{pair.shared} questions were answered by both.", class_="note")]
    for words, rows in (("Answered most differently", pair.diverging), ("Answered most alike", pair.agreeing)):
        if rows:
            content += [el("h5", words), [_beside(pair, row) for row in rows]]
    return _folded(title, content, is_open)


def _beside(pair: Pair, row: Beside) -> Html:
    number = el("p", el("code", row.question_id), f" · distance {row.distance:.3f}", class_="who")
    question = el("div", el("span", "Question", class_="term"), said(row.question, "eng", "Question"), class_="q")
    columns = [_said(pair.one, row.one), _said(pair.other, row.other)]
    return el("div", number, question, el("div", columns, class_="two"), class_="exchange")


def _said(label: str, answer: Said) -> Html:
    language = label.partition(" (")[0].rpartition("/")[2]
    original: Child = None
    if answer.original_answer:
        original = el(
            "details",
            el("summary", f"In {language_name(language)}, as asked and answered"),
            el("div", el("span", "Question", class_="term"), said(answer.original_question, language, "Question")),
            el("div", el("span", "Answer", class_="term"), said(answer.original_answer, language, "Answer")),
        )
    return el("div", el("p", name(label), class_="sub"), said(answer.answer, "eng", f"Answer of {label}"), original,
              class_="a")  # fmt: skip
