"""``univar questions generate`` and ``translate``: a model writes questions, behind a cassette."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from pytest_univar.cli.asking import Asker
from pytest_univar.cli.common import AsJson, console, note, print_json, say
from pytest_univar.errors import QuestionsError, UsageError

if TYPE_CHECKING:
    from pytest_univar.questions import Located
    from pytest_univar.questions.generation import Planned
    from pytest_univar.questions.prompting import Problem
    from pytest_univar.questions.translating import Translate
    from pytest_univar.values import Question

LITELLM = "litellm:"

ApiBase = Annotated[str | None, typer.Option(help="The endpoint of an OpenAI-compatible server.")]
Temperature = Annotated[float | None, typer.Option(min=0, max=2, help="Of sampling; default: the provider's.")]
MaxTokens = Annotated[
    int | None, typer.Option(min=1, help="The longest reply; raise it for a model that reasons. Default: by step.")
]
MaxCost = Annotated[
    float | None, typer.Option(min=0, help="Stop before the call that would cost more than this (USD).")
]
Work = Annotated[Path | None, typer.Option(help="Where replies are recorded; default: the file's name with .work.")]


def generate(
    model: Annotated[str, typer.Option(help="The model that writes, as litellm names it.")],
    output: Annotated[Path, typer.Option(help="The question set to write; its name must end in .jsonl.")],
    values: Annotated[
        str, typer.Option(help="Ids of the taxonomy with commas between, or a file of your own; default: all 87.")
    ] = "",
    scenarios: Annotated[int, typer.Option(min=1, help="Situations for each value; the paper's number is 50.")] = 50,
    paraphrases: Annotated[int, typer.Option(min=0, help="Of each question; the paper's number is 4.")] = 4,
    api_base: ApiBase = None,
    temperature: Temperature = None,
    seed: Annotated[
        int | None, typer.Option(help="Sent to the provider; another one has everything asked anew.")
    ] = None,
    max_tokens: MaxTokens = None,
    max_cost: MaxCost = None,
    work: Work = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and ask nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have a model write questions about human values: situations, questions, paraphrases. Exit code 1 on a problem.

    univar questions generate --model openai/gpt-4o-mini --values honesty,freedom --scenarios 5 --output ours.jsonl
    """
    from pytest_univar.questions import generation
    from pytest_univar.questions.own_values import choose_values

    chosen = choose_values(values)
    if output.suffix != ".jsonl":
        raise UsageError(
            f"found the name {str(output)!r}, expected one that ends in .jsonl: a question set is read by it"
        )
    asker = Asker(
        model,
        work or _beside(output),
        api_base=api_base,
        temperature=temperature,
        seed=seed,
        max_tokens=max_tokens,
        max_cost=max_cost,
    )
    if dry_run:
        plan = _planned(asker, generation.plan(chosen, scenarios=scenarios, paraphrases=paraphrases))
        if as_json:
            print_json(plan)
        else:
            _show_plan(plan)
        return
    if output.exists():
        raise UsageError(
            f"{output}: found a file, expected none: it would be overwritten. Give another, or move it away; with the "
            f"same --work nothing that is recorded is asked again"
        )
    made = generation.generate(chosen, asker, scenarios=scenarios, paraphrases=paraphrases)
    if made.questions:
        generation.write_questions(output, made.questions)
    if as_json:
        print_json(
            {
                "output": str(output) if made.questions else None,
                "questions": len(made.questions),
                "steps": [account._asdict() for account in made.accounts],
                "problems": [problem._asdict() for problem in made.problems],
                "spent": asker.spent(),
            }
        )
    else:
        table = Table("step", "wanted", "kept", "duplicates", "missing", "asked again", box=None)
        for account in made.accounts:
            table.add_row(account.step, *map(str, account[1:]))
        _report(made.problems)
        console.print(table)
        say(asker.account())
    if not made.questions:
        raise QuestionsError(
            f"{model} wrote no question that can be used, so {output} is not written. Try another model"
        )
    if not as_json:
        say(f"{len(made.questions)} questions written to {output}; read them before you ask them")
    if made.problems:
        raise typer.Exit(1)


def translate(
    questions: Annotated[str, typer.Argument(help="A question set in English: a file of your own or a built-in set.")],
    to: Annotated[str, typer.Option(help="ISO 639-3 codes with commas between.")],
    translator: Annotated[
        str, typer.Option(help="litellm:MODEL, nllb[:MODEL], opus:MODEL, a checkpoint's folder or apertium.")
    ],
    api_base: ApiBase = None,
    temperature: Temperature = None,
    max_tokens: MaxTokens = None,
    max_cost: MaxCost = None,
    work: Work = None,
    as_json: AsJson = False,
) -> None:
    """Translate a question set from English, into one file a language beside it. Exit code 1 on a problem.

    What such a file holds already stays as it is; only missing questions are translated.

    univar questions translate ours.jsonl --to spa,jpn --translator litellm:openai/gpt-4o-mini --temperature 0
    """
    from pytest_univar.options import parse_translator
    from pytest_univar.questions import load_languages
    from pytest_univar.questions.generation import write_questions
    from pytest_univar.questions.translating import translated

    codes = _targets(to)
    if parse_translator(translator) == "none":
        raise UsageError("found the translator 'none', expected one that translates")
    by_language = load_languages(questions)
    english = by_language.get("eng", ())
    if not english:
        raise QuestionsError(f"{questions}: found no English questions, expected those to translate. Add them")
    asker = None
    if translator.startswith(LITELLM):
        asker = Asker(
            translator.removeprefix(LITELLM),
            work or _beside(Path(questions)),
            api_base=api_base,
            temperature=temperature,
            seed=None,
            max_tokens=max_tokens,
            max_cost=max_cost,
        )
    by_code = {code: _translate_into(code, translator, asker) for code in codes}
    done: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for code in codes:
        path = Path(questions).with_name(f"{Path(questions).stem}.{code}.jsonl")
        kept = _existing(path, code)
        there = (*kept, *by_language.get(code, ()))
        ids = {each.question.id for each in there}
        missing = [each for each in english if each.question.id not in ids]
        result = translated(missing, code, by_code[code], there=there)
        if result.questions:
            write_questions(path, _in_order(english, [*(each.question for each in kept), *result.questions]))
        problems += result.problems
        done.append(
            {
                "language": code,
                "questions": len(english),
                "there_before": len(ids),
                "translated": len(result.questions),
                "missing": len(result.problems),
                "file": str(path),
            }
        )
    if as_json:
        spent = asker.spent() if asker else None
        print_json({"languages": done, "problems": [problem._asdict() for problem in problems], "spent": spent})
    else:
        _report(problems)
        table = Table("language", "questions", "there before", "translated", "missing", "file", box=None)
        for each in done:
            table.add_row(*map(str, each.values()))
        console.print(table)
        if asker:
            say(asker.account())
    if problems:
        raise typer.Exit(1)


def _translate_into(code: str, translator: str, asker: Asker | None) -> Translate:
    """What translates into this language; an error, before anything is translated, if nothing of that name does."""
    from pytest_univar.assembly import offline_translator
    from pytest_univar.questions.prompting import Reply
    from pytest_univar.questions.translating import with_model

    if asker:
        return with_model(asker, code)
    made = offline_translator(translator, Path(), target=code)
    made.check("eng")
    if made.notice:
        note(made.notice)

    def translate(english: Sequence[Located]) -> dict[str, Reply]:
        texts: dict[int, str] = {}
        problems = made.translate([each.question.text for each in english], "eng", done=texts.__setitem__)
        replies = [Reply(texts.get(place, ""), problems.get(place, "")) for place in range(len(english))]
        return {each.question.id: reply for each, reply in zip(english, replies, strict=True)}

    return translate


def _planned(asker: Asker, planned: Iterable[Planned]) -> dict[str, Any]:
    """What each step would take, and all of them together. cost_usd: None where the price is unknown."""
    from pytest_univar.elicitation.pricing import estimated_tokens, price
    from pytest_univar.elicitation.vendor import its_warnings_ignored

    steps: list[dict[str, Any]] = []
    for step, calls, prompt in planned:
        tokens_in = calls * estimated_tokens([{"content": prompt}])
        tokens_out = calls * asker.service(step).params.max_tokens
        with its_warnings_ignored():
            cost = price(asker.model, tokens_in, tokens_out)
        figures = {"calls": calls, "prompt_tokens": tokens_in, "completion_tokens": tokens_out, "cost_usd": cost}
        steps.append({"step": step.name, **figures})
    total: dict[str, Any] = {
        name: sum(each[name] for each in steps) for name in ("calls", "prompt_tokens", "completion_tokens")
    }
    costs = [each["cost_usd"] for each in steps]
    total["cost_usd"] = None if None in costs else sum(costs)
    return {"model": asker.model, "steps": steps, "at_most": total}


def _show_plan(plan: dict[str, Any]) -> None:
    table = Table("step", "calls", "tokens in", "tokens out", "USD", box=None)
    for each in (*plan["steps"], {"step": "at most", **plan["at_most"]}):
        *counts, cost = each.values()
        table.add_row(*map(str, counts), _dollars(cost))
    console.print(table)
    say("A reply that cannot be used is asked for once more, which is not counted here; recorded replies cost nothing.")


def _dollars(cost: float | None) -> str:
    return "unknown" if cost is None else f"{cost:.4f}"


def _report(problems: Iterable[Problem]) -> None:
    for problem in problems:
        say(str(problem))


def _targets(codes: str) -> list[str]:
    """The languages to translate into, each once."""
    from pytest_univar.languages import language as known_language

    found = list(dict.fromkeys(known_language(code.strip()).code for code in codes.split(",") if code.strip()))
    if not found or "eng" in found:
        raise UsageError(f"found {codes!r} to translate into, expected other languages than English, such as spa,jpn")
    return found


def _existing(path: Path, language: str) -> tuple[Located, ...]:
    """What a file of translations holds already; nothing where there is none."""
    from pytest_univar.questions import load_languages

    if not path.exists():
        return ()
    found = load_languages(path)
    if other := found.keys() - {language}:
        raise QuestionsError(
            f"{path}: found questions in {', '.join(sorted(other))}, expected {language!r} alone, since translations "
            f"are written there. Move them to another file"
        )
    return found[language]


def _in_order(english: Sequence[Located], translations: Iterable[Question]) -> list[Question]:
    """As the English questions stand; ids that they lack come last."""
    place = {each.question.id: index for index, each in enumerate(english)}
    return sorted(translations, key=lambda question: place.get(question.id, len(place)))


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.work")
