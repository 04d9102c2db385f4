"""The commands about recorded answers, on files that an audit would write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from pytest_univar.cassette import Cassette
from pytest_univar.cli import app
from pytest_univar.values import Answer


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    return result.exit_code, result.output


def record(path: Path, *answers: str, question: str = "What is fair?") -> Path:
    cassette = Cassette(path)
    for number, text in enumerate(answers):
        cassette.append(Answer("some-model", "eng", "q", question, text, key=f"key-{number % 2}", cost_usd=0.25))
    return path


def test_list_says_what_is_recorded(tmp_path: Path) -> None:
    record(tmp_path / "a.jsonl", "one", "two", "one again")
    code, output = run("cassette", "list", tmp_path)
    assert code == 0
    assert output.splitlines()[1].split() == ["a.jsonl", "some-model", "eng", "2", "1", "$0.5000"]


def test_verify_finds_what_does_not_belong(tmp_path: Path) -> None:
    path = record(tmp_path / "a.jsonl", "one")
    assert run("cassette", "verify", path)[0] == 0
    with path.open("a") as file:
        file.write('{"language": "eng", "question": "q"}\n')
    code, output = run("cassette", "verify", path)
    assert code == 1
    assert f"{path}, line 2" in output
    assert "1 findings" in output


def test_prune_drops_what_a_later_line_replaces(tmp_path: Path) -> None:
    path = record(tmp_path / "a.jsonl", "one", "two", "one again")
    code, output = run("cassette", "prune", path)
    assert (code, output) == (0, "2 lines kept, 1 superseded and 0 unwanted ones dropped\n")
    assert [json.loads(line)["answer"] for line in path.read_text().splitlines()] == ["two", "one again"]


def test_merge_joins_two_machines(tmp_path: Path) -> None:
    ours, theirs = record(tmp_path / "a.jsonl", "one"), record(tmp_path / "b.jsonl", "one", "two")
    code, output = run("cassette", "merge", ours, theirs, "--into", tmp_path / "c.jsonl")
    assert code == 0
    assert output.endswith(f"2 in {tmp_path / 'c.jsonl'}\n")
    assert run("cassette", "list", tmp_path / "c.jsonl")[0] == 0


def test_results_as_json(tmp_path: Path) -> None:
    """One document and nothing else."""
    path, other = record(tmp_path / "a.jsonl", "one", "two", "one again"), record(tmp_path / "b.jsonl", "another")

    def document(*arguments: str | Path) -> tuple[int, Any]:
        code, output = run("cassette", *arguments, "--json")
        return code, json.loads(output)

    code, (listed, _) = document("list", tmp_path)
    assert code == 0
    assert (listed["path"], listed["llms"], listed["answers"], listed["superseded"]) == (
        str(path),
        ["some-model"],
        2,
        1,
    )
    assert listed["cost_usd"] == 0.5
    assert document("verify", path) == (0, {"findings": [], "verified": 0, "unverifiable": 3, "superseded": 1})
    with other.open("a") as file:
        file.write('{"language": "eng", "question": "q"}\n')
    code, verified = document("verify", other)
    assert code == 1
    assert [(finding["path"], finding["line"]) for finding in verified["findings"]] == [(str(other), 2)]
    assert document("prune", path) == (0, {"kept": 2, "superseded": 1, "unwanted": 0})
    newer = record(tmp_path / "c.jsonl", "another")
    code, merged = document("merge", path, newer, "--into", tmp_path / "d.jsonl")
    assert (code, merged["lines"], merged["added"]) == (0, 3, 3)
    assert [(each["later"], each["source"]) for each in merged["conflicts"]] == [("another", str(newer))]


def test_export_writes_a_batch(tmp_path: Path) -> None:
    output = tmp_path / "batch.jsonl"
    code, said = run("export", "gpt-4o-mini", "--output", output)
    lines = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert (code, said) == (0, f"174 requests written to {output}\n")
    assert len({line["custom_id"] for line in lines}) == 174
    assert all(line["body"]["model"] == "gpt-4o-mini" and line["body"]["messages"] for line in lines)
