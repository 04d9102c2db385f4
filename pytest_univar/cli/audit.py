"""``univar audit``: what ``pytest --univar-model`` does, without tests. The same run, the same reports."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pytest_univar.cli.common import (
    AsJson,
    Verbose,
    config_of,
    note,
    own_words,
    print_document,
    progress_display,
    with_settings,
)
from pytest_univar.cli.map import user_cache
from pytest_univar.cli.report import show
from pytest_univar.errors import CoverageError, UnivarError, UsageError
from pytest_univar.options import OPTIONS, AuditConfig

if TYPE_CHECKING:
    from pytest_univar.declared import Expectation
    from pytest_univar.expectations import Claim
    from pytest_univar.report import Outcome
    from pytest_univar.run import Run, Wanted


class Exit(IntEnum):
    """How the command ends; of several the first that applies, in the order ERROR, VIOLATED, OPEN."""

    MET = 0
    VIOLATED = 1
    ERROR = 2
    OPEN = 3


class Asked(NamedTuple):
    """What one file of expectations asks of one model, or the settings where there is no file.

    items: the name and the expectation of each, as pytest would name the test.
    """

    want: Wanted
    items: tuple[tuple[str, Expectation], ...]


class Found(NamedTuple):
    """How it went. errors: message → what was raised, each once."""

    claims: list[Claim]
    errors: dict[str, UnivarError]


@with_settings(*(option.name for option in OPTIONS if option.name != "model"))
def audit(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="A litellm name such as openai/gpt-4o-mini, or replay:FILE for answers collected elsewhere. May be "
            "left away where the files of expectations name one.",
        ),
    ] = None,
    expectations: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A file of declared expectations (*.univar.yaml); may be repeated."),
    ] = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
    **settings: str | bool | None,
) -> None:
    """Audit models without pytest: the same answers, figures and reports; answers are recorded in cassettes.

    univar audit openai/gpt-4o-mini --expectations values.univar.yaml --html report.html

    Exit codes; of several it is 2, else 1, else 3:

    0: every expectation is met; without expectations, everything was measured.

    1: an expectation is violated, or drift is what --compare-fail says.

    2: something cannot be used as given, read, asked or written.

    3: an expectation is inconclusive, or too few questions were answered.
    """
    from pytest_univar.report import dump_result
    from pytest_univar.run import Run

    config = config_of(settings)._replace(model=tuple(models or ()))
    here, now = Path.cwd(), datetime.now(timezone.utc)
    asked = [*_asked(config, expectations or (), here)]
    since = now.replace(microsecond=now.microsecond // 1000 * 1000)  # answers are dated to the millisecond
    run = Run(
        config, here, since, display=progress_display, vectors=cache_folder, ledger=None, root=here, draws=as_json
    )
    run.check_before_asking()
    found = Found([], {})
    for each in asked:
        _work(run, each, found)
    drifted = run.conclude()
    run.write()
    result = run.result()
    refused = result.conclusion.refused if result and result.conclusion else ""
    for error in found.errors.values():
        note(f"{type(error).__name__}: {own_words(str(error))}", "red")
    if result and as_json:
        print_document(dump_result(result))
        for text in filter(None, (*(f"{name} written" for name in run.written), refused, run.unwritten)):
            note(own_words(text))
    elif result:
        show(result, config.report, verbose=verbose, written=run.written, unwritten=run.unwritten)
    fault = bool(refused or run.unwritten)
    raise typer.Exit(exit_code(found, fault=fault, drifted=drifted, open_fails=config.inconclusive == "fail"))


def exit_code(found: Found, *, fault: bool, drifted: bool, open_fails: bool) -> Exit:
    """fault: something beside the models failed. drifted: as --compare-fail says. open_fails: inconclusive ones do."""
    verdicts = {claim.verdict for claim in found.claims}
    incomplete = [isinstance(error, CoverageError) for error in found.errors.values()]
    if fault or not all(incomplete):
        return Exit.ERROR
    if drifted or "violated" in verdicts:
        return Exit.VIOLATED
    if incomplete or (open_fails and "inconclusive" in verdicts):
        return Exit.OPEN
    return Exit.MET


def cache_folder() -> Path | None:
    """Where vectors and fitted maps are kept between runs; nowhere if the user's cache cannot be written."""
    folder = user_cache()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def _asked(config: AuditConfig, files: Sequence[Path], here: Path) -> Iterator[Asked]:
    """Model by model, file by file."""
    from pytest_univar.declared import load_declaration
    from pytest_univar.plugin import CASSETTES
    from pytest_univar.run import wanted

    loaded = {file: load_declaration(file, config.languages) for file in files}
    if not config.model and (not files or any("model" not in each.settings for each in loaded.values())):
        raise UsageError("found no model to audit, expected one: univar audit MODEL, such as openai/gpt-4o-mini")
    for model in config.model or (None,):
        suffix = f"[{model}]" if len(config.model) > 1 else ""
        for file, (settings, declared) in loaded.items():
            want = wanted(settings, str(file), model, config, file.parent / CASSETTES)
            yield Asked(want, tuple((f"{file}::{item.name}{suffix}", item.expectation) for item in declared))
        if not files:
            yield Asked(wanted({}, "", model, config, here / CASSETTES), ())


def _work(run: Run, asked: Asked, found: Found) -> None:
    """Ask and measure in every language, then judge; what goes wrong with one language does not stop the others."""
    if run.config.dry_run:
        for plan in run.plan_json(asked.want):
            run.add_plan_json(plan)
        return
    for language in asked.want.languages:
        try:
            run.auditor("", asked.want, found.claims.extend).profile(language)
        except UnivarError as error:
            found.errors[str(error)] = error
    for where, expectation in asked.items:
        claims: list[Claim] = []
        outcome: Outcome = "failed"
        why = ""
        try:
            expectation.check(run.auditor(where, asked.want, claims.extend))
            outcome = _outcome(claims, run.config.inconclusive)
        except UnivarError as error:
            found.errors[str(error)] = error
            why = own_words(str(error))
        found.claims.extend(claims)
        run.add_test(where, asked.want.model, outcome, [claim.to_json() for claim in claims], why)


def _outcome(claims: Sequence[Claim], inconclusive: str) -> Outcome:
    """How pytest would report a test that makes these claims."""
    verdicts = {claim.verdict for claim in claims}
    if "violated" in verdicts or ("inconclusive" in verdicts and inconclusive == "fail"):
        return "failed"
    return "xfailed" if "inconclusive" in verdicts and inconclusive == "xfail" else "passed"
