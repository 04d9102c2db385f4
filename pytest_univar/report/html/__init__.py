"""The report as one HTML file, for people without a terminal: it asks for nothing and runs nothing but its own scripts.

``page`` is the file, ``markup`` how texts get into it; the other modules are its sections, in their order: ``verdict``,
``value_map`` (with ``still``, the map on paper, and ``map.js``, the one on the screen), ``measures``, ``evidence``,
``method``. ``charts`` are the small pictures. The map on the screen is drawn by BokehJS, which the package bokeh
(the extra ``html``) brings along and which is copied into the file.
"""

from __future__ import annotations

from pytest_univar.maps import ValueMap
from pytest_univar.report import AuditResult
from pytest_univar.report.html.evidence import evidence_body
from pytest_univar.report.html.markup import Child, Html, el, name
from pytest_univar.report.html.measures import measures_body
from pytest_univar.report.html.method import method_body
from pytest_univar.report.html.page import Section, page
from pytest_univar.report.html.plot import check_html
from pytest_univar.report.html.value_map import first_grouping, map_section
from pytest_univar.report.html.verdict import verdict_body
from pytest_univar.report.text import counted, models_of

__all__ = ["check_html", "render_html", "render_map"]


def render_html(result: AuditResult) -> str:
    """The whole report. MissingExtraError where it has a map and bokeh is not installed."""
    value_map = result.findings.map if result.findings else None
    bodies: list[tuple[str, str, Html | None]] = [
        ("verdict", "Verdict", verdict_body(result)),
        ("map", "Value map", map_section(value_map, first_grouping(value_map)) if value_map else None),
        ("measures", "Distances and regions", measures_body(result)),
        ("evidence", "What was said", evidence_body(result)),
        ("method", "Method and limits", method_body(result)),
    ]
    sections = [Section(id, title, body) for id, title, body in bodies if body is not None]
    return page("Value audit", _lead(result), sections, has_map=value_map is not None)


def render_map(value_map: ValueMap, by: str) -> str:
    """The map alone, coloured by one grouping at first; UsageError for one that the map does not have."""
    value_map.grouping(by)
    section = Section("map", "Value map", map_section(value_map, by))
    lead = el("p", "The bank ", name(value_map.bank), f", version {value_map.bank_version}.", class_="lead")
    return page(f"Value map of {value_map.bank}", lead, [section], has_map=True)


def _lead(result: AuditResult) -> Html:
    """Who was audited, against what, and when."""
    models, languages = models_of(result), {profile.language for profile in result.profiles}
    known = result.findings.reference if result.findings else None
    parts: list[Child] = []
    for place, model in enumerate(models):
        parts += [", " if place else "", el("strong", name(model))]
    if models:
        parts.append(f", in {counted(len(languages), 'language')}, ")
    parts += ["held against the bank ", name(result.bank)]
    if known:
        parts.append(f" of {counted(len(known.value_ids), 'known model')}")
    if result.made:
        parts.append(f", {result.made.created[:10]}")
    return el("p", parts, ".", class_="lead")
