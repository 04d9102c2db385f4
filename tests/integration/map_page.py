"""The value map of an HTML report in a browser: what is on it, and a pointer and keys to use it with."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from .browser import Page


def model(page: Page, name: str, path: str) -> Any:
    """Something of one of the map's models, such as the data of a source."""
    return page.run(f"return Bokeh.documents.at(-1).get_model_by_name(arguments[0]).{path}", name)


def dots(page: Page) -> list[int]:
    """How many answers of the bank, audited answers and audited centres are on the map."""
    return [model(page, name, "data.x.length") for name in ("bank", "audited", "centres")]


def coloured(page: Page) -> int:
    """How many pixels of the map are neither grey, black nor white."""
    with Image.open(io.BytesIO(page.find("#map-plot").screenshot_as_png)) as picture:
        return int((np.ptp(np.asarray(picture.convert("RGB"), dtype=int), axis=2) > 30).sum())


def pointer_on(page: Page, source: str, number: int) -> None:
    """Move the pointer to the place of a point of one of the sources."""
    from selenium.webdriver.common.action_chains import ActionChains

    x, y = page.run(
        """
        const [source, number] = arguments, found = (name) => Bokeh.documents.at(-1).get_model_by_name(name);
        const box = document.getElementById("map-plot"), plot = found("plot"), { x, y } = found(source).data;
        box.scrollIntoView({ block: "center" });
        const { left, top } = box.getBoundingClientRect();
        const share = (value, { start, end }) => (value - start) / (end - start);
        return [left + plot.min_border_left + plot.frame_width * share(x[number], plot.x_range),
          top + plot.min_border_top + plot.frame_height * (1 - share(y[number], plot.y_range))];
        """,
        source,
        number,
    )
    pointer = ActionChains(page.driver, duration=0)
    for away in (-30, 0):
        pointer.w3c_actions.pointer_action.move_to_location(round(x) + away, round(y) + away)  # type: ignore[no-untyped-call]  # selenium leaves it untyped
    pointer.perform()


def tip_shows(page: Page, *texts: str) -> None:
    """Wait for what stands beside the pointer."""
    page.until(lambda: page.find("#map-tip").is_displayed() and all(text in page.text("#map-tip") for text in texts))


def keys(page: Page, *pressed: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    for key in pressed:
        ActionChains(page.driver).send_keys(key).perform()
