"""options.py and what run.py makes of a marker: every option once, its twin, its default, its message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_univar.errors import UsageError
from pytest_univar.options import OPTIONS, AuditConfig, Option, default_config, read_config
from pytest_univar.run import wanted

SETTINGS = AuditConfig(**{option.name: option.default for option in OPTIONS} | {"record": "new"})
FOLDER = Path("values/cassettes")


def config_of(pytester: pytest.Pytester, *arguments: str, ini: str = "") -> AuditConfig:
    pytester.makefile(".ini", pytest=f"[pytest]\n{ini}")
    return read_config(pytester.parseconfig(*arguments))


def test_every_field_has_its_option_and_a_good_default() -> None:
    assert [option.name for option in OPTIONS] == list(AuditConfig._fields)
    for option in OPTIONS:
        if option.default and not callable(option.default):
            text = " ".join(option.default) if isinstance(option.default, tuple) else str(option.default)
            assert option.parse(text) == option.default
            assert "default" in option.help


@pytest.mark.parametrize("option", OPTIONS, ids=[option.name for option in OPTIONS])
def test_flag_and_twin(option: Option) -> None:
    assert option.flag.startswith("--univar-")
    assert "_" not in option.flag
    assert option.ini == option.flag.removeprefix("--").replace("-", "_")


def test_defaults(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert config_of(pytester) == SETTINGS
    monkeypatch.setenv("CI", "true")
    assert config_of(pytester) == SETTINGS._replace(record="none")
    assert config_of(pytester, "--univar-record=new") == SETTINGS


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("api_base", "http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("languages", "eng, spa fra", ("eng", "spa", "fra")),
        ("samples", "3", 3),
        ("timeout", "0.5", 0.5),
        ("temperature", "0", 0.0),
        ("temperature", "none", None),
        ("top_p", "none", None),
        ("top_p", "1", 1.0),
        ("seed", "0", 0),
        ("seed", "-3", -3),
        ("rpm", "0.5", 0.5),
        ("limit", "2", 2),
        ("extra", '{"top_k": 50}', {"top_k": 50}),
        ("max_cost", "0", 0.0),
        ("allow_unknown_price", "yes", True),
        ("allow_unknown_price", "0", False),
        ("min_coverage", "1", 1.0),
        ("confidence", "0.9", 0.9),
        ("record", "all", "all"),
        ("inconclusive", "xfail", "xfail"),
        ("dtype", "float16", "float16"),
    ],
)
def test_a_value_by_option_and_by_ini(pytester: pytest.Pytester, name: str, text: str, value: Any) -> None:
    by_option = config_of(pytester, f"--univar-{name.replace('_', '-')}={text}")
    by_ini = config_of(pytester, ini=f"univar_{name} = {text}")
    assert getattr(by_option, name) == getattr(by_ini, name) == value


def test_the_command_line_comes_before_the_ini(pytester: pytest.Pytester) -> None:
    ini = "univar_samples = 3\nunivar_seed = 4\nunivar_model =\n  openai/a\n  openai/b\n"
    assert config_of(pytester, ini=ini).model == ("openai/a", "openai/b")
    config = config_of(pytester, "--univar-samples=2", "--univar-seed=0", "--univar-model=openai/c", ini=ini)
    assert (config.samples, config.seed, config.model) == (2, 0, ("openai/c",))


def test_a_switch_may_stand_alone(pytester: pytest.Pytester) -> None:
    assert config_of(pytester, "--univar-allow-unknown-price").allow_unknown_price


def test_a_marker_comes_before_the_settings() -> None:
    arguments = {"model": "openai/x", "languages": ["spa"], "questions": Path("own.yaml"), "samples": 2}
    want = wanted(arguments, "test", None, SETTINGS, FOLDER)
    assert (want.model, want.languages, want.questions, want.samples) == ("openai/x", ("spa",), "own.yaml", 2)
    assert want.cassette_dir == FOLDER
    assert wanted(arguments, "test", "openai/given", SETTINGS, FOLDER).model == "openai/given"


def test_settings_without_pytest() -> None:
    changed = default_config(model="openai/x", languages="eng,spa", confidence="0.9", api_base=None)
    assert changed == default_config()._replace(model=("openai/x",), languages=("eng", "spa"), confidence=0.9)
    with pytest.raises(UsageError, match="--confidence: found '95', expected a number between 0 and 1"):
        default_config(confidence="95")


def test_without_a_model() -> None:
    with pytest.raises(UsageError, match="no model to audit was given"):
        wanted({}, "test", None, SETTINGS, FOLDER)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("p<0.01", (0.01, None)),
        ("distance>0.2", (None, 0.2)),
        (" p < 0.05 | distance > 1 ", (0.05, 1.0)),
    ],
)
def test_when_drift_fails_a_run(pytester: pytest.Pytester, text: str, value: object) -> None:
    assert config_of(pytester, f"--univar-compare-fail={text}").compare_fail == value


def test_a_flag_that_may_stand_alone(pytester: pytest.Pytester) -> None:
    assert config_of(pytester, "--univar-compare").compare == "newest"
    assert config_of(pytester, "--univar-compare=v1").compare == "v1"


def test_paths_of_the_ini_file_start_at_its_folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the command line start where pytest was called; what is no path there stays a name."""
    (pytester.path / "values").mkdir()
    (pytester.path / "values" / "questions.jsonl").touch()
    ini = "univar_questions = questions.jsonl\nunivar_cassette_dir = tapes\nunivar_bank = univar-mini-eng\n"
    (pytester.path / "values" / "pytest.ini").write_text(f"[pytest]\n{ini}", encoding="utf-8")
    found = read_config(pytester.parseconfig("values", "--univar-json=out.json"))
    assert found.questions == str(Path("values/questions.jsonl"))
    assert found.cassette_dir == str(Path("values/tapes"))
    assert (found.bank, found.json) == ("univar-mini-eng", "out.json")


def test_extra_parameters_are_never_repeated_in_a_message(pytester: pytest.Pytester) -> None:
    with pytest.raises(UsageError, match="expected a JSON object") as error:
        config_of(pytester, '--univar-extra={"extra_headers": {"x": "hush-hush"}')
    assert "hush" not in str(error.value)
