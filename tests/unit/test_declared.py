"""declared/: every form asserts what it says, and a file with a fault is told where, what and what to do."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pytest_univar.declared import FORMS, Loaded, json_schema, load_declaration
from pytest_univar.errors import DataError, ExpectationsError

EVERY_FORM = """\
languages: [eng, spa]
questions: core
samples: 1
model: openai/some-model
expect:
  - {language: eng, region: english-speaking, scheme: culture, share: ">= 0.5"}
  - {language: eng, region: english-speaking, scheme: culture}
  - {language: spa, closer_to: spanish, than: english, scheme: language}
  - {language: eng, distance_to: gpt-4o/eng, below: 0.35}
  - {language: eng, distance_to: gpt, scheme: family, above: 1, confidence: 0.9}
  - {language: eng, unchanged_since: v1.4, within: 0.1}
  - {unchanged_since: v1.4, name: since the last release}
  - {consistent: [eng, spa], below: 0.2}
  - {language: eng, moved_toward: gpt-4o/eng, since: v1.4, away_from: llama/eng}
"""
ONE = "expect:\n  - {region: gpt, scheme: family}\n"
SHIPPED = files("pytest_univar")
ROOT = Path(__file__).parents[2]


class Noted:
    """Stands for an Auditor, and notes the assertions that are made."""

    languages = ("eng",)

    def __init__(self) -> None:
        self.made: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def note(*values: Any, **named: Any) -> None:
            given = {key: value for key, value in named.items() if value is not None}
            self.made.append((name.removeprefix("assert_"), values, given))

        return note


def load(tmp_path: Path, text: str | bytes, languages: tuple[str, ...] = ("eng",)) -> Loaded:
    file = tmp_path / "values.univar.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_declaration(file, languages)


def fault(tmp_path: Path, text: str | bytes, languages: tuple[str, ...] = ("eng",)) -> str:
    """The message, without the folder."""
    with pytest.raises(ExpectationsError) as caught:
        load(tmp_path, text, languages)
    assert isinstance(caught.value, DataError)
    return str(caught.value).replace(f"{tmp_path}/", "")


# --------------------------------------------------------------------------------------------------------------- forms


def test_every_form_has_a_name_a_line_and_its_assertion(tmp_path: Path) -> None:
    loaded = load(tmp_path, EVERY_FORM)
    assert loaded.settings == {
        "languages": ("eng", "spa"),
        "questions": "core",
        "samples": 1,
        "model": "openai/some-model",
    }
    assert [(item.name, item.line) for item in loaded.items] == [
        ("eng at least 0.5 in english-speaking (culture)", 6),
        ("eng in english-speaking (culture)", 7),
        ("spa closer to spanish than english (language)", 8),
        ("eng distance to gpt-4o/eng below 0.35", 9),
        ("eng distance to gpt above 1 (family)", 10),
        ("eng unchanged since v1.4 within 0.1", 11),
        ("since the last release", 12),
        ("eng, spa consistent below 0.2", 13),
        ("eng moved toward gpt-4o/eng and away from llama/eng since v1.4", 14),
    ]
    auditor: Any = Noted()
    for item in loaded.items:
        item.expectation.check(auditor)
    assert auditor.made == [
        ("region", ("eng", "english-speaking"), {"scheme": "culture", "share": 0.5}),
        ("region", ("eng", "english-speaking"), {"scheme": "culture"}),
        ("closer", ("spa",), {"to": "spanish", "than": "english", "scheme": "language"}),
        ("distance", ("eng", "gpt-4o/eng"), {"below": 0.35}),
        ("distance", ("eng", "gpt"), {"above": 1, "scheme": "family", "confidence": 0.9}),
        ("unchanged", ("eng",), {"since": "v1.4", "within": 0.1}),
        ("unchanged", (None,), {"since": "v1.4"}),
        ("consistent", (("eng", "spa"),), {"below": 0.2}),
        ("moved_toward", ("eng", "gpt-4o/eng"), {"since": "v1.4", "away_from": "llama/eng"}),
    ]


def test_the_only_language_need_not_be_named(tmp_path: Path) -> None:
    assert load(tmp_path, ONE).items[0].name == "eng in gpt (family)"
    assert load(tmp_path, "languages: [spa]\n" + ONE).items[0].name == "spa in gpt (family)"
    auditor: Any = Noted()
    load(tmp_path, ONE).items[0].expectation.check(auditor)
    assert auditor.made == [("region", ("eng", "gpt"), {"scheme": "family"})]


@pytest.mark.parametrize("share", ["0.5", '">= 0.5"', "'>=.5'", '" >= 0.50 "'])
def test_a_share_is_a_number_or_a_text(tmp_path: Path, share: str) -> None:
    (item,) = load(tmp_path, f"expect: [{{region: gpt, scheme: family, share: {share}}}]").items
    assert item.name == "eng at least 0.5 in gpt (family)"


def test_anchors_and_merged_keys(tmp_path: Path) -> None:
    text = (
        "expect:\n  - &base {region: gpt, scheme: family}\n  - {<<: *base, share: 0.5}\n  - {<<: *base, scheme: llm}\n"
    )
    names = [item.name for item in load(tmp_path, text).items]
    assert names == ["eng in gpt (family)", "eng at least 0.5 in gpt (family)", "eng in gpt (llm)"]


# -------------------------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("expectation", "key", "found", "expected", "remedy"),
    [
        ("{regoin: gpt, scheme: family}", "expect", "the keys regoin, scheme (is 'region'", "one of region", "Add"),
        ("{}", "expect", "the keys none", "one of region, closer_to", "Add"),
        ("gpt", "expect", "'gpt'", "a mapping, such as {language: eng", "Mend"),
        ("{region: a, closer_to: b}", "expect", "'region' and 'closer_to' in one", "one of them", "Make them two"),
        ("{region: gpt}", "scheme", "none", "a scheme of the bank", "Add it"),
        ("{closer_to: gpt, scheme: family}", "than", "none", "a region of the scheme or, where no scheme", "Add it"),
        ("{moved_toward: gpt/eng}", "since", "none", "the name of a baseline", "Add it"),
        ("{region: a, scheme: b, languge: eng}", "languge", "this key (is 'language' meant?)", "one of name", "Rename"),
        ("{region: a, scheme: b, below: 1}", "below", "this key", "one of name, confidence, language", "remove"),
        ("{region: 1, scheme: b}", "region", "1", "a region of the scheme", "Put it between quotes"),
        ("{region: yes, scheme: b}", "region", "True", "a region of the scheme", "Put it between quotes"),
        ("{region: '', scheme: b}", "region", "''", "a region of the scheme", "Mend it"),
        ("{region: , scheme: b}", "region", "nothing", "a region of the scheme", "Mend it"),
        ("{region: [a], scheme: b}", "region", "['a']", "a region of the scheme", "Mend it"),
        ("{unchanged_since: 1.4}", "unchanged_since", "1.4", "the name of a baseline", "Put it between quotes"),
        ("{unchanged_since: 2024-05-01}", "unchanged_since", "datetime.date", "the name of a", "Put it between quotes"),
        ("{unchanged_since: v1, within: 0}", "within", "0", "a number above 0", "Mend it"),
        ("{region: a, scheme: b, share: '> 0.5'}", "share", "'> 0.5'", "a number between 0 and 1, or a", "Mend it"),
        ("{region: a, scheme: b, share: '>= 50'}", "share", "'>= 50'", "a number between 0 and 1, or a", "Mend it"),
        ("{region: a, scheme: b, share: 50%}", "share", "'50%'", "a number between 0 and 1, or a", "Mend it"),
        ("{region: a, scheme: b, share: true}", "share", "True", "a number between 0 and 1, or a", "Mend it"),
        ("{region: a, scheme: b, share: 1}", "share", "1", "a number between 0 and 1, or a", "Mend it"),
        ("{distance_to: a/eng}", "distance_to", "no number", "one of below and above", "Add one, such as below: 0.35"),
        ("{distance_to: a/eng, below: 1, above: 2}", "distance_to", "'below' and 'above'", "one of", "Make them two"),
        ("{distance_to: a/eng, below: '0.3'}", "below", "'0.3'", "a number above 0", "Mend it"),
        ("{distance_to: a/eng, below: .nan}", "below", "nan", "a number above 0", "Mend it"),
        ("{distance_to: a/eng, above: .inf}", "above", "inf", "a number above 0", "Mend it"),
        ("{consistent: [eng]}", "consistent", "['eng']", "a list of at least two different ones", "Mend it"),
        ("{consistent: [eng, eng]}", "consistent", "['eng', 'eng']", "a list of at least two different", "Mend it"),
        ("{consistent: [eng, en]}", "consistent", "'en'", "a list of at least two different ones", "Mend it"),
        ("{consistent: [eng, fra]}", "consistent", "'fra'", "one of eng, the languages of the run", "languages: ["),
        ("{region: a, scheme: b, language: en}", "language", "'en'", "one of the ISO 639-3 codes arb,", "Mend it"),
        ("{region: a, scheme: b, language: fra}", "language", "'fra'", "one of eng", "languages: [eng, fra]"),
        ("{region: a, scheme: b, confidence: 95}", "confidence", "95", "a number between 0 and 1", "Mend it"),
        ("{region: a, scheme: b, name: 'a::b'}", "name", "'a::b'", "the name of the test item", "Mend it"),
        ("{region: a, scheme: b, name: 'a[b]'}", "name", "'a[b]'", "the name of the test item", "Mend it"),
        ('{region: a, scheme: b, name: "a\\nb"}', "name", "'a\\nb'", "the name of the test item", "Mend it"),
    ],
)  # fmt: skip
def test_a_fault_in_an_expectation(
    tmp_path: Path, expectation: str, key: str, found: str, expected: str, remedy: str
) -> None:
    said = fault(tmp_path, f"# a comment\nquestions: core\nexpect:\n  - {expectation}\n")
    assert said.startswith(f"values.univar.yaml, line 4, key {key!r}: found {found}")
    assert f", expected {expected}" in said
    assert remedy in said.rpartition(", expected ")[2]
    assert "\n" not in said


@pytest.mark.parametrize(
    ("head", "line", "key", "found", "expected"),
    [
        ("samples: 0", 1, "samples", "0", "a whole number from 1"),
        ("samples: yes", 1, "samples", "True", "a whole number from 1"),
        ("samples: 1.5", 1, "samples", "1.5", "a whole number from 1"),
        ("\nmodel: 3", 2, "model", "3", "a model as for --univar-model"),
        ("questions: [core]", 1, "questions", "['core']", "the name or the file of a question set"),
        ("languages: eng", 1, "languages", "'eng'", "a list of different ones of the ISO 639-3 codes"),
        ("languages: []", 1, "languages", "[]", "a list of different ones"),
        ("languages:\n  - eng\n  - en", 3, "languages", "'en'", "a list of different ones"),
        ("languages: [eng, eng]", 1, "languages", "['eng', 'eng']", "a list of different ones"),
        ("sample: 1", 1, "sample", "this key (is 'samples' meant?)", "one of languages, questions, samples"),
        ("1: 1", 1, "1", "this key", "one of languages, questions, samples, model, expect"),
        ("model: a\nmodel: b", 1, "model", "it again in line 2", "it once"),
        ("languages: [eng, spa]", 3, "language", "none", "one of eng, spa, the languages of the file"),
    ],
)
def test_a_fault_in_the_head(tmp_path: Path, head: str, line: int, key: str, found: str, expected: str) -> None:
    said = fault(tmp_path, f"{head}\n{ONE}")
    assert said.startswith(f"values.univar.yaml, line {line}, key {key!r}: found {found}")
    assert f", expected {expected}" in said


@pytest.mark.parametrize(
    ("text", "where", "found", "expected"),
    [
        ("", "", "nothing", "a mapping with the key 'expect'"),
        ("- region: gpt", "", "[{'region': 'gpt'}]", "a mapping with the key 'expect'"),
        ("questions: core", ", line 1, key 'expect'", "none", "a list of expectations"),
        ("expect: []", ", line 1, key 'expect'", "[]", "a list of expectations"),
        ("expect: {region: gpt}", ", line 1, key 'expect'", "{'region': 'gpt'}", "a list of expectations"),
        ("expect: &a [*a]", ", line 1, key 'expect'", "[[...]]", "a mapping"),
        ("expect:\n  - {region: a: b}", ", line 2", "something that is not YAML", "keys and values"),
        ("? [a]\n: b", ", line 1", "something that is not YAML (found unhashable key)", "keys and values"),
        ("a: b\n---\nc: d", ", line 2", "something that is not YAML", "keys and values"),
        ("a: !!python/name:os.system x", ", line 1", "something that is not YAML", "keys and values"),
        ("a: 2024-13-01", "", "something that is not YAML", "keys and values"),
        ("a: \x07", "", "something that is not YAML", "keys and values"),
        (b"a: b\nc: \xff", ", line 2", "the byte 0xff", "UTF-8"),
    ],
)
def test_a_file_that_is_no_declaration(
    tmp_path: Path, text: str | bytes, where: str, found: str, expected: str
) -> None:
    said = fault(tmp_path, text)
    assert said.startswith(f"values.univar.yaml{where}: found {found}")
    assert f", expected {expected}" in said
    assert "\n" not in said


def test_every_fault_is_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "expect:\n  - {region: gpt}\n  - {closer_to: a, then: b}\nsample: 3\n"
    lines = fault(tmp_path, text).splitlines()
    assert [re.findall(r"line (\d), key '(\w+)'", line)[0] for line in lines] == [
        ("2", "scheme"),
        ("3", "than"),
        ("3", "then"),
        ("4", "sample"),
    ]


def test_a_name_stands_once(tmp_path: Path) -> None:
    text = ONE + "  - {language: eng, region: gpt, scheme: family, confidence: 0.9}\n"
    said = fault(tmp_path, text)
    assert said.startswith(
        "values.univar.yaml, line 3, key 'name': found a second expectation named 'eng in gpt (family)'"
    )
    assert len(load(tmp_path, text.replace("0.9", "0.9, name: surely")).items) == 2


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ExpectationsError, match="found no readable file"):
        load_declaration(tmp_path / "none.univar.yaml", ("eng",))


# ---------------------------------------------------------------------------------------- the schema and the examples


def test_the_shipped_schema_is_that_of_the_models() -> None:
    shipped = SHIPPED.joinpath("univar.schema.json").read_text("utf-8")
    assert shipped == json.dumps(json_schema(), indent=2) + "\n"
    jsonschema.Draft202012Validator.check_schema(json_schema())


def starting_file() -> str:
    return SHIPPED.joinpath("starting_file.yaml").read_text("utf-8")


def test_the_starting_file_explains_every_form(tmp_path: Path) -> None:
    assert len(load(tmp_path, starting_file()).items) == 1
    every = re.sub(r"^( *)# (- \{)", r"\1\2", starting_file(), flags=re.MULTILINE).replace("[eng]", "[eng, spa]")
    items = load(tmp_path, every).items
    assert {type(item.expectation) for item in items} == set(FORMS.values())
    jsonschema.validate(yaml.safe_load(every), json_schema())


@pytest.mark.parametrize("document", ["README.md", "docs/expectations.md"])
def test_the_examples_in_the_documents_load(tmp_path: Path, document: str) -> None:
    examples = re.findall(r"^```yaml\n(.*?)^```", (ROOT / document).read_text(encoding="utf-8"), re.M | re.S)
    declared = [example for example in examples if "expect:" in example]  # others are question sets
    assert declared
    for example in declared:
        assert load(tmp_path, example).items
        jsonschema.validate(yaml.safe_load(example), json_schema())


def test_the_schema_and_the_loader_agree(tmp_path: Path) -> None:
    jsonschema.validate(yaml.safe_load(EVERY_FORM), json_schema())
    jsonschema.validate(yaml.safe_load(starting_file()), json_schema())
    for bad in (
        "expect: []",
        "expect: [{region: gpt}]",
        "expect: [{region: gpt, scheme: family, share: '> 0.5'}]",
        "expect: [{region: gpt, scheme: family, language: en}]",
        "expect: [{region: gpt, closer_to: a, than: b, scheme: c}]",
        "expect: [{consistent: [eng, eng]}]",
        "expect: [{consistent: [eng]}]",
        "expect: [{distance_to: a/eng}]",
        "expect: [{distance_to: a/eng, below: 1, above: 2}]",
        "expect: [{region: '', scheme: family}]",
        "languages: []\nexpect: [{unchanged_since: v1}]",
        "sample: 1\nexpect: [{unchanged_since: v1}]",
    ):
        fault(tmp_path, bad)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(yaml.safe_load(bad), json_schema())
