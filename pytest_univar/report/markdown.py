"""The report as Markdown, for the summary of a GitHub job: the verdicts first, the rest folded.

Answers are hostile text. Here they can become neither markup, links, mentions, references nor HTML, whoever renders
them; and however much there is, the whole stays below GitHub's limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_univar.findings import Pair, Said
from pytest_univar.measurement import Distance, Pull, RegionVerdict
from pytest_univar.report import AuditResult
from pytest_univar.report.text import (
    BALANCED,
    LIMITS,
    PLACES,
    Ending,
    Word,
    about_plans,
    answers_line,
    calls_line,
    cost_of,
    counted,
    endings,
    headline,
    models_of,
    notes_of,
    number,
    p_value,
    planned,
    shortened,
    span,
    spending,
    tallies_of,
    worst,
)

LARGEST = 1_000_000
"""Bytes. GitHub shows no summary above 1 MiB; the rest is left to what else a job says."""

NAME = 300
TEXT = 3000
"""Characters of a name, and of a question or an answer, that are shown at the most."""

SIGNS: dict[Word, str] = {
    "violated": "❌", "drifted": "❌", "failed": "❌", "inconclusive": "❔", "xfailed": "➖", "skipped": "➖",
    "met": "✅", "passed": "✅",
}  # fmt: skip

_MARKUP = re.compile(r"[\\`*_\[\]|~#$]|(?<=http):|(?<=https):|(?<=ftp):|(?<=www)\.", re.IGNORECASE)
_ITEM = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=[-+](?:[\s-]|$)))")
"""Where a line would begin an item of a list, or be a rule."""
_ENTITIES = str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;"})
_LINKED = re.compile(
    r"(?<=[@#])(?=\w)|(?<=!)(?=\d)|(?<=\bGH-)(?=\d)|(?<=:)(?=[a-z_+-][a-z0-9_+-]{0,40}:|100:|1234:|8ball:)"
)
"""Inside mentions, references and names of emoji, which GitHub and GitLab look for after everything else."""
_JOINER = "\u2060"
"""Invisible, and part of no name."""


class Piece(NamedTuple):
    """A part of the report that is left out whole, where there is too much. rank: the higher, the sooner."""

    text: str
    rank: int


HEAD, FAILED, GOOD, TABLES, EVIDENCE, PAIRS = range(6)


def render_markdown(result: AuditResult) -> str:
    """The report; the same for the same result, and below LARGEST bytes of UTF-8 whatever is in it."""
    pieces = list(_pieces(result))
    kept, left_out = _within(pieces, LARGEST - 1000)
    if left_out:
        said = (
            f"> {counted(left_out, 'part')} of this report {'is' if left_out == 1 else 'are'} left out, evidence "
            "first, because GitHub shows no more than 1 MiB. `--univar-json` writes everything.\n\n"
        )
        kept.insert(1, Piece(said, HEAD))
    return "".join(piece.text for piece in kept)


def _within(pieces: Sequence[Piece], most: int) -> tuple[list[Piece], int]:
    """The pieces that fit into so many bytes, in their order, and how many do not; of one rank the last go first."""
    sizes = [len(piece.text.encode()) for piece in pieces]
    excess = sum(sizes) - most
    out = set()
    for place in sorted(range(len(pieces)), key=lambda place: (-pieces[place].rank, -place)):
        if excess <= 0 or pieces[place].rank == HEAD:
            break
        out.add(place)
        excess -= sizes[place]
    return [piece for place, piece in enumerate(pieces) if place not in out], len(out)


def _pieces(result: AuditResult) -> Iterator[Piece]:
    word = worst(result)
    yield Piece(f"## {SIGNS[word]} Audited values: {', '.join(headline(result))}\n\n", HEAD)
    if result.plans:
        yield from _plans(result)
        return
    models = models_of(result)
    shown = escaped(models[0]) if len(models) == 1 else counted(len(models), "model")
    costs = f"cost {escaped(cost_of(tallies_of(result.profiles)))}"
    yield Piece(f"{shown}; encoder {escaped(result.encoder)}, bank {escaped(result.bank)}; {costs}\n\n", HEAD)
    if result.conclusion and result.conclusion.refused:
        yield Piece(f"**{escaped(result.conclusion.refused, TEXT)}**\n\n", HEAD)
    yield from _verdicts(endings(result))
    yield from _profiles(result)
    yield from _heat(result)
    yield from _conclusion(result)
    yield from _pairs(result)
    yield from _costs(result)
    yield from _method(result)
    yield Piece(f"### Limits\n\n{LIMITS}\n", HEAD)


def _verdicts(found: Sequence[Ending]) -> Iterator[Piece]:
    if not found:
        return
    rows = []
    for ending in found:
        said = f"{ending.model}: {ending.text}" if ending.text else ending.where
        cells = (f"{SIGNS[ending.word]} {ending.word}", escaped(said), *ending.figures)
        rows.append(Piece(_row(cells), GOOD if ending.is_good else FAILED))
    yield Piece(_head("<<>>>", "verdict", "expectation", "estimate", "interval", "threshold"), FAILED)
    yield from rows
    yield Piece("\n", FAILED)
    for ending in found:
        if not ending.is_good and (ending.detail or ending.evidence):
            said = f"{ending.model}: {ending.text}" if ending.text else ending.where
            summary = f"{SIGNS[ending.word]} {ending.word}: {said}"
            where = f"test: {escaped(ending.where)}\n\n" if ending.where and ending.text else ""
            body = f"{escaped(ending.detail, TEXT)}\n\n{where}{''.join(map(_pull, ending.evidence))}"
            yield Piece(_folded(summary, body), EVIDENCE)


def _pull(pull: Pull) -> str:
    """A question that pulls against a claim, with its answer; beside the English what was asked and said, if other."""
    rows = [("question", pull.question), ("answer", pull.answer)]
    rows += [("asked as", pull.original_question), ("answered", pull.original_answer)]
    lines = "".join(f"- {name}: {escaped(text, TEXT)}\n" for name, text in rows if text)
    return f"**{escaped(pull.question_id)}** ({pull.amount:+.3f})\n\n{lines}\n"


def _profiles(result: AuditResult) -> Iterator[Piece]:
    if not result.profiles:
        return
    yield Piece("### Profiles\n\n" + _head("<<<<", "value ID", "questions", "answers", "notes"), TABLES)
    for profile, notes in notes_of(result.profiles):
        samples = f", {profile.samples} answers to each" if profile.samples > 1 else ""
        stopped = [f"not measured: {profile.stopped}"] if profile.stopped else []
        said = [*stopped, *([f"translated by {profile.translator}"] if profile.translator else []), *notes]
        said += [f"no answer to {counted(len(profile.problems), 'question')}"] if profile.problems else []
        cells = (
            escaped(f"{profile.model}/{profile.language}"),
            escaped(f"{profile.questions}{samples}"),
            escaped(answers_line(profile.tally)),
            "<br>".join(escaped(each, 1000) for each in said),
        )
        yield Piece(_row(cells), TABLES)
    yield Piece("\n", TABLES)
    for profile in result.profiles:
        name = f"{profile.model}/{profile.language}"
        if profile.nearest:
            yield Piece(_folded(f"{name}: distances and regions", _measured(profile.nearest, profile.regions)), TABLES)
        if profile.problems:
            lines = [
                f"- {escaped(question)}: {escaped(why)}\n" for question, why in list(profile.problems.items())[:50]
            ]
            if further := len(profile.problems) - len(lines):
                lines.append(f"- and {counted(further, 'more question')}\n")
            yield Piece(_folded(f"{name}: questions without an answer", "".join(lines)), TABLES)


def _measured(nearest: Sequence[Distance], regions: Sequence[RegionVerdict]) -> str:
    interval = f"{nearest[0].confidence:.0%} interval"
    text = _head("<>>>>", "nearest value IDs", "distance", interval, "own", "others")
    for distance in nearest:
        places = ("" if place is None else f"{place:.0f}%" for place in (distance.within, distance.between))
        text += _row((escaped(distance.to), number(distance.estimate), span(distance.interval), *places))
    if not regions:
        return text
    text += "\n" + _head("<<>><", "scheme", "region", "share", interval, "next")
    for region in regions:
        following = next(
            ((name, share) for name, share in region.shares.items() if name != region.label and share), None
        )
        text += _row(
            (
                escaped(region.scheme),
                escaped(region.label),
                f"{region.share:.0%}",
                f"{region.interval.low:.0%} to {region.interval.high:.0%}",
                escaped(f"{following[0]} {following[1]:.0%}") if following else "",
            )
        )
    return text


def _heat(result: AuditResult) -> Iterator[Piece]:
    """Distances between languages, and models: numbers stand for the names of the columns."""
    heat = result.findings.heat if result.findings else None
    if heat is None:
        return
    text = _head("<" + ">" * len(heat.labels), "", *map(str, range(1, len(heat.labels) + 1)))
    for place, (label, row) in enumerate(zip(heat.labels, heat.distances, strict=True), 1):
        text += _row((escaped(f"{place} {label}"), *("–" if each is None else f"{each:.2f}" for each in row)))
    bank = " Below the audited ones stand the bank's languages, each the mean of its models." if (
        heat.audited < len(heat.labels)
    ) else ""  # fmt: skip
    said = f"How far each audited language of each model lies from the others.{bank}"
    yield Piece(f"### Language by language\n\n{said}\n\n{text}\n", TABLES)


def _conclusion(result: AuditResult) -> Iterator[Piece]:
    if not result.conclusion:
        return
    for comparison in result.conclusion.comparisons:
        title = f"### Drift of {escaped(comparison.model)} since {escaped(comparison.baseline)}"
        text = _head("<>>>><", "language", "drift", "interval", "p (Holm)", "questions", "")
        for drift in comparison.drifts:
            cells = (
                escaped(drift.language),
                number(drift.estimate),
                span(drift.interval),
                escaped(p_value(drift.p_adjusted)),
                f"{drift.n_questions}",
                f"{SIGNS['drifted']} fails" if drift.language in comparison.failed else "",
            )
            text += _row(cells)
        yield Piece(f"{title}\n\n{text}\n", TABLES)
    for path in result.conclusion.trajectories:
        title = f"### Path in {escaped(path.language)}: toward {escaped(path.target)}, from {escaped(path.origin)}"
        text = _head("<>>>>", "checkpoint", "to target", "interval", "to origin", "interval")
        for step in path.steps:
            origin = step.to_origin
            away = (number(origin.estimate), span(origin.interval)) if origin else ("", "")
            text += _row((escaped(step.model), number(step.to_target.estimate), span(step.to_target.interval), *away))
        yield Piece(f"{title}\n\n{text}\n", TABLES)
    if result.conclusion.saved:
        yield Piece(f"Baseline saved: {escaped(result.conclusion.saved)}\n\n", HEAD)


def _pairs(result: AuditResult) -> Iterator[Piece]:
    """Audited profiles beside each other: what they answer most differently, and most alike."""
    pairs = result.findings.pairs if result.findings else ()
    if pairs:
        yield Piece("### Answers side by side\n\n", PAIRS)
    for pair in pairs:
        yield Piece(_folded(f"{pair.one} and {pair.other}: distance {number(pair.distance)}", _beside(pair)), PAIRS)


def _beside(pair: Pair) -> str:
    text = ""
    for kind, each in [("apart", one) for one in pair.diverging] + [("alike", one) for one in pair.agreeing]:
        text += f"**{escaped(each.question_id)}** ({kind}, {number(each.distance)}): {escaped(each.question, TEXT)}\n\n"
        text += f"- {escaped(pair.one)}: {_said(each.one)}\n- {escaped(pair.other)}: {_said(each.other)}\n\n"
    return text


def _said(said: Said) -> str:
    original = f"<br>answered: {escaped(said.original_answer, TEXT)}" if said.original_answer else ""
    return escaped(said.answer, TEXT) + original


def _costs(result: AuditResult) -> Iterator[Piece]:
    tallies = tallies_of(result.profiles)
    yield Piece(f"### Costs\n\n{calls_line(tallies)}; cost {escaped(cost_of(tallies))}\n\n", HEAD)
    rows = spending(result.profiles)
    if rows:
        yield Piece(_head("<>>>>", "asked", "calls", "tokens in", "tokens out", "cost"), TABLES)
        for name, tally in rows:
            tokens = (f"{tally.prompt_tokens}", f"{tally.completion_tokens}")
            yield Piece(_row((escaped(name), f"{tally.calls}", *tokens, escaped(cost_of([tally])))), TABLES)
        yield Piece("\n", TABLES)


def _method(result: AuditResult) -> Iterator[Piece]:
    """How it was measured: what is needed to do it again, and whose data it stands on."""
    lines = [
        "Questions with their answers in English are embedded by the encoder; a profile is the mean of its embeddings. "
        "Distances are Euclidean, debiased, with bootstrap intervals by question; a region's share is that of the "
        "answers whose nearest neighbours in the bank lie in it.",
    ]
    distances = [distance for profile in result.profiles for distance in profile.nearest]
    lines += [PLACES[0].upper() + PLACES[1:]] if any(each.within is not None for each in distances) else []
    regions = [region for profile in result.profiles for region in profile.regions]
    lines += [BALANCED] if any(region.balanced for region in regions) else []
    yield Piece("### Method\n\n" + "".join(f"{line}\n\n" for line in lines), HEAD)
    rows = []
    if reference := (result.findings.reference if result.findings else None):
        rows += [
            ("bank", f"{reference.name} {reference.version}: {counted(reference.rows, 'answer')} to "
             f"{counted(reference.questions, 'question')}, {counted(len(reference.value_ids), 'value ID')}"),
            ("encoder", f"{reference.encoder} (SHA-256 {reference.encoder_sha256})"),
        ]  # fmt: skip
        for source in reference.sources:
            rows.append(
                ("source", ", ".join(str(source[key]) for key in ("name", "licence", "credit") if source.get(key)))
            )
    if result.made:
        rows.append(("made", result.made.created))
        rows += [("version", f"{name} {version}") for name, version in result.made.versions.items()]
        rows += [("setting", f"{name} = {value}") for name, value in result.made.settings.items()]
    if rows:
        text = "".join(f"- {name}: {escaped(value)}\n" for name, value in rows)
        yield Piece(_folded("bank, sources, versions and settings", text), TABLES)


def _plans(result: AuditResult) -> Iterator[Piece]:
    yield Piece(_head("<>>>>", "to ask", "calls", "tokens in", "tokens out", "cost"), FAILED)
    for plan in result.plans:
        cost = "unknown price" if plan.cost_usd is None else f"${plan.cost_usd:.4f}"
        figures = (f"{plan.calls}", f"{plan.prompt_tokens}", f"{plan.completion_tokens}", escaped(cost))
        yield Piece(_row((escaped(planned(plan)), *figures)), FAILED)
    said = about_plans(result.plans)
    yield Piece(f"\n{said[0].upper()}{said[1:]}.\n", HEAD)


def _head(sides: str, *names: str) -> str:
    """The first two lines of a table. sides: of each column, ``<`` for texts and ``>`` for figures."""
    return _row(names) + _row("---:" if side == ">" else "---" for side in sides)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _folded(summary: str, body: str) -> str:
    """Opens at a click. Markdown is not read in the line of the summary, HTML is."""
    shown = _LINKED.sub(_JOINER, shortened(summary, NAME)).translate(_ENTITIES)
    return f"<details><summary>{shown}</summary>\n\n{body.strip()}\n\n</details>\n\n"


def escaped(text: str, length: int = NAME) -> str:
    """A text from outside as Markdown that shows it, inert and on one line; where it is cut, it says by how much."""
    shown = _LINKED.sub(_JOINER, shortened(text, length)).translate(_ENTITIES)
    return _ITEM.sub(r"\1\\", _MARKUP.sub(r"\\\g<0>", shown))
