"""``univar evaluate``: how well encoders tell value IDs apart, and whether it is by their values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pytest_univar.cli.common import (
    Answers,
    AsJson,
    Device,
    console,
    encoder_names,
    note,
    print_json,
    progress_display,
    say,
    starting_with,
    table_of,
)
from pytest_univar.errors import AnswersError, UsageError

if TYPE_CHECKING:
    from pytest_univar.corpora import Corpus
    from pytest_univar.encoding import Encoder
    from pytest_univar.evaluation.plan import Plan
    from pytest_univar.evaluation.results import Evaluation
    from pytest_univar.training.recipe import Recipe

HELD_OUT_SHARE = 0.25


def evaluate(
    answers: Answers,
    encoder: Annotated[
        list[str],
        typer.Option(
            help="univar-mini, a folder or a hub id; repeat it to compare.", autocompletion=starting_with(encoder_names)
        ),
    ],
    recipe: Annotated[
        str, typer.Option(help="Take the corpora, the held-out questions and their seed from this recipe.")
    ] = "",
    corpus: Annotated[
        list[str] | None,
        typer.Option(help="A source, or NAME=SOURCE,SOURCE with *; may be repeated. Default: each source is one."),
    ] = None,
    control: Annotated[
        str, typer.Option(help="The source whose questions elicit no values, such as alpaca-eval.")
    ] = "",
    split: Annotated[
        str, typer.Option(help="question: no test question is in the reference. value-id: the paper's.")
    ] = "question",
    held_out_share: Annotated[
        float | None, typer.Option(help="Of the questions of each corpus; default: the recipe's, else 0.25.")
    ] = None,
    counts: Annotated[
        list[str] | None,
        typer.Option(
            help="With --split value-id: reference and test answers of each value ID as 128/40, or NAME=128/40 for one "
            "corpus; may be repeated. Default: 80 % and 20 % of the fewest."
        ),
    ] = None,
    k: Annotated[list[int] | None, typer.Option("--k", help="Neighbours; may be repeated. Default: 5 and 50.")] = None,
    probe: Annotated[bool, typer.Option(help="Train the linear probe too.")] = True,
    unseen: Annotated[
        list[str] | None,
        typer.Option(help="An LLM left out of training; may be repeated. Default: those of the encoders' records."),
    ] = None,
    profile_size: Annotated[
        list[int] | None,
        typer.Option(help="Answers of a profile; may be repeated. Default: 1, 5, 10, 20, 40, 80, 160."),
    ] = None,
    view_size: Annotated[
        list[int] | None, typer.Option(help="Encode views of so many QAs as one text, too; may be repeated.")
    ] = None,
    translationese: Annotated[
        Path | None, typer.Option(help="A CSV with text and source_language, perhaps machine_translation and group.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Questions of each corpus at the most, for a quick look.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
    device: Device = None,
    dtype: Annotated[str | None, typer.Option(help="float32, bfloat16 or float16; default: by device.")] = None,
    md: Annotated[Path | None, typer.Option(help="Write the tables to this file, as Markdown.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how well encoders identify value IDs: k-NN, a linear probe, whole profiles and the paper's controls.

    univar evaluate --answers answers.jsonl.xz --recipe univar-mini --encoder univar-mini --encoder all-MiniLM-L6-v2/
    """
    from pytest_univar.encoding import load_encoder
    from pytest_univar.evaluation.plan import Settings, plan_for
    from pytest_univar.evaluation.profiles import SIZES
    from pytest_univar.evaluation.results import as_json as document
    from pytest_univar.evaluation.tables import markdown
    from pytest_univar.evaluation.translationese import read_translationese

    if md is not None and not md.absolute().parent.is_dir():
        raise UsageError(f"{md}: found no folder {md.parent}, expected one. Make it, or name another file")
    names = short_names(encoder)
    read = read_all(answers, recipe, corpus or [], control, held_out_share, seed)
    settings = Settings(
        ks=tuple(sorted(set(k or (5, 50)))),
        split=split,
        counts=dict(map(parse_counts, counts or [])),
        probe=probe,
        profile_sizes=tuple(profile_size or SIZES),
        view_sizes=tuple(view_size or ()),
        unseen=tuple(dict.fromkeys(unseen or ())),
        limit=limit,
        seed=seed,
    )
    texts = read_translationese(translationese, held_out_share=read.share, seed=seed) if translationese else None
    plan = plan_for(read.corpora, settings, control=read.control, translationese=texts)
    loaded = {name: load_encoder(given, device=device, dtype=dtype) for name, given in zip(names, encoder, strict=True)}
    records = {name: record for name, each in loaded.items() if (record := recipe_of(each.checkpoint.folder))}
    if not unseen and (left_out := left_out_by(records, read.corpora)):
        plan = replace(plan, settings=replace(settings, unseen=left_out))
    evaluation = run_all(plan, loaded, records, answers, read, recipe, control)
    if md is not None:
        md.write_text(markdown(evaluation), encoding="utf-8")
        note(f"{md} written")
    if as_json:
        print_json(document(evaluation))
    else:
        show(evaluation)


def run_all(
    plan: Plan,
    encoders: Mapping[str, Encoder],
    records: Mapping[str, Recipe],
    answers: Path,
    read: Read,
    recipe: str,
    control: str,
) -> Evaluation:
    """The evaluation, with what the encoders' records say about its test questions and its unseen LLMs."""
    from pytest_univar.evaluation.results import EncoderNote
    from pytest_univar.evaluation.running import Measured, run

    tested = {question for split in plan.splits for question in split.questions}
    measured, notes = [], []
    for name, encoder in encoders.items():
        trained = trained_questions(records.get(name), answers)
        common = None if trained is None else len(tested & trained)
        if common:
            notes.append(
                f"{name} was trained on {common} of the {len(tested)} test questions, by its record: its figures are "
                "too high. --recipe and --split question hold out what a recipe's encoder never saw"
            )
        told = records[name].training.leave_out if name in records else ()
        doubtful = [llm for llm in plan.settings.unseen if llm not in told]
        if name in records and doubtful:
            notes.append(f"the record of {name} does not say that it was not trained on {', '.join(doubtful)}")
        of_encoder = EncoderNote(
            name=name,
            given=encoder.name,
            fingerprint=encoder.fingerprint,
            device=encoder.device,
            dtype=encoder.dtype,
            dimension=encoder.dimension,
            max_seq_length=encoder.checkpoint.max_seq_length,
            trained_on=common,
        )
        measured.append(Measured(of_encoder, encoder))
    settings = {"held_out_share": read.share, "recipe": recipe or None, "control": control or None}
    return run(plan, measured, answers, progress=progress_display(), settings=settings, notes=notes)


def show(evaluation: Evaluation) -> None:
    """The tables in this terminal, and what was measured."""
    from pytest_univar.evaluation.tables import measured, sections

    for section in sections(evaluation):
        console.print(section.title, style="bold", markup=False, highlight=False)
        console.print(section.note, style="dim", markup=False, highlight=False)
        console.print(table_of(section.columns, section.rows))
        console.print()
    for line in measured(evaluation):
        say(line)


class Read(NamedTuple):
    """The answers as corpora. share: of the questions that are held out."""

    corpora: tuple[Corpus, ...]
    control: Corpus | None
    share: float


def read_all(
    answers: Path, recipe: str, corpora: Sequence[str], control: str, held_out_share: float | None, seed: int
) -> Read:
    """The value corpora, by recipe, by name or each source on its own, and the control, which is none of them."""
    from pytest_univar.corpora import read_corpora
    from pytest_univar.training.recipe import load_recipe

    if recipe and (corpora or held_out_share is not None):
        found = "--corpus" if corpora else "--held-out-share"
        raise UsageError(f"found --recipe with {found}, which the recipe already says. Leave one of them out")
    share = HELD_OUT_SHARE if held_out_share is None else held_out_share
    if not 0 < share < 1:
        raise UsageError(f"found --held-out-share {share}, expected a share between 0 and 1")
    if recipe:
        chosen = load_recipe(recipe)
        values, share, seed = chosen.read_corpora(answers), chosen.held_out_share, chosen.seed
    else:
        values = read_corpora(answers, dict(map(parse_corpus, corpora)) or None, held_out_share=share, seed=seed)
    if not control:
        return Read(values, None, share)
    (controls,) = read_corpora(answers, {control: [control]}, held_out_share=share, seed=seed)
    kept = values if corpora else tuple(corpus for corpus in values if corpus.name != control)
    sources = {answer.source for answer in controls.answers}
    if not kept or any(answer.source in sources for corpus in kept for answer in corpus.answers):
        raise UsageError(
            f"found the control {control!r} among the value corpora, expected a source of its own. "
            "Name the value corpora with --corpus"
        )
    return Read(kept, controls, share)


def parse_corpus(text: str) -> tuple[str, list[str]]:
    """``NAME=SOURCE,SOURCE``, or a source that is its own name."""
    name, equals, patterns = text.partition("=")
    sources = [pattern for pattern in (patterns if equals else name).split(",") if pattern]
    if not name or not sources:
        raise UsageError(f"found --corpus {text!r}, expected SOURCE or NAME=SOURCE,SOURCE")
    return name, sources


def parse_counts(text: str) -> tuple[str | None, tuple[int, int]]:
    """``128/40`` or ``NAME=128/40``."""
    name, _, numbers = text.rpartition("=")
    reference, slash, test = numbers.partition("/")
    if not (slash and reference.isdecimal() and test.isdecimal() and int(reference) and int(test)):
        raise UsageError(f"found --counts {text!r}, expected REFERENCE/TEST such as 128/40, or NAME=128/40")
    return name or None, (int(reference), int(test))


def short_names(given: Sequence[str]) -> list[str]:
    """What the tables call the encoders: the last part of a path or id where that is enough."""
    if len(set(given)) < len(given):
        raise UsageError(f"found the encoders {', '.join(given)}, expected each of them once")
    last = [Path(name).name or name for name in given]
    return [short if last.count(short) == 1 else name for short, name in zip(last, given, strict=True)]


# ------------------------------------------------------------------------------------ what encoders say of themselves


def recipe_of(folder: Path) -> Recipe | None:
    """The recipe in an encoder's training.json; None where there is none that this version reads."""
    from pydantic import ValidationError

    from pytest_univar.training.recipe import Recipe

    try:
        record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
        return Recipe.model_validate(record["recipe"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None


def left_out_by(records: Mapping[str, Recipe], corpora: Sequence[Corpus]) -> tuple[str, ...]:
    """The LLMs that one of the encoders was not trained on by its record, of those in the answers."""
    there = {answer.llm for corpus in corpora for answer in corpus.answers}
    return tuple(sorted(there & {llm for record in records.values() for llm in record.training.leave_out}))


def trained_questions(record: Recipe | None, answers: Path) -> set[str] | None:
    """The questions in these answers that an encoder was trained on; None where that is not known."""
    if record is None:
        return None
    try:
        corpora = record.read_corpora(answers)
    except AnswersError:  # its corpora are not in this file
        return None
    return {answer.question_id for corpus in corpora for answer in corpus.training}
