"""Headless Chromium for the tests of HTML files, with everything that it asks for and complains about written down."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeVar

import pytest

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MISSING = "Chromium is missing: apt-get install --no-install-recommends chromium chromium-driver"
PATIENCE = 30.0
"""Seconds for anything that a page does."""

T = TypeVar("T")


class Page:
    """A file as a person sees it; ``driver`` is selenium's."""

    def __init__(self, driver: Any, file: Path) -> None:
        self.driver = driver
        self.url = file.resolve().as_uri()
        driver.get("about:blank")
        self.requests(), self.complaints()  # those of the page before
        driver.get(self.url)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a function body in JavaScript returns. The page's policy does not bind it."""
        return self.driver.execute_script(script, *arguments)

    def until(self, condition: Callable[[], T]) -> T:
        """What the condition gives as soon as that is true."""
        end = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert time.monotonic() < end, "the page did not come to it"
            time.sleep(0.05)
        return found

    @property
    def maps_drawn(self) -> int:
        return int(self.run("return performance.getEntriesByName('map-drawn').length"))

    def drawn(self) -> Page:
        """As soon as the map is."""
        self.until(lambda: self.maps_drawn)
        return self

    def redrawn(self, act: Callable[[], object]) -> None:
        """Do something, and wait until the map is drawn again."""
        before = self.maps_drawn
        act()
        self.until(lambda: self.maps_drawn > before)

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def text(self, selector: str) -> str:
        """As it is rendered."""
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def choose(self, select: str, label: str) -> None:
        """Choose from a list that redraws the map."""
        from selenium.webdriver.support.ui import Select

        self.redrawn(lambda: Select(self.find(select)).select_by_visible_text(label))

    def requests(self) -> set[str]:
        """All that was asked for since the last call, but what is in the file itself."""
        messages = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        sent = (each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent")
        return {url for url in sent if not url.startswith("data:")}

    def complaints(self) -> list[str]:
        """What was written to the console since the last call, violations of the policy among it."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")]

    def faults(self) -> list[str]:
        """What axe-core finds that is serious or worse, with the elements."""
        self.run((files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8"))
        found = self.driver.execute_async_script("axe.run(document).then(arguments[0])")
        return [
            f"{each['id']} ({each['impact']}): {each['help']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
        ]


@contextmanager
def chromium(
    width: int = 1400, height: int = 1000, scheme: Literal["light", "dark"] = "light", *arguments: str
) -> Iterator[Callable[[Path], Page]]:
    """A browser that opens files, started with further ``arguments``; skips where there is none."""
    if not (CHROMIUM and DRIVER):
        pytest.skip(MISSING)
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is missing: pip install selenium")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        *arguments,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))  # a path: it looks for no driver elsewhere
    try:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        wishes = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in wishes.items()]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        driver.set_script_timeout(PATIENCE * 2)
        yield lambda file: Page(driver, file)
    finally:
        driver.quit()
