"""The pytest plugin. Inert and light until an option, a marker or the fixture asks for it: see ``run.py``."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_univar import options
from pytest_univar.errors import UnivarError, UnivarWarning, UsageError
from pytest_univar.run import Run, Wanted, wanted

if TYPE_CHECKING:
    from rich.console import Console

    from pytest_univar.audit import ProgressDisplay
    from pytest_univar.expectations import Auditor, Claim

RUN = pytest.StashKey[Run]()
CASSETTES = "cassettes"
"""The folder beside a test file that its answers are recorded in."""


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "univar(model=…, languages=[…], questions=…, samples=…): what the univar fixture audits in this test",
    )
    try:
        run = Run(options.read_config(config), config.invocation_params.dir, partial(_display, config))
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[RUN] = run
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(run), "univar-recorder")


def pytest_report_header(config: pytest.Config) -> list[str]:
    settings = config.stash[RUN].config
    if not settings.model:
        return []
    return [
        f"univar: model {', '.join(settings.model)}",
        f"univar: encoder {settings.encoder}, bank {settings.bank}, record {settings.record}",
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each model, where there are several."""
    models = metafunc.config.stash[RUN].config.model
    if "univar" in metafunc.fixturenames and len(models) > 1:
        metafunc.parametrize("univar", models, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A bad marker or a missing model stops the run before anything is paid for."""
    if config.option.collectonly or hasattr(config, "workerinput"):
        return  # in an xdist worker each test reports the same error for itself
    for item in items:
        if "univar" in getattr(item, "fixturenames", ()):
            try:
                _wanted(item, None)
            except UsageError as error:
                raise pytest.UsageError(str(error)) from error


@pytest.fixture
def univar(request: pytest.FixtureRequest) -> Auditor:
    """The audit of the model given by --univar-model: profiles by language, and assertions about them."""
    node = request.node
    run = request.config.stash[RUN]
    with _explained():
        want = _wanted(node, getattr(request, "param", None))
        auditor = run.auditor(node.nodeid, want, partial(_settle, node, run.config.inconclusive))
    node.user_properties.append(("univar_model", want.model))
    return auditor


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Our own errors explain themselves, so they end the test without a traceback through our code."""
    with _explained():
        return (yield)


class Recorder:
    """Hears of every test where the report is written; claims made in xdist workers arrive as user properties."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = dict.fromkeys(name for name, _ in report.user_properties)
        if report.when != "call" or "univar_model" not in properties:
            return
        for name, value in report.user_properties:
            if name == "univar_claim":
                self.run.add_claim_json(str(value))
            elif name == "univar_model" and "univar_claim" not in properties:
                self.run.add_outcome(report.nodeid, str(value), report.passed)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The report after the run."""
    result = config.stash[RUN].result()
    if result is None:
        return
    from pytest_univar.report.terminal import render

    terminalreporter.section("univar: audited values")
    writer = terminalreporter._tw  # the only way to its width and its colour, as pytest's own plugins do it
    terminalreporter.write(render(result, width=writer.fullwidth, colour=writer.hasmarkup) + "\n")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """An xdist worker hands its accounts to the process that reports."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["univar"] = session.config.stash[RUN].profiles_json()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """xdist: a worker is done."""
    accounts = getattr(node, "workeroutput", {}).get("univar")
    if accounts:
        node.config.stash[RUN].add_profiles_json(accounts)


def _settle(node: pytest.Item, inconclusive: str, claim: Claim) -> None:
    """Record a claim with its test, then end the test if the verdict says so."""
    node.user_properties.append(("univar_claim", json.dumps(vars(claim))))
    if claim.verdict == "violated" or (claim.verdict == "inconclusive" and inconclusive == "fail"):
        pytest.fail(str(claim), pytrace=False)
    if claim.verdict == "inconclusive" and inconclusive == "xfail":
        pytest.xfail(str(claim))
    if claim.verdict == "inconclusive":
        warnings.warn(UnivarWarning(str(claim)), stacklevel=3)


@contextmanager
def _explained() -> Generator[None]:
    try:
        yield
    except UnivarError as error:
        pytest.fail(f"{type(error).__name__}: {error}", pytrace=False)


def _wanted(item: pytest.Item, model: str | None) -> Wanted:
    """What a test's markers and the run's settings ask for. A marker nearer to the test wins, argument by argument."""
    arguments: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("univar"))):
        if marker.args:
            raise UsageError(
                f"{item.nodeid}: @pytest.mark.univar: found the positional argument {marker.args[0]!r}, "
                "expected keyword arguments, such as languages=['eng']"
            )
        arguments |= marker.kwargs
    settings = item.config.stash[RUN].config
    given = model or (settings.model[0] if settings.model else None)
    return wanted(arguments, item.nodeid, given, settings, item.path.parent / CASSETTES)


def _display(config: pytest.Config) -> ProgressDisplay:
    """Bars where somebody looks at a terminal; nothing in CI logs, in pipes and in xdist workers."""
    from pytest_univar.report.progress import BarDisplay, SilentDisplay

    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or os.environ.get("CI") or not reporter.isatty:
        return SilentDisplay()
    capture = config.pluginmanager.get_plugin("capturemanager")

    def console() -> Console:
        from rich.console import Console

        reporter.ensure_newline()  # the bar takes a line of its own
        return Console(file=reporter._tw._file)

    return BarDisplay(console, capture.global_and_fixture_disabled if capture else nullcontext)
