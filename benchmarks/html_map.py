"""How fast the HTML report's map is with 50,000 answers of a bank on it, in headless Chromium.

    python benchmarks/html_map.py

The file is made from a made-up bank of 127 value IDs and three audited profiles, and opened five times, each in a
browser of its own without a graphics card: when the page is first painted, when the map is drawn, and how long filters,
the legend and another colouring take until the map is on the screen again. The same with the 5,000 answers that a
report draws by default. Exits with 1 where the median of the first map is above 3 s or that of the
slowest filter above 0.3 s.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the made-up result and the browser of the tests

from pytest_univar.report.html import render_html
from tests.html_samples import audit_result
from tests.integration.browser import Page, chromium

RUNS, VALUE_IDS = 5, 127
LIMIT_FIRST, LIMIT_FILTER = 3.0, 0.3

CHANGES = {
    "filter by region": "set('map-region', document.querySelector('#map-region option:nth-of-type(2)').value)",
    "no filter again": "set('map-region', '')",
    "filter by model": "set('map-llm', document.getElementById('map-llm').options[3].value)",
    "every model again": "set('map-llm', '')",
    "legend: one group less": "document.querySelectorAll('#map-legend .entry')[4].click()",
    "colour by model": "set('map-by', '1')",
}


def seconds(page: Page, change: str) -> float:
    """From a change until the browser has put the new map on the screen."""
    milliseconds: float = page.driver.execute_async_script(
        f"""
        const done = arguments[0], drawn = () => performance.getEntriesByName("map-drawn").length, before = drawn();
        const set = (id, value) => {{
          const select = document.getElementById(id);
          select.value = value;
          select.dispatchEvent(new Event("change"));
        }};
        const start = performance.now();
        {change};
        const look = () => requestAnimationFrame(() => setTimeout(() => {{
          if (drawn() > before) done(performance.now() - start);
          else look();
        }}));
        look();
        """
    )
    return milliseconds / 1000


def measure(n: int, folder: Path) -> tuple[float, float]:
    """Medians of the first map and of the slowest change, printed with all others."""
    begin = time.perf_counter()
    text = render_html(audit_result(n, llms=VALUE_IDS))
    file = folder / f"{n}.html"
    file.write_text(text, encoding="utf-8")
    print(f"{n:,} answers: {len(text) / 1e6:.1f} MB, written in {time.perf_counter() - begin:.1f} s")
    found: dict[str, list[float]] = {}
    for _ in range(RUNS):
        with chromium() as open_page:
            page = open_page(file).drawn()
            paint = page.run("return performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
            first = page.run("return performance.getEntriesByName('map-drawn')[0].startTime") / 1000
            found.setdefault("page first painted", []).append(paint)
            found.setdefault("map first drawn", []).append(first)
            for name, change in CHANGES.items():
                found.setdefault(name, []).append(seconds(page, change))
    for name, times in found.items():
        print(f"  {name:<24} median {statistics.median(times):5.2f} s, slowest {max(times):5.2f} s")
    slowest = max(statistics.median(found[name]) for name in CHANGES)
    return statistics.median(found["map first drawn"]), slowest


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        measure(5_000, Path(name))
        first, slowest = measure(50_000, Path(name))
    print(f"limits with 50,000: first map {LIMIT_FIRST} s, change {LIMIT_FILTER} s")
    return int(first > LIMIT_FIRST or slowest > LIMIT_FILTER)


if __name__ == "__main__":
    sys.exit(main())
