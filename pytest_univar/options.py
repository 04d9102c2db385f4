"""Every option once: ``--univar-NAME`` on the command line, its twin ``univar_NAME`` in the ini."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_univar.errors import UsageError
from pytest_univar.languages import language as known_language

if TYPE_CHECKING:
    import pytest

NEWEST = "newest"
GITHUB = "github"
TRANSLATORS = "nllb, opus, apertium, none, litellm:MODEL or a checkpoint's folder"
Record = Literal["none", "new", "all"]
Report = Literal["none", "summary", "full"]
Translation = Literal["whole", "paper"]
Inconclusive = Literal["fail", "warn", "xfail"]


# NamedTuples, because every pytest run imports this module and a dataclass takes several times as long to define.


class Option(NamedTuple):
    """One setting. name: as in AuditConfig. parse: text → value, raising ValueError. expected: said when it does."""

    name: str
    parse: Callable[[str], Any]
    default: Any
    expected: str
    help: str
    metavar: str = "VALUE"
    many: bool = False
    alone: str | None = None
    """What the flag means without a value; None where it needs one."""
    path: bool = False
    """May be a path: in the ini file it is taken from that file's folder, on the command line from the current one."""

    @property
    def flag(self) -> str:
        return "--univar-" + self.name.replace("_", "-")

    @property
    def ini(self) -> str:
        return "univar_" + self.name


class AuditConfig(NamedTuple):
    """What an audit is to do, as typed values; the meaning of each field stands in OPTIONS."""

    model: tuple[str, ...]
    api_base: str | None
    questions: str | None
    languages: tuple[str, ...]
    samples: int
    limit: int | None
    encoder: str
    bank: str
    device: str | None
    dtype: str | None
    translator: str | None
    translation: Translation
    translator_api_base: str | None
    record: Record
    cassette_dir: str | None
    concurrency: int
    rpm: float | None
    timeout: float
    attempts: int
    temperature: float | None
    top_p: float | None
    max_tokens: int
    seed: int | None
    system_prompt: str | None
    extra: Mapping[str, Any]
    dry_run: bool
    max_cost: float | None
    allow_unknown_price: bool
    min_coverage: float
    confidence: float
    inconclusive: Inconclusive
    save: str | None
    compare: str | None
    compare_fail: tuple[float | None, float | None] | None
    trajectory: str | None
    report: Report
    html: str | None
    md: str | None
    json: str | None


def _number(kind: type[int] | type[float], low: float, high: float = float("inf")) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        value = kind(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return parse


def _choice(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError
        return text

    return parse


def _or_none(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """``none`` leaves a parameter to the provider: some models refuse it whatever its value."""
    return lambda text: None if text == "none" else parse(text)


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise ValueError
    return value


def _positive_share(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise ValueError
    return value


def _object(text: str) -> Mapping[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError
    return value


def _truth(text: str) -> bool:
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]


def _languages(text: str) -> tuple[str, ...]:
    codes = tuple(known_language(code).code for code in text.replace(",", " ").split())
    if not codes:
        raise ValueError
    return codes


def parse_translator(text: str) -> str:
    """The name of a translator; UsageError for anything else."""
    try:
        return _translator(text)
    except ValueError:
        raise UsageError(f"found the translator {text!r}, expected {TRANSLATORS}") from None


def _translator(text: str) -> str:
    kind, colon, model = text.partition(":")
    named = bool(model) if colon else kind in ("nllb", "opus")
    if not ((named and kind in ("nllb", "opus", "litellm")) or text in ("apertium", "none") or os.path.isdir(text)):
        raise ValueError
    return text


def _fail_when(text: str) -> tuple[float | None, float | None]:
    """``p<0.01|distance>0.2`` as (0.01, 0.2); either part may be missing."""
    found: dict[str, float] = {}
    for part in text.split("|"):
        match = re.fullmatch(r"\s*(p\s*<|distance\s*>)\s*([0-9.]+)\s*", part)
        if not match or (name := match[1].rstrip("<> ")) in found:
            raise ValueError
        found[name] = float(match[2])
    return found.get("p"), found.get("distance")


OPTIONS = (
    Option("model", str, (), "a model", many=True, metavar="MODEL", path=True,
           help="the model under audit: a litellm name such as openai/gpt-4o-mini, or replay:FILE for answers "
           "collected elsewhere (JSON lines, an OpenAI batch's output, or the CSV files of UniVaR); several times: "
           "tests run once for each"),
    Option("api_base", str, None, "a URL", metavar="URL", help="the endpoint of an OpenAI-compatible server"),
    Option("questions", str, None, "a question set", metavar="SET", path=True,
           help="a built-in question set or a file of one's own; default: core, or with replay: the file's own"),
    Option("languages", _languages, ("eng",), "ISO 639-3 codes", metavar="CODES",
           help="the languages to ask in, such as eng,spa; default: eng"),
    Option("samples", _number(int, 1), 1, "a whole number from 1", metavar="N",
           help="answers to each question; default: 1"),
    Option("limit", _number(int, 2), None, "a whole number from 2", metavar="N",
           help="ask only so many questions of the set, the same ones each time, spread over its values"),
    Option("encoder", str, "univar-mini", "an encoder", metavar="ENCODER", path=True,
           help="the UniVaR encoder: univar-mini (bundled), a folder, or a hub id such as CAiRE/UniVaR-lambda-5; "
           "default: univar-mini"),
    Option("bank", str, "univar-mini-eng", "a reference bank", metavar="BANK", path=True,
           help="the reference bank: a bundled name or a folder; default: univar-mini-eng"),
    Option("device", str, None, "a device", metavar="DEVICE",
           help="where the encoder runs: cpu, cuda, cuda:1, mps; default: the best there is"),
    Option("dtype", _choice("float32", "bfloat16", "float16"), None, "float32, bfloat16 or float16", metavar="TYPE",
           help="the encoder's number type; default: bfloat16 on CUDA, float32 elsewhere"),
    Option("translator", _translator, None, TRANSLATORS,
           metavar="TRANSLATOR", path=True,
           help="what brings answers in other languages to English: nllb[:MODEL] (not for commercial use), "
           "opus[:MODEL], the folder of a seq2seq checkpoint, litellm:MODEL, apertium, or none where they are English; "
           "no default: the choice is a licence's, too"),
    Option("translation", _choice("whole", "paper"), "whole", "whole or paper", metavar="HOW",
           help="whole: answers sentence by sentence, questions in the English they are known in (default); paper: "
           "question and answer as one text each, cut at 256 tokens by nllb and opus"),
    Option("translator_api_base", str, None, "a URL", metavar="URL",
           help="the endpoint of litellm:MODEL as the translator; default: the provider's own"),
    Option("record", _choice("none", "new", "all"), lambda: "none" if os.environ.get("CI") else "new",
           "none, new or all", metavar="MODE",
           help="new: ask what the cassette lacks (default); none: never call out (default where the variable CI is "
           "set); all: ask everything again"),
    Option("cassette_dir", str, None, "a folder", metavar="DIR", path=True,
           help="where answers are recorded; default: the folder 'cassettes' beside the test file"),
    Option("concurrency", _number(int, 1), 8, "a whole number from 1", metavar="N",
           help="calls in flight at once, at the most; default: 8"),
    Option("rpm", _number(float, 0.001), None, "a number above 0", metavar="N",
           help="requests a minute, at the most, of each process; default: no limit"),
    Option("timeout", _number(float, 0.001), 60.0, "seconds above 0", metavar="SECONDS",
           help="the longest one attempt may take; default: 60"),
    Option("attempts", _number(int, 1), 5, "a whole number from 1", metavar="N",
           help="attempts for each question before it counts as missing; default: 5"),
    Option("temperature", _or_none(_number(float, 0, 2)), None, "a number from 0 to 2, or none", metavar="T",
           help="sampling temperature; default: the provider's"),
    Option("top_p", _or_none(_number(float, 0, 1)), 0.95, "a number from 0 to 1, or none", metavar="P",
           help="nucleus sampling; none leaves it to the provider; default: 0.95, as in the paper"),
    Option("max_tokens", _number(int, 1), 128, "a whole number from 1", metavar="N",
           help="the longest answer in tokens; default: 128, as in the paper"),
    Option("seed", _or_none(int), None, "a whole number, or none", metavar="N",
           help="the provider's sampling seed; default: none"),
    Option("system_prompt", str, None, "a text", metavar="TEXT", help="a system prompt; default: none"),
    Option("extra", _object, {}, "a JSON object", metavar="JSON",
           help='further parameters of the provider, such as {"top_k": 50}; default: none'),
    Option("dry_run", _truth, False, "true or false", metavar="BOOL", alone="true",
           help="say what asking would take in calls, tokens and cost, and ask nothing"),
    Option("max_cost", _number(float, 0), None, "US dollars from 0", metavar="USD",
           help="stop before the call that would cost more than this in all"),
    Option("allow_unknown_price", _truth, False, "true or false", metavar="BOOL", alone="true",
           help="with --univar-max-cost: go on where the price of a model is unknown; default: false"),
    Option("min_coverage", _positive_share, 0.9, "a number above 0, at most 1", metavar="SHARE",
           help="the share of questions that must be answered; default: 0.9"),
    Option("confidence", _share, 0.95, "a number between 0 and 1", metavar="SHARE",
           help="the confidence of every interval; default: 0.95"),
    Option("inconclusive", _choice("fail", "warn", "xfail"), "fail", "fail, warn or xfail", metavar="WHAT",
           help="what an inconclusive expectation does to its test; default: fail"),
    Option("save", str, None, "a name", metavar="NAME",
           help="save the audited profiles as a baseline of this name, under .univar/"),
    Option("compare", str, None, "a baseline's name", metavar="NAME", alone=NEWEST,
           help="report drift against a saved baseline, the newest of this name; without a name the newest of all"),
    Option("compare_fail", _fail_when, None, "p<NUMBER, distance>NUMBER, or both with | between them",
           metavar="WHEN",
           help="with --univar-compare: fail the run where the drift's p-value (after Holm over the languages) is "
           "below a number, or its whole interval above a distance, such as 'p<0.01|distance>0.2'"),
    Option("trajectory", str, None, "a target", metavar="TARGET",
           help="with --univar-model given several times, in order: report the path of these checkpoints: their "
           "distances to TARGET (a value ID of the bank, or SCHEME:REGION) and to the first of them"),
    Option("report", _choice("none", "summary", "full"), "full", "none, summary or full", metavar="HOW_MUCH",
           help="the report in the terminal: full (default; a summary under -q), summary or none"),
    Option("html", str, None, "a file", metavar="FILE", path=True,
           help="write the report with the value map as one HTML file that needs nothing else"),
    Option("md", str, None, "a file", metavar="FILE", alone=GITHUB, path=True,
           help="write the report as Markdown; without a file it is appended to the one that the variable "
           "GITHUB_STEP_SUMMARY names"),
    Option("json", str, None, "a file", metavar="FILE", path=True,
           help="write everything the run found as JSON; univar report draws it again"),
)  # fmt: skip


def add_options(parser: pytest.Parser) -> None:
    """Declare every option with its ini twin; values stay text until ``read_config``."""
    group = parser.getgroup("univar", "audit the values a large language model expresses (pytest-univar)")
    for option in OPTIONS:
        group.addoption(
            option.flag,
            dest=option.ini,
            metavar=option.metavar,
            help=option.help,
            action="append" if option.many else "store",
            **({"nargs": "?", "const": option.alone} if option.alone else {}),
        )
        kind: Literal["linelist", "string"] = "linelist" if option.many else "string"
        parser.addini(option.ini, option.help, type=kind, default=None)


def read_config(config: pytest.Config) -> AuditConfig:
    """The run's settings: command line over ini over default. UsageError for a value that cannot be."""
    return AuditConfig(**{option.name: _read(option, config) for option in OPTIONS})


def default_config(**changes: str | None) -> AuditConfig:
    """The settings of an audit without pytest: every default but for ``changes``, which are texts as on a command line
    and are left out where None."""
    given = {name: text for name, text in changes.items() if text is not None}
    return AuditConfig(**{option.name: _changed(option, given.get(option.name)) for option in OPTIONS})


def _changed(option: Option, text: str | None) -> Any:
    if text is None:
        return _default(option)
    return (text,) if option.many else _parse(option, "--" + option.name.replace("_", "-"), text)


def _read(option: Option, config: pytest.Config) -> Any:
    if found := config.getoption(option.ini):
        return tuple(found) if option.many else _parse(option, option.flag, str(found))
    if found := config.getini(option.ini):
        texts = [_from_ini(option, text, config) for text in (found if option.many else [str(found)])]
        return tuple(texts) if option.many else _parse(option, option.ini, texts[0])
    return _default(option)


def _default(option: Option) -> Any:
    return option.default() if callable(option.default) else option.default


def _from_ini(option: Option, text: str, config: pytest.Config) -> str:
    """A path of the ini file as the current folder sees it; anything else as it stands."""
    if not option.path or config.inipath is None:
        return text
    prefix, colon, name = text.rpartition("replay:")
    here = os.path.relpath(config.inipath.parent / name, config.invocation_params.dir)
    may_be_new = option.name in ("cassette_dir", "html", "md", "json")
    return prefix + colon + here if may_be_new or os.path.exists(config.inipath.parent / name) else text


def _parse(option: Option, where: str, found: str) -> Any:
    try:
        return option.parse(found)
    except (ValueError, KeyError):
        shown = "something else" if option.name == "extra" else repr(found)  # extra parameters may hold a secret
        hint = f". Write {where}={option.alone} where another argument follows" if option.alone else ""
        raise UsageError(f"{where}: found {shown}, expected {option.expected}{hint}") from None
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


assert [option.name for option in OPTIONS] == list(AuditConfig._fields)
