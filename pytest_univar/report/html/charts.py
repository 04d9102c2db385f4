"""Small pictures in lines of a table, and the path of checkpoints: SVG without any style of its own.

Each stands beside its figures, which say the same, so that the small ones are hidden from screen readers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pytest_univar.report.html.markup import Html, el

_HEIGHT, _EDGE = 24.0, 8.0


class Scale(NamedTuple):
    """Values from ``low`` to ``high``, laid along a strip of some width. ticks: round values between them."""

    low: float
    high: float
    ticks: tuple[float, ...]
    width: float

    def place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(_EDGE + min(max(share, 0.0), 1.0) * (self.width - 2 * _EDGE), 1)


def scale_of(values: Iterable[float], *, width: float = 200.0, from_zero: bool = False) -> Scale:
    """A scale that holds all the values with some room."""
    known = [*values, *([0.0] if from_zero else [])]
    low, high = min(known), max(known)
    room = (high - low) * 0.08 or 0.1
    low, high = (low if from_zero and low == 0 else low - room), high + room
    step = _step((high - low) / 4)
    first = math.ceil(low / step - 1e-9)
    ticks = tuple(round(step * place, 10) for place in range(first, math.floor(high / step + 1e-9) + 1))
    return Scale(low, high, ticks, width)


def _step(rough: float) -> float:
    """The next larger of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(each * power for each in (1, 2, 5, 10) if each * power >= rough * 0.999)


def strip(
    scale: Scale,
    estimate: float,
    interval: tuple[float, float] | None,
    thresholds: Sequence[float] = (),
    word: str = "plain",
) -> Html:
    """One estimate as a dot on its interval, thresholds as upright dashes. word: how it is coloured."""
    middle = _HEIGHT / 2
    parts = [el("line", class_="tick", x1=at, x2=at, y1=0, y2=_HEIGHT) for at in map(scale.place, scale.ticks)]
    for threshold in thresholds:
        at = scale.place(threshold)
        parts.append(el("line", class_="threshold", x1=at, x2=at, y1=1, y2=_HEIGHT - 1))
    if interval:
        low, high = map(scale.place, interval)
        parts.append(el("line", class_="interval", x1=low, x2=high, y1=middle, y2=middle))
        parts += [el("line", class_="end", x1=at, x2=at, y1=middle - 4, y2=middle + 4) for at in (low, high)]
    parts.append(el("circle", class_="estimate", cx=scale.place(estimate), cy=middle, r=4.5))
    return _picture(parts, f"strip {word}", scale.width)


def axis(scale: Scale) -> Html:
    """The values that the upright lines of the strips above or below stand for."""
    return _picture([_tick_text(scale.place(tick), f"{tick:g}") for tick in scale.ticks], "strip axis", scale.width, 16)


def _tick_text(at: float, text: str) -> Html:
    return el("text", text, x=at, y=12, text_anchor="middle")


def bar(share: float, interval: tuple[float, float] | None = None) -> Html:
    """A share as a bar from 0 to 1, with its interval where there is one."""
    whole = Scale(0.0, 1.0, (), 140.0)
    left, right, middle = whole.place(0), whole.place(1), _HEIGHT / 2
    parts = [
        el("rect", class_="ground", x=left, y=6, width=round(right - left, 1), height=_HEIGHT - 12),
        el("rect", class_="share", x=left, y=6, width=round(whole.place(share) - left, 1), height=_HEIGHT - 12),
    ]
    if interval:
        low, high = map(whole.place, interval)
        parts.append(el("line", class_="interval", x1=low, x2=high, y1=middle, y2=middle))
        parts += [el("line", class_="end", x1=at, x2=at, y1=middle - 4, y2=middle + 4) for at in (low, high)]
    return _picture(parts, "strip bar", whole.width)


def _picture(parts: Sequence[Html], class_: str, width: float, height: float = _HEIGHT) -> Html:
    box = f"0 0 {width:g} {height:g}"
    return el(
        "svg", parts, class_=class_, viewBox=box, width=width, height=height, aria_hidden="true", focusable="false"
    )


class Line(NamedTuple):
    """A line of the path: an estimate with its interval at each checkpoint, None where there is none."""

    label: str
    class_: str
    points: tuple[tuple[float, tuple[float, float]] | None, ...]


def path(lines: Sequence[Line], steps: int, title: str) -> Html:
    """Lines over the checkpoints in their order, numbered from 1; their bands are the intervals."""
    known = [value for line in lines for point in line.points if point for value in (point[0], *point[1])]
    scale = scale_of(known, from_zero=True)
    width, height, left, right, top, bottom = 640.0, 260.0, 44.0, 12.0, 12.0, 30.0

    def x(step: int) -> float:
        return round(left + (width - left - right) * (step + 0.5) / steps, 1)

    def y(value: float) -> float:
        return round(top + (height - top - bottom) * (1 - (value - scale.low) / (scale.high - scale.low)), 1)

    parts = []
    for tick in scale.ticks:
        parts.append(el("line", class_="tick", x1=left, x2=width - right, y1=y(tick), y2=y(tick)))
        parts.append(el("text", f"{tick:g}", x=left - 6, y=y(tick) + 4, text_anchor="end"))
    parts += [el("text", str(step + 1), x=x(step), y=height - 8, text_anchor="middle") for step in range(steps)]
    for place, line in enumerate(lines):
        shift = 5 * (2 * place - len(lines) + 1)
        there = [(x(step) + shift, point) for step, point in enumerate(line.points) if point]
        parts.append(el("polyline", class_=line.class_, points=" ".join(f"{at:g},{y(p[0]):g}" for at, p in there)))
        for at, (estimate, (low, high)) in there:
            parts.append(el("line", class_=f"{line.class_} whisker", x1=at, x2=at, y1=y(low), y2=y(high)))
            parts.append(el("circle", class_=f"{line.class_} dot", cx=at, cy=y(estimate), r=5))
    return el("svg", parts, class_="path", viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=title)
