"""``univar map``: a bank and saved profiles in two dimensions, as a picture or as data."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from pytest_univar.cli.common import AsJson, print_json, say
from pytest_univar.errors import BaselineError, UsageError

if TYPE_CHECKING:
    from pytest_univar.maps import ValueMap
    from pytest_univar.values import Profile

Writer: TypeAlias = "Callable[[ValueMap, str, str | None], bytes]"
"""Draws a map, coloured by one grouping and with a panel for each group of another, as what a file holds."""


def map_bank(
    bank: Annotated[str, typer.Argument(help="A bundled bank or a folder.")],
    out: Annotated[Path, typer.Option(help="The file to write: .png, .svg, .html or .json (all that is on the map).")],
    by: Annotated[
        str, typer.Option(help="Colours: language, llm, corpus or a scheme of the bank; default: language, else llm.")
    ] = "",
    panels: Annotated[str, typer.Option(help="A panel for each language, llm, corpus or region of a scheme.")] = "",
    method: Annotated[str, typer.Option(help="pca, or umap (needs the extra map).")] = "pca",
    baseline: Annotated[
        list[str] | None, typer.Option(help="Profiles to show on it: a baseline's name or folder; may be repeated.")
    ] = None,
    points: Annotated[int, typer.Option(min=1, help="Answers that are drawn at the most.")] = 5000,
    seed: Annotated[int, typer.Option(min=0, help="Of UMAP, and of which answers are drawn.")] = 0,
    cache: Annotated[
        Path | None, typer.Option(help="Where fitted maps are kept; default: pytest-univar in the user's cache folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw the map of a bank, with audited profiles on it. Maps are fitted once and kept.

    univar map univar-mini-eng --by family --baseline v1.4 --out map.png

    The paper's figures 1, 5 and 7, by language, by corpus and by model:

    univar map BANK --by language --out figure-1.png

    univar map BANK --by corpus --out figure-5.png

    univar map BANK --by llm --out figure-7.png
    """
    from pytest_univar.banks import load_bank
    from pytest_univar.maps import check_method, fitted, value_map

    write = writer(out)
    chosen = check_method(method)
    loaded = load_bank(bank)
    profiles = labelled(baseline or [])
    projection = fitted(loaded.vectors, chosen, seed, cache or user_cache() / "maps")
    drawn = value_map(loaded, projection, profiles, most=points, seed=seed)
    if not by:
        by = "language" if len(drawn.grouping("language").labels) > 1 else "llm"
    data = write(drawn, by, panels or None)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(data)
    if as_json:
        drawn_of = {"bank": loaded.name, "method": projection.method, "by": by, "panels": panels or None}
        print_json({"output": str(out), **drawn_of, "shown": drawn.shown, "n": drawn.n, "audited": list(profiles)})
        return
    audited = f", audited: {', '.join(profiles)}" if profiles else ""
    say(f"{out}: {drawn.shown:,} of {drawn.n:,} answers of {loaded.name} ({projection.method}){audited}")


def writer(file: Path) -> Writer:
    """What writes a file of this name; UsageError with the suffixes there are."""
    writers: dict[str, Writer] = {".png": _png, ".svg": _svg, ".html": _html, ".json": _json}
    try:
        return writers[file.suffix.lower()]
    except KeyError:
        found, known = file.suffix or "no suffix", ", ".join(sorted(writers))
        raise UsageError(f"{file}: found {found!r}, expected a file whose name ends in one of: {known}") from None


def _png(value_map: ValueMap, by: str, panels: str | None) -> bytes:
    from pytest_univar.maps import picture

    return picture(value_map, "png", by, panels)


def _svg(value_map: ValueMap, by: str, panels: str | None) -> bytes:
    from pytest_univar.maps import picture

    return picture(value_map, "svg", by, panels)


def _html(value_map: ValueMap, by: str, panels: str | None) -> bytes:
    from pytest_univar.report.html import render_map

    if panels:
        raise UsageError(f"found panels by {panels!r} for an HTML map, which has filters instead. Leave out --panels")
    return render_map(value_map, by).encode()


def _json(value_map: ValueMap, by: str, panels: str | None) -> bytes:
    """All groupings are in it; those asked for must be among them."""
    from pytest_univar.maps import dump_map

    for name in filter(None, (by, panels)):
        value_map.grouping(name)
    return dump_map(value_map).encode()


def labelled(baselines: Sequence[str]) -> Mapping[str, Profile]:
    """The profiles of saved baselines, by value ID and baseline."""
    from pytest_univar.baselines import FOLDER, MANIFEST, load_baseline

    profiles: dict[str, Profile] = {}
    for name in baselines:
        folder = Path(name)
        if (folder / MANIFEST).is_file():
            number = folder.resolve().name.partition("_")[0]
            found = load_baseline(folder.resolve().parent, number)
            if found.label != folder.resolve().name:
                raise BaselineError(f"{folder}: found a renamed baseline, expected the folder {found.label!r}")
        else:
            found = load_baseline(Path(FOLDER), name)
        profiles |= {f"{profile.value_id}, {found.label}": profile for profile in found.profiles}
    return profiles


def user_cache() -> Path:
    """``$XDG_CACHE_HOME/pytest-univar``, else ``~/.cache/pytest-univar``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pytest-univar"
