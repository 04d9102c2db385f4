"""The pytest plugin. Inert and light until an option, a marker or the fixture asks for it: see ``run.py``."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Generator, Sequence
from contextlib import nullcontext
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
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
LEDGER = pytest.StashKey[TemporaryDirectory[str]]()
CASSETTES = "cassettes"
"""The folder beside a test file that its answers are recorded in."""
DECLARED = ".univar.yaml"
"""How the names of files with declared expectations end."""


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "univar(model=…, languages=[…], questions=…, samples=…): what the univar fixture audits in this test",
    )
    try:
        settings = options.read_config(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    run = Run(
        settings,
        config.invocation_params.dir,
        _began(config),
        display=partial(_display, config),
        vectors=partial(_vector_cache, config),
        ledger=_ledger(config),
        root=config.rootpath,
    )
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


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Declared expectations, each an item of its own."""
    return _declarations(file_path, parent) if file_path.name.endswith(DECLARED) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each model, where there are several."""
    if "univar" in metafunc.fixturenames:
        own = any("model" in marker.kwargs for marker in metafunc.definition.iter_markers("univar"))
        if models := _models(metafunc.config, own):
            metafunc.parametrize("univar", models, indirect=True)


@pytest.hookimpl(trylast=True)  # what -k and -m left out needs no model
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A bad marker or a missing model stops the run before anything is paid for."""
    if config.option.collectonly or hasattr(config, "workerinput"):
        return  # in an xdist worker each test reports the same error for itself
    wanting = [
        item for item in items if "univar" in getattr(item, "fixturenames", ()) or item.path.name.endswith(DECLARED)
    ]
    try:
        for item in wanting:
            _wanted(item, None)
        if wanting:
            config.stash[RUN].check_before_asking()
    except UnivarError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture
def univar(request: pytest.FixtureRequest) -> Auditor:
    """The audit of the model given by --univar-model: profiles by language, and assertions about them."""
    return _auditor(request.node, getattr(request, "param", None))


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """A failed ``assert`` about a measured value says what was measured; others are none of ours."""
    if "pytest_univar.measurement" not in sys.modules:
        return None
    from pytest_univar.explanations import explain_comparison

    return explain_comparison(op, left, right)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Our own errors explain themselves: they are shown without a traceback through our code."""
    report = yield
    if report.failed and call.excinfo and isinstance(call.excinfo.value, UnivarError):
        report.longrepr = call.excinfo.getrepr(style="value")
    return report


class Recorder:
    """Hears of every test where the report is written; claims made in xdist workers arrive as user properties."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == "univar_plan":
                self.run.add_plan_json(str(value))
        if report.when == "call" or (report.when == "setup" and not report.passed):
            models = [str(value) for name, value in report.user_properties if name == "univar_model"]
            claims = [str(value) for name, value in report.user_properties if name == "univar_claim"]
            outcome = "xfailed" if report.skipped and hasattr(report, "wasxfail") else report.outcome
            for model in models[:1]:
                self.run.add_test(report.nodeid, model, outcome, claims, _why(report))


def _why(report: pytest.TestReport) -> str:
    """What a test raised, as pytest's own summary says it; empty where it passed."""
    if report.passed:
        return ""
    if hasattr(report, "wasxfail"):
        return str(report.wasxfail).removeprefix("reason: ")
    if isinstance(report.longrepr, tuple):  # skipped: file, line, reason
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash.message if crash else report.longreprtext


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The report after the run; under ``-q`` a summary of it, unless an option or the ini asks for another."""
    run = config.stash[RUN]
    result = run.result()
    if result is None:
        return
    from pytest_univar.report.terminal import render
    from pytest_univar.report.terminal_parts import marks_for

    asked = config.getoption("univar_report") or config.getini("univar_report")
    quiet = config.get_verbosity() < 0 and not asked
    writer = terminalreporter._tw  # the only way to its width and its colour, as pytest's own plugins do it
    encoding = getattr(writer._file, "encoding", None) or "utf-8"
    text = render(
        result,
        width=writer.fullwidth,
        colour=writer.hasmarkup,
        how_much="summary" if quiet else run.config.report,
        verbose=config.get_verbosity() > 0,
        marks=marks_for(encoding),
        written=run.written,
        unwritten=run.unwritten,
    )
    if text:
        terminalreporter.section("univar: audited values")
        # Otherwise pytest would escape all of it, line ends included, for one character that the stream cannot hold.
        terminalreporter.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """An xdist worker hands what it found to the process that reports, which then draws the conclusions."""
    run = session.config.stash[RUN]
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["univar"] = run.profiles_json()
        output["univar_measured"] = run.measured_bytes()
        return
    failed = [run.conclude(), run.write()]
    if any(failed) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist: a worker is about to start."""
    node.workerinput["univar_since"] = node.config.stash[RUN].since.isoformat()
    if LEDGER not in node.config.stash:
        folder = node.config.stash[LEDGER] = TemporaryDirectory(prefix="univar-")
        node.config.add_cleanup(folder.cleanup)
    node.workerinput["univar_ledger"] = os.path.join(node.config.stash[LEDGER].name, "ledger.json")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """xdist: a worker is done."""
    output = getattr(node, "workeroutput", {})
    if output.get("univar"):
        node.config.stash[RUN].add_profiles_json(output["univar"])
        node.config.stash[RUN].add_measured_bytes(output["univar_measured"])


def _declarations(file: Path, parent: pytest.Collector) -> pytest.Collector:
    from pytest_univar.collection import DeclarationFile

    config = parent.config
    made: pytest.Collector = DeclarationFile.from_parent(
        parent,
        path=file,
        languages=config.stash[RUN].config.languages,
        models=partial(_models, config),
        audit=_auditor,
    )
    return made


def _models(config: pytest.Config, own: bool) -> tuple[str, ...]:
    """The models that a test is repeated for; none where it is not. own: it names one, which the ini cannot replace."""
    models = config.stash[RUN].config.model
    return models if len(models) > 1 and (config.getoption("univar_model") or not own) else ()


def _auditor(item: pytest.Item, model: str | None) -> Auditor:
    """The audit for one item, a test or a declared expectation; a dry run only plans it, and skips the item."""
    run = item.config.stash[RUN]
    want = _wanted(item, model)
    if run.config.dry_run:
        item.user_properties.extend(("univar_plan", plan) for plan in run.plan_json(want))
        pytest.skip("dry run: nothing is asked")
    auditor = run.auditor(item.nodeid, want, partial(_settle, item, run.config.inconclusive))
    item.user_properties.append(("univar_model", want.model))
    item.addfinalizer(partial(_record_cost, item, run, _spent(run)))
    return auditor


def _settle(node: pytest.Item, inconclusive: str, claims: Sequence[Claim]) -> None:
    """Record the claims of one assertion with its test, then end the test if a verdict says so."""
    for claim in claims:
        number = 1 + sum(name == "univar_claim" for name, _ in node.user_properties)
        node.user_properties += [("univar_claim", claim.to_json()), *_readable(claim, number)]
    violated = [claim for claim in claims if claim.verdict == "violated"]
    open_ = [claim for claim in claims if claim.verdict == "inconclusive"]
    if failed := violated + (open_ if inconclusive == "fail" else []):
        pytest.fail("\n".join(map(str, failed)), pytrace=False)
    if open_ and inconclusive == "xfail":
        pytest.xfail("\n".join(map(str, open_)))
    for warning in (UnivarWarning(str(claim)) for claim in open_):
        if isinstance(node, pytest.Function):
            warnings.warn(warning, stacklevel=3)  # at the line of the test that asserts
        else:
            node.warn(warning)  # at the line that declares it


def _readable(claim: Claim, number: int) -> list[tuple[str, str]]:
    """A test's claim as properties of its own in JUnit's XML: what ``univar_claim`` holds as JSON, for people and for
    tools that show properties. The second claim of a test has ``_2`` at the end of each name, and so on."""
    found = {
        "expectation": claim.text,
        "verdict": claim.verdict,
        "estimate": claim.estimate,
        "interval": claim.interval and " to ".join(f"{end:.4f}" for end in claim.interval),
        "threshold": claim.threshold,
        "p_value": claim.p_value,
    }
    end = f"_{number}" if number > 1 else ""
    return [
        (f"univar_{name}{end}", f"{value:.4f}" if isinstance(value, float) else str(value))
        for name, value in found.items()
        if value is not None
    ]


def _record_cost(item: pytest.Item, run: Run, before: tuple[float, int]) -> None:
    """What this test paid: for the profiles that it was the first to need. The costs of all tests add up to the run's;
    one that finds its profiles made, or all answers recorded, costs nothing."""
    cost, unpriced = (now - then for now, then in zip(_spent(run), before, strict=True))
    item.user_properties.append(("univar_cost_usd", "unknown" if unpriced else f"{cost:.6f}"))


def _spent(run: Run) -> tuple[float, int]:
    """US dollars so far, of this process, and how many calls had no known price."""
    from pytest_univar.report.text import tallies_of

    tallies = tallies_of(run.accounts)
    return sum(tally.cost_usd for tally in tallies), sum(tally.unpriced for tally in tallies)


def _began(config: pytest.Config) -> datetime:
    """When the run began: an xdist worker is told, so that no worker asks again for what another one asked."""
    told = getattr(config, "workerinput", {}).get("univar_since")
    if told:
        return datetime.fromisoformat(told)
    now = datetime.now(timezone.utc)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)  # answers are dated to the millisecond


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
    first = next(iter(item.config.getoption("univar_model") or ()), None)
    return wanted(arguments, item.nodeid, model or first, item.config.stash[RUN].config, item.path.parent / CASSETTES)


def _ledger(config: pytest.Config) -> Path | None:
    told = getattr(config, "workerinput", {}).get("univar_ledger")
    return Path(told) if told else None


def _vector_cache(config: pytest.Config) -> Path | None:
    """pytest's own cache folder; nowhere under ``-p no:cacheprovider``."""
    cache = getattr(config, "cache", None)
    return cache.mkdir("univar-vectors") if cache else None


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
