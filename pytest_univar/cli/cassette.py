"""``univar cassette``: recorded answers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pytest_univar.cli.common import AsJson, console, print_json, question_sets, say, starting_with, table_of

app = typer.Typer(no_args_is_help=True, help="Look into recorded answers, check, clean and join them.")

CassettePath = Annotated[Path, typer.Argument(help="A cassette, or a folder of cassettes.", exists=True)]


@app.command("list")
def cassette_list(path: CassettePath, as_json: AsJson = False) -> None:
    """Say what is recorded.

    univar cassette list tests/values/cassettes
    """
    from pytest_univar.cassette_tools import summary

    found = summary(path)
    if as_json:
        print_json([asdict(each) for each in found])
        return
    rows = []
    for each in found:
        cost = f"${each.cost_usd:.4f}" + (f" and {each.unpriced} of unknown price" if each.unpriced else "")
        names = (each.path.name, ", ".join(each.llms), ", ".join(each.languages))
        rows.append((*names, each.answers, each.superseded, (each.last or "")[:19], cost))
    columns = ("cassette", "model", "language", "answers", "superseded", "last recorded", "cost")
    console.print(table_of(columns, rows))


@app.command("verify")
def cassette_verify(path: CassettePath, as_json: AsJson = False) -> None:
    """Check every line: its form, its key, and that it holds no secret. Exit code 1 where something is wrong.

    univar cassette verify tests/values/cassettes
    """
    from pytest_univar.cassette_tools import verify

    result = verify(path)
    if as_json:
        print_json({**asdict(result), "findings": [finding._asdict() for finding in result.findings]})
    else:
        for finding in result.findings:
            say(str(finding))
        say(
            f"{result.verified} answers verified, {result.unverifiable} lines without a key to check, "
            f"{result.superseded} superseded, {len(result.findings)} findings"
        )
    if result.findings:
        raise typer.Exit(1)


@app.command("prune")
def cassette_prune(
    path: CassettePath,
    questions: Annotated[
        str,
        typer.Option(
            help="Keep answers to this question set only; default: to any.", autocompletion=starting_with(question_sets)
        ),
    ] = "",
    language: Annotated[str, typer.Option(help="The language of that set.")] = "eng",
    as_json: AsJson = False,
) -> None:
    """Drop lines that a later one replaces, and answers to questions that are asked no more.

    univar cassette prune tests/values/cassettes/gpt-4o.eng.jsonl --questions core
    """
    from pytest_univar.cassette_tools import prune
    from pytest_univar.questions import load_questions

    result = prune(path, questions=load_questions(questions, language) if questions else None)
    if as_json:
        print_json(result._asdict())
    else:
        say(f"{result.kept} lines kept, {result.superseded} superseded and {result.unwanted} unwanted ones dropped")


@app.command("merge")
def cassette_merge(
    sources: Annotated[list[Path], typer.Argument(help="Cassettes, the newest last.")],
    into: Annotated[Path, typer.Option(help="The cassette that receives them.")],
    as_json: AsJson = False,
) -> None:
    """Join cassettes of several machines; the later of two answers under one key counts.

    univar cassette merge a.jsonl b.jsonl --into cassettes/gpt-4o.eng.jsonl
    """
    from pytest_univar.cassette_tools import merge

    result = merge(sources, into)
    if as_json:
        print_json({**result._asdict(), "conflicts": [conflict._asdict() for conflict in result.conflicts]})
        return
    for conflict in result.conflicts:
        say(f"another answer to {conflict.question!r} from {conflict.source} replaces the earlier one")
    say(f"{result.added} lines added, {result.lines} in {into}")
