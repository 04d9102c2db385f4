"""A value map as a picture, PNG or SVG, drawn by matplotlib (the extra ``map``) without a display or global state.

The colours are Paul Tol's "muted" ones, which can be told apart with any colour vision; with more groups than colours
the shape of the points and the line of the hull change too. Black is what is audited.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pytest_univar.errors import MissingExtraError
from pytest_univar.maps.content import NOWHERE, Grouping, Series, ValueMap
from pytest_univar.maps.labels import spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#332288", "#CC6677", "#117733", "#88CCEE", "#AA4499", "#DDCC77", "#44AA99", "#882255", "#999933")
SHAPES, LINES = ("o", "s", "^", "D", "v", "P", "X", "p"), ("-", "--", ":", "-.")
AUDITED_SHAPES = ("*", "P", "X", "D", "s", "^", "v", "o")
AUDITED, ELSEWHERE = "#000000", "#BBBBBB"

Format: TypeAlias = Literal["png", "svg"]

_WIDTH, _HEIGHT, _TALLEST, _DPI = 12.0, 8.0, 11.0, 150  # inches, dots an inch
_ROW, _COLUMN, _MARGIN = 0.175, 3.0, 1.2  # inches: of the legend, of what is above and below the map
_NAMED = 12  # groups that are named on the map itself; more get numbers
_LONGEST = 44  # characters of a label
_FRAME = 5.0  # points that a label's frame, with a little air, adds to its text
_TURNS = 5  # points are laid down in turns, so that no group hides the others
_STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": 9,
    "text.parse_math": False,  # a $ in the name of an LLM is a $
    "svg.hashsalt": "pytest-univar",
    "axes.edgecolor": "#888888",
    "axes.linewidth": 0.6,
}


class Look(NamedTuple):
    """How the points of one group look, and the line of its hull, as matplotlib calls it."""

    colour: str
    marker: str
    line: str = "-"


class _Columns(NamedTuple):
    """All drawn answers of the bank: places ``[n, 2]`` and the codes ``[n]`` of their series and questions."""

    places: npt.NDArray[np.float64]
    series: npt.NDArray[np.intp]
    question: npt.NDArray[np.intp]

    def codes(self, grouping: Grouping) -> npt.NDArray[np.intp]:
        of_each = np.array(grouping.codes, dtype=np.intp)
        return of_each[self.series if grouping.of == "series" else self.question]


def look(code: int) -> Look:
    """Of a group by its code."""
    if code == NOWHERE:
        return Look(ELSEWHERE, ".")
    turn, place = divmod(code, len(COLOURS))
    return Look(COLOURS[place], SHAPES[turn % len(SHAPES)], LINES[turn % len(LINES)])


def picture(value_map: ValueMap, format: Format, by: str, panels: str | None = None) -> bytes:
    """The figure as a PNG (1800 pixels wide or more) or an SVG; the same map gives the same bytes.

    UsageError for groupings that the map does not have; MissingExtraError where matplotlib is not installed.
    """
    data = io.BytesIO()
    with _matplotlib().rc_context(_STYLE):
        figure = draw(value_map, by, panels)
        unstable = "Date" if format == "svg" else "Software"
        figure.savefig(data, format=format, dpi=_DPI, metadata={unstable: None})
    return data.getvalue()


def draw(value_map: ValueMap, by: str, panels: str | None = None) -> Figure:
    """The figure: answers of the bank coloured by one grouping, audited profiles in black.

    panels: a grouping with a panel for each of its groups, all of one scale, each over all answers in grey.
    """
    grouping = value_map.grouping(by)
    split = value_map.grouping(panels) if panels else None
    audited = [one for one in value_map.series if one.audited]
    columns = _columns(value_map)
    with _matplotlib().rc_context(_STYLE):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
        FigureCanvasAgg(figure)
        _title(figure, value_map, grouping, split, bool(audited))
        _legend(figure, columns, grouping, audited, numbered=not split and len(grouping.labels) > _NAMED)
        if split:
            _panels(figure, columns, grouping, split, audited)
        else:
            ax = figure.subplots()
            _hulls(ax, grouping)
            _points(ax, columns.places, columns.codes(grouping), size=11)
            _audited(ax, audited, answers=True)
            _axes(ax, value_map)
            _labels(figure, ax, grouping, audited)
    return figure


# ------------------------------------------------------------------------------------------------------- inner parts


def _matplotlib() -> Any:
    try:
        import matplotlib
    except ImportError as exc:
        raise MissingExtraError("matplotlib", "map", "a map as a picture") from exc
    return matplotlib


def _columns(value_map: ValueMap) -> _Columns:
    bank = [(code, one) for code, one in enumerate(value_map.series) if not one.audited]
    return _Columns(
        np.column_stack([np.concatenate([one.x for _, one in bank]), np.concatenate([one.y for _, one in bank])]),
        np.concatenate([np.full(len(one.x), code) for code, one in bank]),
        np.concatenate([np.array(one.question, dtype=np.intp) for _, one in bank]),
    )


def _points(ax: Axes, places: npt.NDArray[np.float64], codes: npt.NDArray[np.intp], size: float) -> None:
    for turn in range(_TURNS):
        for code in np.unique(codes):
            own = np.flatnonzero(codes == code)[turn::_TURNS]
            colour, marker, _ = look(int(code))
            x, y = places[own].T
            ax.scatter(x, y, s=size, c=colour, marker=marker, alpha=0.5, linewidths=0, zorder=2)


def _hulls(ax: Axes, grouping: Grouping) -> None:
    from matplotlib.patches import Polygon

    few = len(grouping.labels) <= _NAMED
    for code, hull in enumerate(grouping.hulls):
        if len(hull) > 2:
            colour, _, line = look(code)
            if few:
                ax.add_patch(Polygon(hull, facecolor=colour, edgecolor="none", alpha=0.07, zorder=1))
            width, alpha = (1.4, 0.9) if few else (0.8, 0.6)
            edge = Polygon(hull, fill=False, edgecolor=colour, linestyle=line, linewidth=width, alpha=alpha, zorder=3)
            ax.add_patch(edge)


def _audited(ax: Axes, audited: Sequence[Series], answers: bool) -> None:
    from matplotlib.patches import Ellipse

    for code, one in enumerate(audited):
        if answers:
            ax.scatter(one.x, one.y, s=18, c=AUDITED, marker=".", alpha=0.7, linewidths=0, zorder=4)
        if one.ellipse:
            where = one.ellipse
            for colour, width in (("white", 3.2), (AUDITED, 1.4)):  # a light rim, so that it shows on any colour
                ring = Ellipse((where.x, where.y), 2 * where.major, 2 * where.minor, angle=where.angle, fill=False)
                ring.set(edgecolor=colour, linewidth=width, zorder=5)
                ax.add_patch(ring)
        marker = AUDITED_SHAPES[code % len(AUDITED_SHAPES)]
        ax.scatter(*one.centroid, s=45, c=AUDITED, marker=marker, edgecolors="white", linewidths=0.7, zorder=6)


def _axes(ax: Axes, value_map: ValueMap) -> None:
    ax.margins(0.04)
    ax.set_aspect("equal", adjustable="datalim")
    ax.tick_params(colors="#666666", labelsize=8)
    if value_map.explained:
        x, y = (f"component {axis} ({share:.1%} of the variance)" for axis, share in enumerate(value_map.explained, 1))
        ax.set(xlabel=x, ylabel=y)
    else:
        ax.set(xticks=[], yticks=[])


def _panels(figure: Figure, columns: _Columns, grouping: Grouping, split: Grouping, audited: Sequence[Series]) -> None:
    """The figure becomes as high as the panels are, of the width there is, but not lower than the legend."""
    across = math.ceil(math.sqrt(len(split.labels)))
    down = math.ceil(len(split.labels) / across)
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
    width, height = np.ptp(columns.places, axis=0)
    panel_height = (_WIDTH - _COLUMN) / across * (height / width if width else 1.0)
    legend = _ROW * (len(grouping.labels) + len(audited)) + _MARGIN
    figure.set_figheight(min(_TALLEST, max(legend, down * (panel_height + 0.3) + _MARGIN)))
    panel_of, codes = columns.codes(split), columns.codes(grouping)
    for panel, ax in enumerate(grid):
        if panel >= len(split.labels):
            ax.remove()
            continue
        own = panel_of == panel
        ax.scatter(*columns.places.T, s=5, c="#CCCCCC", marker=".", linewidths=0, zorder=1)
        _points(ax, columns.places[own], codes[own], size=7)
        _audited(ax, audited, answers=False)
        ax.set(xticks=[], yticks=[])
        ax.set_aspect("equal", adjustable="box")
        few = across < 4
        title = _title_of(split, panel, _LONGEST) if few else _plain(split.labels[panel], 160 // across)
        ax.set_title(title, fontsize=9 if few else 7)


def _legend(figure: Figure, columns: _Columns, grouping: Grouping, audited: Sequence[Series], numbered: bool) -> None:
    """In as many columns as it needs; the figure becomes higher and wider for it."""
    from matplotlib.lines import Line2D

    def entry(look: Look, label: str) -> Line2D:
        colour, marker, _ = look
        label = f" {label}"  # matplotlib leaves out labels that begin with _
        return Line2D([], [], linestyle="none", color=colour, marker=marker, markersize=6, mew=0, label=label)

    handles = [
        entry(look(code), f"{code + 1}  " * numbered + _title_of(grouping, code, _LONGEST))
        for code in range(len(grouping.labels))
    ]
    if NOWHERE in columns.codes(grouping):
        handles.append(entry(look(NOWHERE), "in none of them"))
    if audited:
        handles.append(entry(Look("none", "."), "audited (answers)"))
        handles += [
            entry(Look(AUDITED, AUDITED_SHAPES[code % len(AUDITED_SHAPES)]), f"{_plain(one.label)} ({one.n:,})")
            for code, one in enumerate(audited)
        ]
    across = math.ceil(_ROW * len(handles) / (_TALLEST - _MARGIN))
    needed = _ROW * math.ceil(len(handles) / across) + _MARGIN
    figure.set_size_inches(_WIDTH + _COLUMN * (across - 1), max(_HEIGHT, needed))
    figure.legend(
        handles=handles,
        loc="outside right upper",
        ncols=across,
        title=f"{_plain(grouping.name)} (answers)",
        alignment="left",
        frameon=False,
        fontsize=8,
        title_fontsize=9,
        handletextpad=0.0,
        labelspacing=0.35,
    )


def _title(figure: Figure, value_map: ValueMap, grouping: Grouping, split: Grouping | None, audited: bool) -> None:
    title = f"{_plain(value_map.bank)}: value map by {_plain(grouping.name)}"
    if split:
        title += f", a panel for each {_plain(split.name)}"
    method = f"{value_map.method.upper()} fitted on the bank"
    if value_map.explained:
        method += f", {sum(value_map.explained):.1%} of the variance on the map"
    else:
        method += f" (seed {value_map.seed}): near is alike, far and sizes mean little"
    value_ids = sum(not one.audited for one in value_map.series)
    notes = [method, f"{value_map.shown:,} of {value_map.n:,} answers of {value_ids} value IDs drawn"]
    if not split:
        notes.append(f"outlines: the {value_map.hull_share:.0%} of a group's answers nearest to its centroid")
    if audited:
        what = "the audited centroid" if value_map.explained else "the mean of their places"
        dots = "" if split else "audited answers, and "
        notes.append(f"black: {dots}where {what} lies with {value_map.confidence:.0%} confidence")
    figure.suptitle(textwrap.fill(title, 80), x=0.012, ha="left", fontsize=14)
    figure.supxlabel(textwrap.fill(" · ".join(notes), 190), x=0.012, ha="left", fontsize=8, color="#444444")


def _labels(figure: Figure, ax: Axes, grouping: Grouping, audited: Sequence[Series]) -> None:
    """Names, or the numbers of the legend, beside the centroids, none on top of another."""
    named = len(grouping.labels) <= _NAMED
    texts = [_plain(label) if named else str(code + 1) for code, label in enumerate(grouping.labels)]
    places = [*grouping.centroids, *(one.centroid for one in audited)]
    colours = [look(code).colour for code in range(len(texts))] + [AUDITED] * len(audited)
    texts += [_plain(one.label) for one in audited]
    notes = []
    for text, place, colour in zip(texts, places, colours, strict=True):
        note = ax.annotate(
            text,
            place,
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=9 if named else 8,
            color="#111111",
            zorder=8,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": colour, "alpha": 0.85},
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0},
        )
        note.set_in_layout(False)
        notes.append(note)
    figure.draw_without_rendering()  # the layout must be settled before anything is measured
    dots = 72 / figure.dpi
    anchors = ax.transData.transform(places) * dots
    sizes = np.array([note.get_window_extent().size for note in notes]) * dots + _FRAME
    marks = anchors[len(grouping.labels) :]
    rooms = np.array([_room(one, ax) for one in audited]).reshape(-1, 2) * dots
    bounds = ax.get_window_extent()
    centres = spread(
        np.concatenate([anchors, marks]),
        np.concatenate([sizes, np.maximum(rooms, 14.0)]),
        (bounds.x0 * dots, bounds.y0 * dots, bounds.x1 * dots, bounds.y1 * dots),
        fixed=len(marks),
    )
    for note, anchor, centre in zip(notes, anchors, centres, strict=False):
        note.set_position(tuple(centre - anchor))


def _room(one: Series, ax: Axes) -> npt.NDArray[np.float64]:
    """Width and height, in dots, of the box around an audited centroid's ellipse."""
    if one.ellipse is None:
        return np.zeros(2)
    turn = math.radians(one.ellipse.angle)
    along, across = np.array([math.cos(turn), math.sin(turn)]), np.array([math.sin(turn), math.cos(turn)])
    reach = np.hypot(one.ellipse.major * along, one.ellipse.minor * across)
    room: npt.NDArray[np.float64] = 2 * np.abs(ax.transData.transform(reach) - ax.transData.transform((0, 0)))
    return room


def _title_of(grouping: Grouping, code: int, longest: int) -> str:
    return f"{_plain(grouping.labels[code], longest)} ({grouping.counts[code]:,})"


def _plain(text: str, longest: int = _LONGEST) -> str:
    """As it can be drawn: no control characters, and not too long (names differ at the end)."""
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return text if len(text) <= longest else f"…{text[1 - longest :]}"
