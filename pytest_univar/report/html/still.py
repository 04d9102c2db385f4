"""The value map as it is printed, and shown where no script runs: one SVG, coloured by one grouping."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pytest_univar.maps import NOWHERE, Grouping, Series, ValueMap, look
from pytest_univar.maps.figure import AUDITED_SHAPES, COLOURS
from pytest_univar.report.html.markup import Html, el, joined, visible

NAMED = 12
"""Groups that are named on the map itself; more get the numbers of the legend."""

_WIDTH, _TALLEST, _EDGE = 900.0, 700.0, 14.0
_MOST, _TURNS = 5000, 4
_LETTER, _LINE, _LONGEST = 7.0, 17.0, 34

SHAPES = {
    "o": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "s": "M-3.5-3.5h7v7h-7z",
    "^": "M0-4.5l4.3 7.8h-8.6z",
    "D": "M0-4.8l4.2 4.8l-4.2 4.8l-4.2-4.8z",
    "v": "M0 4.5l4.3-7.8h-8.6z",
    "P": "M-1.5-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
    "X": "M0-4.6l4 2.3v4.6l-4 2.3l-4-2.3v-4.6z",
    "p": "M-4.6-4.6q4.6 2.6 9.2 0q-2.6 4.6 0 9.2q-4.6-2.6-9.2 0q2.6-4.6 0-9.2z",
    "*": "M0-6l1.5 4.2h4.3l-3.4 2.7l1.2 4.3l-3.6-2.5l-3.6 2.5l1.2-4.3l-3.4-2.7h4.3z",
}
"""The shapes of ``pytest_univar.maps.look`` around (0, 0), some 9 units wide; X and p as Bokeh has them filled."""
_DASHES = {"-": None, "--": "6 3", ":": "2 2.5", "-.": "6 2.5 2 2.5"}


def shapes() -> Html:
    """The shapes by their names, for every picture of the page."""
    symbols = [el("path", id=shape_id(shape), d=path) for shape, path in SHAPES.items()]
    return el("svg", el("defs", symbols), class_="hidden", aria_hidden="true", width="0", height="0")


def shape_id(shape: str) -> str:
    """Letters alone: an id that needs no quoting."""
    return f"shape-{ord(shape)}"


def swatch(code: int) -> Html:
    """The colour and shape of a group, for a legend."""
    return _swatch(look(code).marker if code != NOWHERE else "o", colour_class(code))


def audited_swatch(place: int) -> Html:
    return _swatch(AUDITED_SHAPES[place % len(AUDITED_SHAPES)], "audited")


def _swatch(shape: str, class_: str) -> Html:
    use = el("use", href=f"#{shape_id(shape)}")
    return el("svg", use, class_=f"swatch {class_}", viewBox="-7 -7 14 14", aria_hidden="true", focusable="false")


def colour_class(code: int) -> str:
    """Every group has one of the colours of ``look``, by its place among them."""
    return "c-none" if code == NOWHERE else f"c{code % len(COLOURS)}"


def still(value_map: ValueMap, grouping: Grouping, title: str) -> Html:
    """Bank and audited profiles; the bank's answers evenly thinned out above 5,000, which no paper shows apart."""
    bank = [(code, one) for code, one in enumerate(value_map.series) if not one.audited]
    audited = [one for one in value_map.series if one.audited]
    places = np.column_stack([np.concatenate([getattr(one, axis) for _, one in bank]) for axis in "xy"])
    series = np.concatenate([np.full(len(one.x), code) for code, one in bank])
    question = np.concatenate([np.array(one.question, dtype=np.intp) for _, one in bank])
    codes = np.array(grouping.codes, dtype=np.intp)[series if grouping.of == "series" else question]
    frame = _Frame(np.concatenate([places, *(np.column_stack([one.x, one.y]) for one in audited)]))
    kept = np.linspace(0, len(places) - 1, min(len(places), _MOST)).round().astype(int)
    parts = [
        *_hulls(grouping, frame),
        *_points(frame.of(places[kept]), codes[kept]),
        *(_answers(one, frame) for one in audited),
        *(_centroid(place, one, frame) for place, one in enumerate(audited)),
        *_labels(grouping, audited, frame),
    ]
    box = f"0 0 {_WIDTH:g} {frame.height:g}"
    return el("svg", parts, class_="still-map", viewBox=box, role="img", aria_label=title)


class _Frame:
    """From places on the map to those on the page, one scale for both axes; y grows downward there."""

    def __init__(self, places: npt.NDArray[np.float64]) -> None:
        low, high = places.min(axis=0), places.max(axis=0)
        extent = np.maximum(high - low, 1e-9)
        self.scale = float(min((_WIDTH - 2 * _EDGE) / extent[0], (_TALLEST - 2 * _EDGE) / extent[1]))
        self.height = round(float(extent[1]) * self.scale + 2 * _EDGE, 1)
        self._middle = (low + high) / 2

    def of(self, places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        shifted = (np.asarray(places, dtype=np.float64) - self._middle) * [self.scale, -self.scale]
        moved: npt.NDArray[np.float64] = (shifted + np.array([_WIDTH / 2, self.height / 2])).round(1)
        return moved


def _hulls(grouping: Grouping, frame: _Frame) -> list[Html]:
    few = "few" if len(grouping.labels) <= NAMED else "many"
    drawn = []
    for code, hull in enumerate(grouping.hulls):
        if len(hull) > 2:
            corners = "L".join(f"{x:g} {y:g}" for x, y in frame.of(np.array(hull)))
            dash = _DASHES[look(code).line]
            drawn.append(el("path", class_=f"hull {few} {colour_class(code)}", d=f"M{corners}z", stroke_dasharray=dash))
    return drawn


def _points(places: npt.NDArray[np.float64], codes: npt.NDArray[np.intp]) -> list[Html]:
    """Each group in several turns, so that none hides the others; a point is a line without length and round ends."""
    drawn = []
    for turn in range(_TURNS):
        for code in np.unique(codes).tolist():
            own = places[np.flatnonzero(codes == code)[turn::_TURNS]]
            if len(own):
                path = "".join(f"M{x:g} {y:g}h0" for x, y in own)
                drawn.append(el("path", class_=f"points {colour_class(code)}", d=path))
    return drawn


def _answers(one: Series, frame: _Frame) -> Html:
    places = frame.of(np.column_stack([one.x, one.y]))
    return el("path", class_="points audited", d="".join(f"M{x:g} {y:g}h0" for x, y in places))


def _centroid(place: int, one: Series, frame: _Frame) -> Html:
    x, y = frame.of(np.array([one.centroid]))[0]
    at = f"translate({x:g} {y:g})"
    parts = [
        el(
            "use", href=f"#{shape_id(AUDITED_SHAPES[place % len(AUDITED_SHAPES)])}", class_="mark",
            transform=f"{at} scale(1.6)",
        )
    ]  # fmt: skip
    if where := one.ellipse:
        turned = f"{at} rotate({-where.angle:g})"
        rx, ry = round(where.major * frame.scale, 1), round(where.minor * frame.scale, 1)
        parts[:0] = [el("ellipse", class_=class_, rx=rx, ry=ry, transform=turned) for class_ in ("rim", "ring")]
    return el("g", parts, class_="centroid")


def _labels(grouping: Grouping, audited: Sequence[Series], frame: _Frame) -> list[Html]:
    """Names, or the legend's numbers, beside the centroids, none on top of another or of an audited mark."""
    named = len(grouping.labels) <= NAMED
    texts = [short(one.label) for one in audited]
    texts += [short(label) if named else str(code + 1) for code, label in enumerate(grouping.labels)]
    classes = ["audited"] * len(audited) + [colour_class(code) for code in range(len(grouping.labels))]
    anchors = frame.of(np.array([*(one.centroid for one in audited), *grouping.centroids], dtype=np.float64)).tolist()
    taken = [_Box(x, y, *_room(one, frame.scale)) for one, (x, y) in zip(audited, anchors, strict=False)]
    leads, names = [], []
    for text, class_, (x, y) in zip(texts, classes, anchors, strict=True):
        box = _free(x, y, _LETTER * len(text) + 10, _LINE, frame.height, taken)
        taken.append(box)
        if math.dist((x, y), (box.x, box.y)) > _LINE:
            leads.append(el("line", class_=f"lead {class_}", x1=x, y1=y, x2=round(box.x, 1), y2=round(box.y, 1)))
        at = {"x": round(box.x, 1), "y": round(box.y + 4, 1)}
        names.append(el("text", text, class_=f"label {class_}", text_anchor="middle", **at))
    return leads + names


class _Box(NamedTuple):
    """x, y: its middle."""

    x: float
    y: float
    width: float
    height: float

    def touches(self, other: _Box) -> bool:
        return (
            abs(self.x - other.x) < (self.width + other.width) / 2
            and abs(self.y - other.y) < (self.height + other.height) / 2
        )


def _free(x: float, y: float, width: float, height: float, bottom: float, taken: Sequence[_Box]) -> _Box:
    """The place nearest to (x, y) for a box that touches no other one; (x, y) itself where there is none."""
    for away in range(0, 400, 6):
        for part in range(16):
            turn = part * math.pi / 8
            box = _Box(x + away * math.cos(turn), y + away * math.sin(turn), width, height)
            inside = width / 2 < box.x < _WIDTH - width / 2 and height / 2 < box.y < bottom - height / 2
            if inside and not any(map(box.touches, taken)):
                return box
    return _Box(x, y, width, height)


def _room(one: Series, scale: float) -> tuple[float, float]:
    """Width and height of the box around a centroid's mark and ellipse."""
    if one.ellipse is None:
        return 20.0, 20.0
    turn = math.radians(one.ellipse.angle)
    major, minor = one.ellipse.major * scale, one.ellipse.minor * scale
    width = math.hypot(major * math.cos(turn), minor * math.sin(turn))
    height = math.hypot(major * math.sin(turn), minor * math.cos(turn))
    return max(20.0, 2 * width), max(20.0, 2 * height)


def short(text: str) -> str:
    """A name that fits on the map; names differ at their end."""
    text = " ".join(visible(text).split())
    return text if len(text) <= _LONGEST else f"…{text[1 - _LONGEST :]}"


def legend(grouping: Grouping) -> Html:
    """The groups of the printed map."""
    numbered = len(grouping.labels) > NAMED
    items = [
        el(
            "li", swatch(code), f" {code + 1} " if numbered else " ",
            joined([el("bdi", label), f" ({count:,})"]),
        )
        for code, (label, count) in enumerate(zip(grouping.labels, grouping.counts, strict=True))
    ]  # fmt: skip
    return el("ul", items, class_="legend still-legend")
