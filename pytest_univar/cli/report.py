"""``univar report``: the reports of a result that an audit wrote, drawn again without the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_univar.cli.common import AsJson, Verbose, config_of, console, note, print_document, with_settings
from pytest_univar.errors import ReportError
from pytest_univar.options import GITHUB, Report

if TYPE_CHECKING:
    from pytest_univar.report import AuditResult


@with_settings("html", "md", "report")
def report(
    result: Annotated[Path, typer.Argument(help="What --json-file or pytest --univar-json wrote.")],
    terminal: Annotated[
        bool, typer.Option("--terminal", help="Show it here, too; without --html and --md that is what is done.")
    ] = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
    **settings: str | bool | None,
) -> None:
    """Draw the reports of an audit again, without the model, the encoder or the bank.

    univar report result.json --html report.html --terminal
    """
    from pytest_univar.report import dump_result, load_result
    from pytest_univar.report.files import check_reports, write_reports

    config = config_of(settings)
    folder, to_summary = Path.cwd(), config.md == GITHUB
    md = None if to_summary else config.md
    names = [name for name in (config.html, md) if name]
    check_reports(folder, names, html=config.html is not None, to_summary=to_summary)
    try:
        text = result.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ReportError(f"{result}: found no readable file ({exc}), expected a result. Check the path") from exc
    loaded = load_result(text, str(result))
    written = write_reports(loaded, folder, html=config.html, md=md, to_summary=to_summary)
    if as_json:
        print_document(dump_result(loaded))
        for name in written:
            note(f"{name} written")
    elif terminal or not written:
        show(loaded, config.report, verbose=verbose, written=written)
    else:
        console.out(f"{', '.join(written)} written", highlight=False)


def show(
    result: AuditResult, how_much: Report, *, verbose: bool, written: Sequence[str] = (), unwritten: str = ""
) -> None:
    """The report in this terminal. written, unwritten: which reports were written as files, and why one was not."""
    from pytest_univar.report.terminal import render
    from pytest_univar.report.terminal_parts import marks_for

    text = render(
        result,
        width=console.width,
        colour=console.is_terminal and not console.no_color,
        how_much=how_much,
        verbose=verbose,
        marks=marks_for(console.encoding),
        written=written,
        unwritten=unwritten,
    )
    if text:
        typer.echo(text.encode(console.encoding, "replace"))  # an answer may hold what the terminal cannot
