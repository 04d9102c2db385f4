"""The value map of the page: what its script draws from, the controls, and the same in tables."""

from __future__ import annotations

import math
from typing import Any

from pytest_univar.maps import NOWHERE, Grouping, Series, ValueMap, look
from pytest_univar.maps.figure import AUDITED_SHAPES
from pytest_univar.report.html import still
from pytest_univar.report.html.markup import (
    Child,
    Html,
    data,
    el,
    joined,
    language_name,
    name,
    table,
    visible,
)
from pytest_univar.report.html.plot import MARGINS, plot_item

_TITLES = {"llm": "model", "corpus": "source of the question"}
_MOST_COLUMNS = 8
"""Audited profiles that a table of distances has columns for."""


def title_of(grouping: Grouping) -> str:
    return _TITLES.get(grouping.name, grouping.name)


def first_grouping(value_map: ValueMap) -> str:
    """The grouping that is shown first: the language where there are several, else the bank's first scheme of few
    groups, else the model."""
    groups = {grouping.name: len(grouping.labels) for grouping in value_map.groupings if grouping.of == "series"}
    order = ["culture", "language", *(each for each in groups if each != "llm")]
    return next((each for each in order if 2 <= groups.get(each, 0) <= still.NAMED), "llm")


def map_section(value_map: ValueMap, by: str) -> Html:
    """Everything about the map below its heading; ``map.js`` finds its parts by their ids."""
    grouping = value_map.grouping(by)
    audited = [one for one in value_map.series if one.audited]
    title = f"Map of the bank {value_map.bank} by {title_of(grouping)}" + (
        f", with {', '.join(one.label for one in audited)}" if audited else ""
    )
    return joined(
        [
            _explanation(value_map, audited),
            still.shapes(),
            _live(value_map, grouping, title, bool(audited)),
            el(
                "figure",
                still.still(value_map, grouping, title),
                still.legend(grouping),
                _audited_legend(audited),
                id="map-still",
            ),
            el("p", _caption(value_map), class_="note"),
            _tables(value_map, audited),
            data(_content(value_map, by), "map-data"),
        ]
    )


def _explanation(value_map: ValueMap, audited: list[Series]) -> Html:
    text = (
        "Every dot is one answer. Answers lie close together where they express similar values, as far as two "
        "dimensions can show it. Coloured dots are answers of the known models in the bank"
    )
    if not audited:
        return el("p", f"{text}.")
    where = "centre" if value_map.explained else "mean place"
    ring = f", and the ring around it says where that {where} lies with {value_map.confidence:.0%} confidence"
    return el(
        "p",
        f"{text}; the audited ones are ",
        el("span", "black", class_="light-word"),
        el("span", "white", class_="dark-word"),
        f". A large mark is the {where} of an audited model’s answers in one language{ring}.",
    )


def _caption(value_map: ValueMap) -> str:
    if value_map.explained:
        how = (
            f"The two axes carry {sum(value_map.explained):.0%} of the differences between the bank's answers (PCA): "
            "profiles that lie together here may be apart in what the map leaves out, so verdicts rest on distances in "
            "all dimensions, not on the map."
        )
    else:
        how = (
            "The map keeps neighbours together (UMAP): near is alike, but long ways and the sizes of groups mean "
            "little, so verdicts rest on distances in all dimensions, not on the map."
        )
    few = ""
    if value_map.shown < value_map.n:
        few = f" {value_map.shown:,} of the bank’s {value_map.n:,} answers are drawn."
    outlines = f" Outlines hold the {value_map.hull_share:.0%} of a group’s answers nearest to its centre."
    return how + few + outlines


# ---------------------------------------------------------------------------------------------------------- controls


def _live(value_map: ValueMap, grouping: Grouping, title: str, audited: bool) -> Html:
    """Hidden until the script has drawn the map."""
    ways = [el("option", title_of(each), value=str(place), selected=each is grouping)
            for place, each in enumerate(value_map.groupings)]  # fmt: skip
    languages = sorted({(language_name(one.language), one.language) for one in value_map.series})
    spoken = [el("option", text, value=code) for text, code in languages]
    llms = sorted({one.llm for one in value_map.series}, key=str.casefold)
    regions = [
        el(
            "optgroup",
            [el("option", label, value=f"{place}:{code}") for code, label in enumerate(each.labels)],
            label=title_of(each),
        )
        for place, each in enumerate(value_map.groupings)
        if each.name not in ("language", "llm") and len(each.labels) > 1
    ]
    filters = [
        _select("map-by", "Colour by", ways),
        _select("map-language", "Language", [_all("all"), *spoken]),
        _select("map-region", "Region", [_all("all"), *regions]) if regions else None,
        _select("map-llm", "Model", [_all("all"), *(el("option", llm, value=llm) for llm in llms)]),
    ]
    boxes = [
        _box("map-show-bank", "Bank’s answers"),
        _box("map-show-hulls", "Outlines"),
        _box("map-show-audited", "Audited answers") if audited else None,
        _box("map-keep", "Audited stay, whatever is filtered") if audited else None,
    ]
    plot = el(
        "div", id="map-plot", tabindex="0", role="application", aria_label=title,
        aria_describedby="map-help", aria_roledescription="value map",
    )  # fmt: skip
    zoom = [
        el("button", sign, type="button", id=id, aria_label=text)
        for sign, id, text in (
            ("+", "map-in", "Zoom in"),
            ("−", "map-out", "Zoom out"),
            ("⤢", "map-whole", "Whole map"),
        )
    ]
    return el(
        "div",
        el("div", filters, class_="filters", role="group", aria_label="Filters of the map"),
        el("div", boxes, class_="filters boxes", role="group", aria_label="What the map shows"),
        el("p", class_="note", role="status", id="map-status"),
        el(
            "div",
            el(
                "div",
                el("div", zoom, class_="zoom", role="group", aria_label="Zoom"),
                el(
                    "div",
                    plot,
                    el("div", id="map-tip", hidden=True, aria_hidden="true"),
                    class_="stack",
                ),
                class_="map-box",
            ),
            el("div", id="map-legend", class_="legend", role="group", aria_label="Legend: what is drawn"),
            class_="map-grid",
        ),
        el(
            "p",
            "Point at a dot, or step through them with the arrow keys when the map has the focus: left and right from "
            "answer to answer, up and down from model to model. + and − zoom, 0 shows the whole map.",
            id="map-help",
            class_="note",
        ),
        el("div", class_="panel", id="map-said", tabindex="0", role="group", aria_label="The chosen answer"),
        el("p", class_="unseen", role="status", id="map-spoken"),
        id="map-live",
        hidden=True,
    )


def _select(id: str, label: str, options: list[Html]) -> Html:
    return el("div", el("label", label, for_=id), el("select", options, id=id), class_="field")


def _all(text: str) -> Html:
    return el("option", text, value="")


def _box(id: str, label: str) -> Html:
    return el("label", el("input", type="checkbox", id=id, checked=True), f" {label}", class_="check")


def _audited_legend(audited: list[Series]) -> Html | None:
    if not audited:
        return None
    items = [
        el("li", still.audited_swatch(place), " ", name(one.label), f" ({one.n:,}, audited)")
        for place, one in enumerate(audited)
    ]
    return el("ul", items, class_="legend still-legend")


# ------------------------------------------------------------------------------------------------------------ tables


def _tables(value_map: ValueMap, audited: list[Series]) -> Html:
    """The map for those who do not see it: where the groups' and the audited centres lie, and how far apart."""
    columns = audited[:_MOST_COLUMNS]
    parts = [_centres(audited, value_map.confidence)] if audited else []
    for grouping in value_map.groupings:
        if not grouping.labels:
            continue
        head: list[Child] = [
            title_of(grouping),
            "answers",
            "x",
            "y",
            *(joined(["to ", name(c.label)]) for c in columns),
        ]
        rows = [
            [name(label), f"{count:,}", f"{at[0]:.3f}", f"{at[1]:.3f}",
             *(f"{math.dist(at, one.centroid):.3f}" for one in columns)]
            for label, count, at in zip(grouping.labels, grouping.counts, grouping.centroids, strict=True)
        ]  # fmt: skip
        of = "Centres of the bank’s answers on the map, by " + title_of(grouping)
        parts.append(table(of + (", and how far the audited centres are" if columns else ""), head, rows, "figures"))
    return el("details", el("summary", "The map as tables"), parts, class_="screen")


def _centres(audited: list[Series], confidence: float) -> Html:
    rows: list[list[Child]] = []
    for one in audited:
        ring = one.ellipse
        half = f"{ring.major:.3f} × {ring.minor:.3f}" if ring else "too few questions"
        rows.append([name(one.label), f"{one.n:,}", f"{one.centroid[0]:.3f}", f"{one.centroid[1]:.3f}", half])
    head = ["audited", "answers", "x", "y", f"half axes of the {confidence:.0%} ring"]
    return table("Audited centres on the map", head, rows, "figures")


# -------------------------------------------------------------------------------------------------------------- data


def _content(value_map: ValueMap, by: str) -> dict[str, Any]:
    """Columns and codes; texts are made visible here, so that the script may show them as they come."""
    texts: dict[str, int] = {}

    def place_of(text: str) -> int:
        return texts.setdefault(visible(text.strip()), len(texts))

    known: dict[int, int] = {}
    for one in sorted(value_map.series, key=lambda one: one.language != "eng"):
        for code, (question, _) in zip(one.question, one.texts, strict=False):
            known.setdefault(code, place_of(question))
    marks = iter(AUDITED_SHAPES[place % len(AUDITED_SHAPES)] for place in range(len(value_map.series)))
    series = [
        {
            "label": visible(one.label),
            "llm": visible(one.llm),
            "language": one.language,
            "languageName": language_name(one.language),
            "audited": one.audited,
            "n": one.n,
            "x": one.x,
            "y": one.y,
            "question": one.question,
            "asked": [place_of(question) for question, _ in one.texts],
            "answers": [visible(answer.strip()) for _, answer in one.texts],
            "centroid": one.centroid,
            "ellipse": [one.ellipse.x, one.ellipse.y, one.ellipse.major, one.ellipse.minor, one.ellipse.angle]
            if one.ellipse
            else None,
            "shape": next(marks) if one.audited else None,
        }
        for one in value_map.series
    ]
    return {
        "by": [grouping.name for grouping in value_map.groupings].index(by),
        "margins": MARGINS,
        "plot": plot_item(value_map.explained),
        "questions": [visible(id) for id in value_map.questions],
        "known": {str(code): place for code, place in known.items()},
        "texts": list(texts),
        "series": series,
        "groupings": [
            {
                "title": title_of(grouping),
                "of": grouping.of,
                "labels": [visible(label) for label in grouping.labels],
                "codes": grouping.codes,
                "counts": grouping.counts,
                "centroids": grouping.centroids,
                "hulls": grouping.hulls,
                "looks": [[still.colour_class(code), look(code).marker, look(code).line] for code in
                          range(len(grouping.labels))],
            }
            for grouping in value_map.groupings
        ],
        "nowhere": NOWHERE,
    }  # fmt: skip
