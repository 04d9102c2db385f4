"""``univar questions``, and ``univar export``: question sets, and a set as a batch. Writing them: ``generation.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pytest_univar.cli import generation
from pytest_univar.cli.common import AsJson, language_codes, print_json, question_sets, say, starting_with

app = typer.Typer(no_args_is_help=True, help="List question sets, check them, write and translate your own.")


@app.command("list")
def questions_list(as_json: AsJson = False) -> None:
    """List the built-in question sets with their languages.

    univar questions list
    """
    from pytest_univar.questions import available_sets, load_languages

    sets = {name: load_languages(name) for name in available_sets()}
    if as_json:
        counts = {name: {code: len(each) for code, each in found.items()} for name, found in sets.items()}
        print_json([{"set": name, "languages": found} for name, found in counts.items()])
        return
    for name, found in sets.items():
        say(f"{name}: {max(map(len, found.values()))} questions in {', '.join(found)}")


@app.command("check")
def questions_check(
    questions: Annotated[
        str,
        typer.Argument(
            help="A built-in set or a file of your own; default: all sets.", autocompletion=starting_with(question_sets)
        ),
    ] = "",
    language: Annotated[
        str,
        typer.Option(help="Check this language only (ISO 639-3).", autocompletion=starting_with(language_codes)),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Check each language of a question set: complete, unique, its own script, a question. Exit code 1 on a finding.

    univar questions check values/ours.jsonl --language spa
    """
    from pytest_univar.languages import language as known_language
    from pytest_univar.questions import available_sets, less_certain, load_languages, load_questions, question_set_hash
    from pytest_univar.questions.checks import check

    if questions and language:
        load_questions(questions, language)  # says which languages there are where this one is not
    elif language:
        known_language(language)
    checked = []
    for name in [questions] if questions else available_sets():
        by_language = load_languages(name)
        for code, located in by_language.items():
            if language and code != language:
                continue
            findings = [*check(located, code, by_language.get("eng", ()), file=located[0].file)]
            digest = question_set_hash(each.question for each in located)[:12]
            doubt = less_certain(name, code)
            checked.append(
                {
                    "set": name,
                    "language": code,
                    "questions": len(located),
                    "hash": digest,
                    "less_certain": doubt,
                    "findings": [finding._asdict() for finding in findings],
                }
            )
            if as_json:
                continue
            for finding in findings:
                say(str(finding))
            say(
                f"{name}/{code}: {len(located)} questions, {len(findings)} findings, hash {digest}"
                + (f", less certain: {doubt}" if doubt else "")
            )
    if as_json:
        print_json(checked)
    if any(each["findings"] for each in checked):
        raise typer.Exit(1)


app.command()(generation.generate)
app.command()(generation.translate)


def export(
    model: Annotated[str, typer.Argument(help="The model as the endpoint calls it, or as litellm does.")],
    output: Annotated[Path, typer.Option(help="The file to write: one request a line.")],
    questions: Annotated[str, typer.Option(help="A built-in question set or a file of your own.")] = "core",
    language: Annotated[str, typer.Option(help="ISO 639-3 code.")] = "eng",
    samples: Annotated[int, typer.Option(min=1, help="Answers to each question.")] = 1,
    max_tokens: Annotated[int, typer.Option(min=1, help="The longest answer in tokens.")] = 128,
    as_json: AsJson = False,
) -> None:
    """Write a question set as the input file of an OpenAI batch; audit its output with --univar-model=replay:OUTPUT.

    univar export gpt-4o-mini --output batch.jsonl
    """
    from pytest_univar.elicitation.sampling import SamplingParams
    from pytest_univar.export import openai_batch_lines
    from pytest_univar.questions import load_questions

    asked = load_questions(questions, language)
    lines = [*openai_batch_lines(asked, model, SamplingParams(max_tokens=max_tokens), samples)]
    output.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    if as_json:
        print_json({"output": str(output), "requests": len(lines), "questions": len(asked), "samples": samples})
    else:
        say(f"{len(lines)} requests written to {output}")
