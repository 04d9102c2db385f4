"""An evaluation as tables for people, 80 columns wide, and as Markdown. All shares are in per cent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_univar.evaluation.identification import ATS, PROBE
from pytest_univar.evaluation.measuring import MEAN
from pytest_univar.evaluation.results import CorpusNote, Evaluation, Profiles
from pytest_univar.evaluation.scores import Figure
from pytest_univar.report.markdown import escaped


class Section(NamedTuple):
    """One table. note: what it is of, in a sentence or two."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sections(evaluation: Evaluation) -> list[Section]:
    """The tables of what was measured, in the order of reading; parts that were not asked for are not there."""
    found = [
        *_identification(evaluation),
        *_control(evaluation),
        *_novelty(evaluation),
        *_curves(evaluation),
        *_views(evaluation),
        *_translationese(evaluation),
    ]
    return [section for section in found if section.rows]


def measured(evaluation: Evaluation) -> list[str]:
    """What was measured, with what, as lines."""
    settings = ", ".join(f"{name} {_shown(value)}" for name, value in evaluation.settings.items())
    lines = [
        f"answers {evaluation.answers}, SHA-256 {evaluation.answers_sha256}",
        f"split {evaluation.split}",
        settings,
    ]
    for encoder in evaluation.encoders:
        lines.append(
            f"encoder {encoder.name}: {encoder.fingerprint}, {encoder.dimension} numbers, at most "
            f"{encoder.max_seq_length} tokens, {encoder.dtype} on {encoder.device}"
        )
    lines.append(", ".join(f"{name} {version}" for name, version in evaluation.versions.items()))
    lines.append("In brackets: 95 % intervals of resampled questions. chance and majority look at no answer.")
    return [*lines, *evaluation.notes]


def markdown(evaluation: Evaluation) -> str:
    """The tables and what was measured as one Markdown document."""
    parts = ["# Evaluation of encoders\n"]
    for section in sections(evaluation):
        parts.append(f"## {escaped(section.title)}\n\n{escaped(section.note, 1000)}\n")
        lines = [section.columns, tuple("---" for _ in section.columns), *section.rows]
        cells = [lines[0], lines[1], *(tuple(map(escaped, row)) for row in section.rows)]
        parts.append("\n".join(f"| {' | '.join(row)} |" for row in cells) + "\n")
    notes = "\n".join(f"- {escaped(line, 2000)}" for line in measured(evaluation))
    return "\n".join([*parts, f"## What was measured\n\n{notes}\n"])


def percent(figure: Figure | None) -> str:
    """``68.0 (64.1–72.3)``, of a share; without an interval where there is none."""
    if figure is None:
        return ""
    shown = _number(100 * figure.value)
    return shown if figure.low is None or figure.high is None else f"{shown} ({_span(figure, 100)})"


def plain(figure: Figure | None, none: str) -> str:
    """``4.2 (3.1–9.0)``; an open interval ends in ∞."""
    if figure is None:
        return none
    shown = _number(figure.value)
    return shown if figure.low is None and figure.high is None else f"{shown} ({_span(figure, 1)})"


def _span(figure: Figure, by: float) -> str:
    low = "−∞" if figure.low is None else _number(by * figure.low)
    high = "∞" if figure.high is None else _number(by * figure.high)
    return f"{low}–{high}"


def _number(value: float) -> str:
    """With one decimal; 100 without, so that three intervals stand side by side in 80 columns."""
    return f"{value:.1f}".replace("100.0", "100").replace("-", "−")


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _identification(evaluation: Evaluation) -> Iterator[Section]:
    notes = {note.name: _corpus(note, evaluation.split) for note in evaluation.corpora}
    names = [*notes, *([MEAN] if len(notes) > 1 else [])]
    for name in names:
        rows = [row for row in evaluation.identification if row.corpus == name]
        note = notes.get(name, f"The mean of the {len(notes)} corpora, each alike.")
        yield Section(
            f"Value identification: {'all corpora' if name == MEAN else name}",
            f"{note} In %.",
            ("encoder", "method", "accuracy", "balanced", "weighted F1"),
            tuple(
                (
                    row.encoder,
                    row.method,
                    percent(row.accuracy),
                    percent(row.balanced_accuracy),
                    percent(row.weighted_f1),
                )
                for row in rows
            ),
        )
        if any(row.method == PROBE for row in rows):
            yield Section(
                f"Linear probe: {'all corpora' if name == MEAN else name}",
                "The value ID is among the first 1, 5 or 10. In %.",
                ("encoder", "method", *(f"acc@{k}" for k in ATS)),
                tuple((row.encoder, row.method, *(percent(row.at[k]) for k in ATS)) for row in rows if row.at),
            )


def _corpus(note: CorpusNote, split: str) -> str:
    shared = f", {note.shared_questions} of them in the reference too" if note.shared_questions else ""
    return (
        f"{note.value_ids} value IDs, split {split}: {note.reference_answers:,} reference answers to "
        f"{note.reference_questions:,} questions, {note.test_answers:,} test answers to {note.test_questions:,}"
        f"{shared}."
    )


def _control(evaluation: Evaluation) -> Iterator[Section]:
    for corpus in dict.fromkeys(row.corpus for row in evaluation.control):
        rows = [row for row in evaluation.control if row.corpus == corpus]
        first = rows[0]
        yield Section(
            f"{corpus} against the control {evaluation.settings['control']}",
            f"Balanced accuracy in % of the same {first.value_ids} value IDs with {first.reference_answers} reference "
            f"answers each on both sides (chance {100 * first.chance:.1f}); ratio: (values − chance) / (control − "
            "chance), — where the control is at chance. A large gap means that it is values that are found.",
            ("encoder", "method", "values", "control", "gap", "ratio"),
            tuple(
                (row.encoder, row.method, percent(row.values), percent(row.control), percent(row.gap),
                 plain(row.ratio, "—"))
                for row in rows
            ),
        )  # fmt: skip


def _novelty(evaluation: Evaluation) -> Iterator[Section]:
    for corpus in dict.fromkeys(row.corpus for row in evaluation.novelty):
        rows = [row for row in evaluation.novelty if row.corpus == corpus]
        unseen = {(row.encoder, row.method): row for row in rows if row.group == "unseen"}
        counts = {row.group: row.value_ids for row in rows}
        yield Section(
            f"Seen and unseen LLMs: {corpus}",
            f"Balanced accuracy in % of single answers over {counts['seen']} value IDs of seen LLMs and "
            f"{counts['unseen']} of LLMs left out of training; all of them are in the reference.",
            ("encoder", "method", "seen", "unseen"),
            tuple(
                (row.encoder, row.method, percent(row.balanced_accuracy),
                 percent(unseen[row.encoder, row.method].balanced_accuracy))
                for row in rows if row.group == "seen"
            ),
        )  # fmt: skip


def _curves(evaluation: Evaluation) -> Iterator[Section]:
    for corpus in dict.fromkeys(row.corpus for row in evaluation.profiles):
        rows = [row for row in evaluation.profiles if row.corpus == corpus]
        for group in dict.fromkeys(row.group for row in rows):
            own = [row for row in rows if row.group == group]
            yield Section(
                f"Whole profiles: {corpus}{'' if group == 'all' else f', {group} LLMs'}",
                f"Share in % of random profiles nearest to their own centroid, by answers (chance "
                f"{100 * own[0].chance:.1f}; IDs: value IDs with so many test answers).",
                ("answers", "IDs", *_names(own)),
                _by_size(own),
            )


def _views(evaluation: Evaluation) -> Iterator[Section]:
    for corpus in dict.fromkeys(row.corpus for row in evaluation.views):
        rows = [row for row in evaluation.views if row.corpus == corpus]
        yield Section(
            f"View size: {corpus}",
            f"Share in % of views of so many QAs, encoded as one text, nearest to their own centroid (chance "
            f"{100 * rows[0].chance:.1f}). What is longer than an encoder's input is cut.",
            ("QAs", "IDs", *_names(rows)),
            _by_size(rows),
        )


def _names(rows: Iterable[Profiles]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row.encoder for row in rows))


def _by_size(rows: Sequence[Profiles]) -> tuple[tuple[str, ...], ...]:
    found = {(row.size, row.encoder): row for row in rows}
    names = _names(rows)
    sizes = dict.fromkeys(row.size for row in rows)
    return tuple(
        (str(size), str(found[size, names[0]].value_ids), *(percent(found[size, name].accuracy) for name in names))
        for size in sizes
    )


def _translationese(evaluation: Evaluation) -> Iterator[Section]:
    rows = evaluation.translationese
    about = evaluation.translationese_note
    note = f"How often the source language of English text is found, in %; lower is better. {about}"
    for format in dict.fromkeys(row.format for row in rows):
        own = [row for row in rows if row.format == format]
        yield Section(
            f"Translationese, {format}",
            note,
            ("encoder", "method", "accuracy", "weighted F1", "acc@5"),
            tuple(
                (row.encoder, row.method, percent(row.accuracy), percent(row.weighted_f1), percent(row.at.get(5)))
                for row in own
            ),
        )
