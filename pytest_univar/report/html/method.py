"""How the figures came about, what they cost, and what they do not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_univar.audit import ProfileResult
from pytest_univar.findings import Reference
from pytest_univar.report import AuditResult
from pytest_univar.report.html.markup import Child, Html, el, joined, language_name, name, table
from pytest_univar.report.html.measures import titled
from pytest_univar.report.text import cost_of, counted, spending, tallies_of

_PROBLEMS = 20
"""Questions without an answer that are listed for a profile."""


def method_body(result: AuditResult) -> Html:
    reference = result.findings.reference if result.findings else None
    return joined(
        [
            limits_part(result, reference),
            el("h3", "How it was measured"),
            el("ol", [el("li", step) for step in _steps(result)]),
            answers_part(result.profiles) if result.profiles else None,
            reference_part(reference) if reference else _named_only(result),
            made_part(result),
        ]
    )


def _steps(result: AuditResult) -> list[str]:
    translated = any(profile.translator for profile in result.profiles)
    return [
        "The model was asked questions that bring values to light, and its answers were kept as they came."
        + (" Answers in other languages were brought to English by machine." if translated else ""),
        "Each question with its answer was turned into a point in a space of many dimensions, by an encoder that was "
        "trained to put answers of one model close together, whatever the question.",
        "The points of one model in one language are its profile, and their mean is its centre. Distances are between "
        "centres, corrected for how few the questions are; regions are found answer by answer.",
        "Intervals come from drawing the questions again and again, all answers to a question together.",
    ]


# ------------------------------------------------------------------------------------------------------------- limits


def limits_part(result: AuditResult, reference: Reference | None) -> Html:
    """The paper's own caveats, and those of this run."""
    limits = [
        (
            "It compares, and does not grade.",
            "A profile says how a model’s answers resemble those of other models. It does not say that its values are "
            "good, safe or right, nor how the model acts when it is not being asked.",
        ),
        (
            "The questions are not all there is.",
            "They were made from published lists of human values, and no such list is complete or settled. What is not "
            "asked is not seen, and other questions would shift every distance.",
        ),
        (
            "The bank is a sample of models and languages.",
            (
                f"It holds {counted(len(reference.value_ids), 'combination')} of a model and a language, in "
                f"{counted(len(reference.languages), 'language')}. " if reference else ""
            )
            + "The nearest known model is the nearest of these, not of all.",
        ),
        (
            "A language is not a culture.",
            "A region that is named after a culture groups answers by the language they were given in. Many cultures "
            "share a language, and who speaks it to a model need not live where its name points.",
        ),
        (
            "The space hears phrasing as well as values.",
            "It was trained to tell models apart, so habits of style are a part of every distance.",
        ),
        (
            "Answers vary.",
            "Another sampling of the same questions gives other answers. The intervals cover which questions were "
            "asked, not a changed prompt, another setting or a later version behind the same name.",
        ),
    ]  # fmt: skip
    if any(profile.translator for profile in result.profiles):
        limits.insert(
            4,
            (
                "Translation leaves traces.",
                "Machine translation makes errors, flattens what is particular to a culture, and has a tone of its "
                "own. A part of the distance between languages is the translator’s.",
            ),
        )
    items = [el("li", el("strong", title), " ", text) for title, text in limits]
    return joined([el("h3", "What this does not say"), el("ul", items, class_="limits")])


# ------------------------------------------------------------------------------------------------------------ answers


def answers_part(profiles: Sequence[ProfileResult]) -> Html:
    """What became of the questions, what a reader should know of the answers, and what they cost."""
    columns = {
        "asked": "asked", "kept": "kept", "refused": "of these refusals", "at_limit": "of these cut at the set length",
        "empty": "empty", "cut_off": "broken off", "missing": "missing", "untranslated": "not translated",
        "recorded": "from records",
    }  # fmt: skip
    rows: list[list[Child]] = [
        [name(titled(profile)), *(f"{getattr(profile.tally, key):,}" for key in columns)] for profile in profiles
    ]
    parts: list[Child] = [
        el("h3", "Answers", id="answers"),
        table("What became of the questions", ["profile", *columns.values()], rows, "figures"),
    ]
    parts += [_notes(profile) for profile in profiles]
    parts.append(_costs(profiles))
    return joined(parts)


def _notes(profile: ProfileResult) -> Html:
    facts: list[tuple[str, Child]] = [("questions", name(profile.questions))]
    if profile.samples > 1:
        facts.append(("answers to each", str(profile.samples)))
    if profile.params:
        facts.append(("sampling", name(", ".join(f"{key} {value}" for key, value in profile.params.items()))))
    if profile.translator:
        facts.append(("translator", name(profile.translator)))
    problems = list(profile.problems.items())
    listed = [el("li", el("code", question), " ", name(why)) for question, why in problems[:_PROBLEMS]]
    if len(problems) > _PROBLEMS:
        listed.append(el("li", f"and {len(problems) - _PROBLEMS} more"))
    warnings = [el("li", name(text)) for text in profile.warnings]
    title = joined([name(titled(profile)), f": {counted(len(warnings), 'note')}" if warnings else None])
    return el(
        "details",
        el("summary", title),
        el("ul", warnings, class_="warnings") if warnings else None,
        _facts(facts),
        [el("p", "No answer to:"), el("ul", listed)] if listed else None,
        open=bool(warnings),
    )


def _facts(facts: Sequence[tuple[str, Child]]) -> Html:
    return el("dl", [[el("dt", term), el("dd", fact)] for term, fact in facts])


def _costs(profiles: Sequence[ProfileResult]) -> Html:
    spent = spending(profiles)
    if not spent:
        return el("p", "Cost: nothing was asked in this run; all answers come from records.")
    rows = [
        [name(label), f"{tally.calls:,}", f"{tally.retries:,}", f"{tally.prompt_tokens:,}",
         f"{tally.completion_tokens:,}", cost_of([tally])]
        for label, tally in spent
    ]  # fmt: skip
    rows.append(["all", *_sums(profiles), cost_of(tallies_of(profiles))])
    head = ["asked", "calls", "repeated", "tokens in", "tokens out", "cost"]
    return table("What it cost", head, rows, "figures")


def _sums(profiles: Sequence[ProfileResult]) -> list[str]:
    tallies = tallies_of(profiles)
    return [
        f"{sum(getattr(tally, key) for tally in tallies):,}"
        for key in ("calls", "retries", "prompt_tokens", "completion_tokens")
    ]


# --------------------------------------------------------------------------------------------------------------- bank


def reference_part(reference: Reference) -> Html:
    """The bank, and whose answers it holds."""
    facts: list[tuple[str, Child]] = [
        ("bank", [name(reference.name), f", version {reference.version}"]),
        ("answers", f"{reference.rows:,} to {reference.questions:,} questions"),
        ("languages", ", ".join(language_name(code) for code in reference.languages)),
        ("groupings", "; ".join(f"{scheme} ({len(groups)})" for scheme, groups in reference.schemes.items()) or "none"),
        ("encoder", [name(reference.encoder), ", weights ", el("code", reference.encoder_sha256[:16] + "…")]),
        ("translated by", name(reference.translator) if reference.translator else "nobody: its answers are English"),
        ("sampled with", _settings_line(reference.answer_params) or "not known"),
        ("own distances", "known" if reference.calibrated else "not known: nothing to hold a distance against"),
    ]
    rows = [
        [name(str(source.get("name", ""))), name(str(source.get("licence", "unknown"))),
         name(str(source.get("credit", "")))]
        for source in reference.sources
    ]  # fmt: skip
    known = [el("li", name(value_id)) for value_id in reference.value_ids]
    return joined(
        [
            el("h3", "The bank it is held against"),
            _facts(facts),
            table("Whose answers the bank is made of", ["source", "licence", "credit"], rows) if rows else None,
            el("details", el("summary", f"The {len(known)} known models"), el("ul", known, class_="columns")),
        ]
    )


def _named_only(result: AuditResult) -> Html:
    return _facts([("encoder", name(result.encoder)), ("bank", name(result.bank))])


def made_part(result: AuditResult) -> Html | None:
    if result.made is None:
        return None
    versions = [(term, name(version)) for term, version in result.made.versions.items()]
    settings = [(term, name(_shown(value))) for term, value in result.made.settings.items()]
    return joined(
        [
            el("h3", "Versions and settings"),
            el("p", "Made ", el("time", _moment(result.made.created), datetime=result.made.created), "."),
            el("div", [el("div", el("h4", "Versions"), _facts(versions)),
                       el("div", el("h4", "Settings"), _facts(settings))], class_="two"),
        ]
    )  # fmt: skip


def _moment(created: str) -> str:
    """``2026-11-21T13:19:27+00:00`` → ``2026-11-21 13:19 (+00:00)``."""
    return f"{created[:10]} {created[11:16]} ({created[19:] or 'local time'})"


def _settings_line(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in settings.items())


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return _settings_line(value)
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
