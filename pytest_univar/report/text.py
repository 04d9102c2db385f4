"""Words and figures that the report of the terminal and the one in Markdown share; all of it without layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from pytest_univar.audit import ProfileResult
from pytest_univar.comparison import Comparison
from pytest_univar.elicitation import Tally
from pytest_univar.expectations import Claim
from pytest_univar.measurement import Drift, Pull
from pytest_univar.report import AuditResult, Plan, TestOutcome
from pytest_univar.stats import Verdict

Word: TypeAlias = Verdict | Literal["drifted", "passed", "failed", "skipped", "xfailed"]
"""How an expectation, the drift since a baseline, or a test with assertions of its own ended."""

WORST_FIRST: tuple[Word, ...] = (
    "violated", "drifted", "failed", "inconclusive", "xfailed", "skipped", "met", "passed",
)  # fmt: skip

LIMITS = (
    "A profile says how a model's answers resemble those of other models, in a space that was trained to tell models "
    "apart and that hears phrasing as well as values; it does not say that values are good or bad, nor what the model "
    "does when it acts. "
    "It speaks of these questions, this encoder and this bank alone: compare distances with each other and over time, "
    "not a single one by itself."
)
PLACES = (
    "own, others: how many percent of the bank's own distances, of LLMs to themselves or to others, are smaller than "
    "this one."
)
BALANCED = "Value IDs have unequal numbers of answers in the bank; their votes are weighted to count alike."

_JOINERS = "\u200c\u200d"
"""Not printable to Python, but part of how Persian and some emoji are written."""


class Figures(NamedTuple):
    """What an expectation is decided by, each as it is shown; empty where it has none."""

    estimate: str = ""
    interval: str = ""
    threshold: str = ""


class Ending(NamedTuple):
    """One line of the verdicts: an expectation, drift that fails the run, or a test with assertions of its own.

    text: what was expected; empty for a test, which its name stands for. detail: how the verdict came about. where:
    the test.
    """

    word: Word
    model: str
    text: str = ""
    figures: Figures = Figures()
    detail: str = ""
    where: str = ""
    evidence: tuple[Pull, ...] = ()

    @property
    def is_good(self) -> bool:
        return self.word in ("met", "passed")


def endings(result: AuditResult) -> list[Ending]:
    """Everything that was decided, the worst first; what is alike stays in the order of the run."""
    comparisons = result.conclusion.comparisons if result.conclusion else ()
    found = [
        *map(_claimed, result.claims),
        *(_drifted(each, drift) for each in comparisons for drift in each.drifts if drift.language in each.failed),
        *map(_tested, result.outcomes),
    ]
    return sorted(found, key=lambda ending: WORST_FIRST.index(ending.word))


def _claimed(claim: Claim) -> Ending:
    figures = figures_of(claim)
    return Ending(claim.verdict, claim.model, claim.text, figures, claim.detail, claim.where, claim.evidence)


def _drifted(comparison: Comparison, drift: Drift) -> Ending:
    text = f"{drift.language} since {comparison.baseline}, more than --univar-compare-fail allows"
    detail = f"p (Holm) {p_value(drift.p_adjusted)}, {drift.n_questions} questions"
    figures = Figures(number(drift.estimate), span(drift.interval))
    return Ending("drifted", comparison.model, text, figures, detail, evidence=drift.pulls)


def _tested(test: TestOutcome) -> Ending:
    return Ending(test.outcome, test.model, detail=test.why, where=test.where)


def figures_of(claim: Claim) -> Figures:
    """Shares in percent, differences with their sign, distances as they are."""
    if claim.estimate is None:
        return Figures()
    shares = claim.kind == "region"
    signed = claim.kind in ("closer", "moved_toward") or (shares and claim.threshold == 0)
    style = f"{'+' if signed else ''}{'.0%' if shares else '.3f'}"
    low_high = f"{claim.interval.low:{style}} to {claim.interval.high:{style}}" if claim.interval else ""
    threshold = "" if claim.threshold is None else f"{claim.threshold:{'.0%' if shares else '.3g'}}"
    return Figures(f"{claim.estimate:{style}}", low_high, threshold)


def headline(result: AuditResult) -> list[str]:
    """How many of each verdict, the worst first, and how many profiles were not measured."""
    counts = Counter(ending.word for ending in endings(result))
    said = []
    for word in WORST_FIRST:
        if word == "inconclusive" and (stopped := sum(bool(profile.stopped) for profile in result.profiles)):
            said.append(f"{counted(stopped, 'profile')} not measured")
        if count := counts[word]:
            of_tests = word in ("passed", "failed", "skipped", "xfailed")
            said.append(f"{counted(count, 'test')} {word}" if of_tests else f"{count} {word}")
    return said or ["no expectations"]


def worst(result: AuditResult) -> Word:
    """The worst that happened; ``met`` where nothing was decided."""
    if result.conclusion and result.conclusion.refused:
        return "failed"
    return next((ending.word for ending in endings(result)), "met")


def models_of(result: AuditResult) -> list[str]:
    """The audited models, each once."""
    named = [profile.model for profile in result.profiles] + [claim.model for claim in result.claims]
    return list(dict.fromkeys(named))


def answers_line(tally: Tally) -> str:
    """Every question is in one of kept, empty, cut off, missing or not translated, unless the audit was stopped."""
    text = f"{tally.kept} of {tally.asked} kept, {tally.refused} of them refusals"
    if tally.at_limit:
        text += f", {tally.at_limit} at the token limit"
    text += f"; {tally.empty} empty, {tally.cut_off} cut off, {tally.missing} missing"
    if tally.untranslated:
        text += f", {tally.untranslated} not translated"
    unasked = tally.asked - tally.kept - tally.empty - tally.cut_off - tally.missing - tally.untranslated
    return text + (f", {unasked} not asked" if unasked else "")


def notes_of(profiles: Iterable[ProfileResult]) -> Iterator[tuple[ProfileResult, tuple[str, ...]]]:
    """Each profile with what is to be known of its answers; where an earlier one has the same notes, only which."""
    seen: dict[tuple[str, ...], str] = {}
    for profile in profiles:
        name = f"{profile.model}/{profile.language}"
        earlier = seen.setdefault(profile.warnings, name)
        yield profile, profile.warnings if earlier == name else (f"as for {earlier}",) if profile.warnings else ()


def tallies_of(profiles: Iterable[ProfileResult]) -> list[Tally]:
    """Everything that was asked for, of the audited models and of the translator."""
    return [tally for profile in profiles for tally in (profile.tally, profile.translation) if tally is not None]


def spending(profiles: Iterable[ProfileResult]) -> list[tuple[str, Tally]]:
    """What each model and language took, and what translating it took, where that made calls."""
    rows = []
    for profile in profiles:
        name = f"{profile.model}/{profile.language}"
        if profile.tally.calls or profile.translation:
            rows.append((name, profile.tally))
        if profile.translation and profile.translation.calls:
            rows.append((f"{name}, translating", profile.translation))
    return rows


def planned(plan: Plan) -> str:
    """What a line of a dry run's plan is about."""
    name = f"{plan.model}/{plan.language}"
    return f"{name}, translated by {plan.translator}" if plan.translator else name


def about_plans(plans: Iterable[Plan]) -> str:
    """What the figures of a dry run are."""
    said = "a dry run: nothing was asked; the figures are upper estimates"
    if any(plan.translator for plan in plans):
        said += " (of translations if each is as long as its text, and an answer to come as long as it may be)"
    return said


def calls_line(tallies: Sequence[Tally]) -> str:
    """Calls and tokens of the whole run."""
    calls, retries, recorded, tokens_in, tokens_out = (
        sum(getattr(tally, name) for tally in tallies)
        for name in ("calls", "retries", "recorded", "prompt_tokens", "completion_tokens")
    )
    return (
        f"{counted(calls, 'call')} ({counted(retries, 'retry', 'retries')}), "
        f"{counted(recorded, 'answer')} from records; {tokens_in} tokens in, {tokens_out} out"
    )


def cost_of(tallies: Sequence[Tally]) -> str:
    """An unknown price is shown as unknown, never as zero."""
    known, unpriced = sum(tally.cost_usd for tally in tallies), sum(tally.unpriced for tally in tallies)
    if not unpriced:
        return dollars(known)
    return f"{dollars(known)} and {counted(unpriced, 'call')} of unknown price" if known else "unknown"


def dollars(amount: float) -> str:
    """Four decimals, or six where four would show nothing."""
    if not amount:
        return "$0"
    return f"${amount:.4f}" if amount >= 0.01 else f"${amount:.6f}"


def number(value: float) -> str:
    return f"{value:.3f}"


def span(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}"


def p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def counted(count: int, one: str, several: str | None = None) -> str:
    return f"{count} {one if count == 1 else several or one + 's'}"


def shortened(text: str, length: int, more: str = "…") -> str:
    """A text from outside on one line, of so many characters at the most; where it was longer, by how much."""
    text = " ".join(clean(text).split())
    if len(text) <= length:
        return text
    return f"{text[:length].rstrip()}{more} ({len(text) - length:,} more characters)"


def without_common(texts: Sequence[str], more: str = "…") -> list[str]:
    """Texts made from one template, without the words that all of them begin and end with; others as they are.

    more: stands for what was left out. Questions of a survey often differ in their middle only, and a beginning that
    all of them share would tell the reader nothing.
    """
    split = [text.split() for text in texts]
    first = _shared(split)
    last = _shared([words[first:][::-1] for words in split])
    if len(set(texts)) < 2 or first + last < 6 or any(first + last >= len(words) for words in split):
        return [" ".join(words) for words in split]
    return [
        (f"{more} " if first else "") + " ".join(words[first : len(words) - last]) + (f" {more}" if last else "")
        for words in split
    ]


def _shared(split: Sequence[Sequence[str]]) -> int:
    """How many first words all of them have in common."""
    return next(
        (place for place, words in enumerate(zip(*split, strict=False)) if len(set(words)) > 1),
        min(map(len, split), default=0),
    )


def clean(text: str) -> str:
    """Text from outside on one line, inert: no control characters, no escape codes, nothing that turns directions."""
    return "".join(each if each.isprintable() or each in _JOINERS else " " for each in text)
