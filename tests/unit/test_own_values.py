"""Which values questions are written about: ids of the taxonomy, or a file of one's own and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_univar.errors import QuestionsError, UsageError
from pytest_univar.questions import HumanValue, load_values
from pytest_univar.questions.own_values import choose_values, read_values

CANDOUR = HumanValue("candour", "Candour", "Tact", "Saying what one thinks, even unasked.", "")
THRIFT = HumanValue("thrift", "Thrift", None, "Spending no more than is needed.", "ours")


def test_values_are_chosen_by_id_or_all_of_them() -> None:
    assert choose_values("") == load_values()
    assert [value.id for value in choose_values("freedom, equality,freedom")] == ["freedom", "equality"]
    with pytest.raises(UsageError, match="found the value 'fredom', expected an id of the taxonomy, such as freedom"):
        choose_values("equality,fredom")


def test_values_of_ones_own(tmp_path: Path) -> None:
    lines = tmp_path / "ours.jsonl"
    lines.write_text(
        '{"id": "candour", "name": "Candour", "definition": "Saying what one thinks, even unasked.", '
        '"opposite": "Tact"}\n\n{"id": "thrift", "name": "Thrift", "definition": "Spending no more than is needed.", '
        '"source": "ours"}\n',
        encoding="utf-8",
    )
    listed = tmp_path / "ours.yaml"
    listed.write_text(
        "- id: candour\n  name: Candour\n  definition: Saying what one thinks, even unasked.\n  opposite: Tact\n"
        "- {id: thrift, name: Thrift, definition: Spending no more than is needed., source: ours}\n",
        encoding="utf-8",
    )
    assert choose_values(str(lines)) == read_values(listed) == (CANDOUR, THRIFT)


GOOD = '{"id": "candour", "name": "Candour", "definition": "Saying what one thinks."}'


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", GOOD + "\n{", r"a\.jsonl, line 2, column 2: found something that is not JSON \(.*\), expected one"),
        ("a.jsonl", GOOD + "\n" + GOOD, r"a\.jsonl, line 2: found the same id 'candour' as in line 1, expected each"),
        ("a.jsonl", '["a"]', r"a\.jsonl, line 1: found .*, expected an object such as"),
        ("a.jsonl", '{"id": "a", "name": "A"}', r"line 1, field 'definition': found none, expected a text\. Add it"),
        (
            "a.jsonl",
            GOOD.replace("name", "nam"),
            r"line 1: found the field 'nam', expected no fields but id, name, def",
        ),
        (
            "a.jsonl",
            GOOD.replace('"Candour"', "7"),
            r"line 1, field 'name': found 7, expected a text that is not empty",
        ),
        ("a.jsonl", GOOD.replace("candour", "Cand our"), r"line 1, field 'id': found 'Cand our', expected small lett"),
        ("a.jsonl", "\n", r"a\.jsonl: found no values, expected at least one"),
        ("a.yaml", "- id: a\n  name: [", r"a\.yaml, line 2: found something that is not YAML"),
        ("a.yaml", "- {id: a, name: A}\n-\n  id: b", r"a\.yaml, line 1, field 'definition': found none"),
        ("a.yaml", "id: a", r"a\.yaml: found no list, expected one of values"),
        ("a.csv", "id", r"a\.csv: found the ending '\.csv', expected \.jsonl"),
    ],
)
def test_what_a_bad_file_of_values_gets(name: str, text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(QuestionsError, match=message):
        read_values(path)


def test_a_file_of_values_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(QuestionsError, match=r"nowhere\.yaml: found no readable UTF-8 file"):
        choose_values(str(tmp_path / "nowhere.yaml"))
