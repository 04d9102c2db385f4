"""The map on the screen as Bokeh models without data: ``map.js`` fills them by their names."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from typing import Any

from pytest_univar.errors import MissingExtraError

MARGINS = {"left": 62, "right": 12, "top": 10, "bottom": 52}
"""Pixels around the part of the map that holds the points."""


def check_html() -> None:
    """MissingExtraError where a report with a map cannot be made."""
    if find_spec("bokeh") is None:
        raise MissingExtraError("bokeh", "html", "the report as HTML")


def library() -> str:
    """BokehJS, as the installed package brings it along."""
    check_html()
    from bokeh.resources import Resources

    text: str = Resources(mode="inline", minified=True, components=["bokeh"]).js_raw[0]
    return text


def plot_item(explained: tuple[float, float] | None) -> dict[str, Any]:
    """What ``Bokeh.embed.embed_item`` draws; the same each time. explained: as in the value map."""
    check_html()
    from bokeh.embed import json_item
    from bokeh.models import ColumnDataSource, LinearColorMapper, PanTool, Range1d
    from bokeh.plotting import figure

    options: dict[str, Any] = {f"min_border_{side}": pixels for side, pixels in MARGINS.items()}
    plot: Any = figure(
        name="plot",
        tools=[PanTool(name="pan")],
        toolbar_location=None,
        x_range=Range1d(start=0, end=1),
        y_range=Range1d(start=0, end=1),
        frame_width=600,
        frame_height=400,
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        **options,
    )

    def source(name: str, columns: str) -> ColumnDataSource:
        return ColumnDataSource({column: [] for column in columns.split()}, name=name)

    hulls = source("hulls", "xs ys colour fill width dash")
    plot.patches("xs", "ys", source=hulls, fill_color="colour", fill_alpha="fill", line_color="colour",
                 line_width="width", line_dash="dash")  # fmt: skip
    bank = source("bank", "x y colour marker")
    palette = LinearColorMapper(name="palette", low=0, high=1, palette=["black"])  # faster than a colour for each point
    plot.scatter("x", "y", source=bank, size=5.5, marker="marker", fill_color={"field": "colour", "transform": palette},
                 fill_alpha=0.6, line_color=None, name="dots")  # fmt: skip
    audited = source("audited", "x y colour edge")
    plot.scatter("x", "y", source=audited, size=7, fill_color="colour", line_color="edge", line_width=1)
    rings = source("rings", "x y width height angle colour line")
    plot.ellipse("x", "y", "width", "height", angle="angle", source=rings, fill_color=None, line_color="colour",
                 line_width="line")  # fmt: skip
    leads = source("leads", "x0 y0 x1 y1 colour")
    plot.segment("x0", "y0", "x1", "y1", source=leads, line_color="colour", line_width=1)
    centres = source("centres", "x y colour edge marker")
    plot.scatter("x", "y", source=centres, size=16, marker="marker", fill_color="colour", line_color="edge",
                 line_width=1.5)  # fmt: skip
    names = source("names", "x y text across down colour ink paper")
    plot.text("x", "y", "text", x_offset="across", y_offset="down", source=names, text_align="center",
              text_baseline="middle", text_font_size="12px", text_color="ink", background_fill_color="paper",
              background_fill_alpha=0.92, border_line_color="colour", border_line_width=1.5, padding=3,
              border_radius=3)  # fmt: skip
    cursor = source("cursor", "x y colour")
    plot.scatter("x", "y", source=cursor, size=18, fill_color=None, line_color="colour", line_width=3)

    for axis, grid, name, place in ((plot.xaxis[0], plot.xgrid[0], "x", 0), (plot.yaxis[0], plot.ygrid[0], "y", 1)):
        axis.name, grid.name = f"{name}-axis", f"{name}-grid"
        axis.major_tick_line_color = axis.minor_tick_line_color = axis.axis_line_color = None
        axis.axis_label_text_font_style = "normal"
        if explained:
            axis.axis_label = f"component {place + 1} ({explained[place]:.1%} of the differences)"
        else:
            axis.major_label_text_font_size = "0px"  # places have no meaning of their own
    return _renumbered(json_item(plot))


def _renumbered(item: Any) -> dict[str, Any]:
    """With ids that do not count on from one drawing to the next."""
    text, numbers = json.dumps(item), dict[str, int]()
    made: dict[str, Any] = json.loads(
        re.sub(r'"p(\d+)"', lambda found: f'"p{numbers.setdefault(found[1], len(numbers))}"', text)
    )
    return made
