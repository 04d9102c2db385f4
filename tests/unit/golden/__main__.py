"""Write the reports as they look now."""

from __future__ import annotations

from tests.unit.golden import FOLDER, reports

for name, text in reports().items():
    (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
    print(FOLDER / name)
