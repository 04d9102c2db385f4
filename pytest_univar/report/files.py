"""The reports that are files: which of them were asked for, and where they go."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pytest_univar.errors import ReportError, UsageError
from pytest_univar.report import AuditResult, dump_result


def write_reports(
    result: AuditResult,
    base: Path,
    *,
    html: str | None = None,
    md: str | None = None,
    json: str | None = None,
    to_summary: bool = False,
) -> list[str]:
    """Write the reports that have a name, relative to ``base``; which ones, as they were named.

    to_summary: append the Markdown to the summary of a GitHub job. ReportError for a file that cannot be written.
    """
    written = []
    if json:
        written.append(_write(base, json, dump_result(result)))
    if html:
        from pytest_univar.report.html import render_html

        written.append(_write(base, html, render_html(result)))
    if md or to_summary:
        from pytest_univar.report.markdown import render_markdown

        text = render_markdown(result)
        written += [_write(base, md, text)] if md else []
        written += [_append_to_summary(text)] if to_summary else []
    return written


def check_reports(base: Path, names: Sequence[str], *, html: bool = False, to_summary: bool = False) -> None:
    """UsageError, before anything is paid for, for reports that have no place to go, MissingExtraError for one that
    cannot be drawn."""
    for name in names:
        if not (base / name).parent.is_dir():
            raise UsageError(f"{name}: found no folder {(base / name).parent} for the report. Make it, or name another")
    if html:
        from pytest_univar.report.html import check_html

        check_html()
    if to_summary and not os.environ.get("GITHUB_STEP_SUMMARY"):
        raise UsageError(
            "found no variable GITHUB_STEP_SUMMARY to append the report to. Outside of a GitHub job name a file: "
            "--univar-md=FILE"
        )


def _write(base: Path, name: str, text: str) -> str:
    try:
        (base / name).write_text(text, encoding="utf-8")
    except OSError as exc:
        raise ReportError(f"{name}: the report cannot be written ({exc.strerror}). Name a file that can be") from exc
    return name


def _append_to_summary(text: str) -> str:
    file = os.environ["GITHUB_STEP_SUMMARY"]
    try:
        with open(file, "a", encoding="utf-8") as summary:
            summary.write(text)
    except OSError as exc:
        raise ReportError(f"{file}: the summary cannot be appended to ({exc.strerror})") from exc
    return "the job's summary"
