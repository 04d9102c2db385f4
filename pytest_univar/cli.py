"""The ``univar`` command: encoders, banks, recorded answers, declared expectations. Auditing itself is pytest's."""

from __future__ import annotations

import json
import shlex
import sys
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import datetime, timezone
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from pytest_univar import __version__
from pytest_univar.errors import BankError, UnivarError, UsageError

if TYPE_CHECKING:
    from pytest_univar.evaluation.value_identification import Identification

app = typer.Typer(name="univar", no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
bank_app = typer.Typer(no_args_is_help=True, help="Build reference banks and look into them.")
app.add_typer(bank_app, name="bank")
cassette_app = typer.Typer(no_args_is_help=True, help="Look into recorded answers, check, clean and join them.")
app.add_typer(cassette_app, name="cassette")

console = Console()

Answers = Annotated[Path, typer.Option(help="Answers of many LLMs: JSON lines, plain, .gz or .xz.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 or mps; default: the best there is.")]
CassettePath = Annotated[Path, typer.Argument(help="A cassette, or a folder of cassettes.", exists=True)]
DECLARATION = Path("values.univar.yaml")
RecipeName = Annotated[str, typer.Argument(help="A TOML file, or the name of a shipped recipe: univar-mini.")]


def main() -> None:
    """Run the command. Our own errors are one message and exit code 2; anything else is a traceback."""
    try:
        app()
    except UnivarError as error:
        Console(stderr=True).print(f"{type(error).__name__}: {error}", style="red", markup=False, highlight=False)
        sys.exit(2)


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    if show:
        console.print(__version__)
        raise typer.Exit


@app.command()
def train(
    recipe: RecipeName,
    answers: Answers,
    backbone: Annotated[str, typer.Option(help="The encoder to start from: a folder or a hub id.")],
    output: Annotated[Path, typer.Option(help="The folder the encoder is written to.")],
    device: Device = None,
) -> None:
    """Train an encoder by the multi-view recipe, and score it beside its backbone on questions it never saw.

    univar train univar-mini --answers answers.jsonl.xz --backbone all-MiniLM-L6-v2/ --output runs/univar-mini
    """
    from pytest_univar.encoding import load_encoder
    from pytest_univar.evaluation.value_identification import identify
    from pytest_univar.training.recipe import load_recipe
    from pytest_univar.training.trainer import Step, save, save_record, train

    settings = load_recipe(recipe)
    corpora = settings.read_corpora(answers)
    output.mkdir(parents=True, exist_ok=True)
    with Progress(console=console) as bar, (output / "log.jsonl").open("w", encoding="utf-8") as log:
        task = bar.add_task("training", total=settings.training.steps)

        def on_step(step: Step) -> None:
            log.write(json.dumps(asdict(step)) + "\n")
            log.flush()
            bar.update(task, completed=step.step, description=f"training, loss {step.loss:.2f}")

        encoder = train(settings, corpora, backbone, device=device, on_step=on_step)
    save(encoder, output, max_seq_length=settings.training.max_seq_length, dtype="float16")
    record = {"recipe": settings.model_dump(mode="json", by_alias=True)}
    save_record(output, record)
    encoders = {settings.name: load_encoder(output, device=device), "backbone": load_encoder(backbone, device=device)}
    scores = {
        name: [replace(identify(each, corpus), encoder=name) for corpus in corpora]  # no path of this machine
        for name, each in encoders.items()
    }
    record["scores"] = {name: [asdict(score) for score in each] for name, each in scores.items()}
    save_record(output, record)
    console.print(scores_table(scores))


@bank_app.command("build")
def bank_build(
    recipe: RecipeName,
    answers: Answers,
    output: Annotated[Path, typer.Option(help="The folder the bank is written to.")],
    encoder: Annotated[str, typer.Option(help="The encoder: a bundled one, a folder or a hub id.")] = "univar-mini",
    device: Device = None,
) -> None:
    """Embed the training questions' answers of every value ID into a reference bank.

    univar bank build univar-mini --answers answers.jsonl.xz --output reference_embeddings/univar-mini-eng
    """
    from pytest_univar.banks import save_bank
    from pytest_univar.building import build_bank
    from pytest_univar.encoding import load_encoder
    from pytest_univar.training.recipe import load_recipe

    settings = load_recipe(recipe)
    corpora = settings.read_corpora(answers)
    with Progress(console=console) as bar:
        task = bar.add_task("encoding", total=sum(len(corpus.answers) for corpus in corpora))
        bank = build_bank(
            corpora,
            load_encoder(encoder, device=device, dtype="float32"),
            name=settings.bank,
            lambda_=settings.training.lambda_,
            schemes=settings.region_of(),
            sources=[
                {"name": name, "licence": corpus.licence, "credit": corpus.credit}
                for name, corpus in settings.corpora.items()
            ],
            progress=lambda count: bar.advance(task, count),
        )
    save_bank(bank, output)
    console.print(f"{bank!r} written to {output}", markup=False)


@bank_app.command("calibrate")
def bank_calibrate(
    bank: Annotated[str, typer.Argument(help="A bundled bank or a folder.")],
    false_alarms: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="The share of unchanged models that a threshold may fail.")
    ] = 0.05,
) -> None:
    """Propose thresholds for distances by the number of questions, and say what each would notice.

    univar bank calibrate univar-mini-eng --false-alarms 0.01
    """
    from pytest_univar.banks import load_bank
    from pytest_univar.calibration import Calibration, calibrate

    loaded = load_bank(bank)
    calibration = Calibration.of(loaded) or Calibration.of(replace(loaded, calibration=calibrate(loaded)))
    if calibration is None:
        raise BankError(
            f"the bank {loaded.name!r} has no two value IDs that answered enough of the same questions to be compared"
        )
    table = Table("questions", "distance below", "another LLM is farther", "drift below", box=None)
    for size in calibration.sizes:
        threshold = calibration.threshold(size, false_alarms)
        power = f"{calibration.power(size, threshold):.0%}"
        table.add_row(str(size), f"{threshold:.3f}", power, f"{calibration.margin(size):.3f}")
    console.print(table)
    say(
        f"distance below: {false_alarms:.1%} of the distances of an LLM to its own value ID in the bank are larger; "
        "another LLM is farther: how often the distance to another LLM's value ID is; drift below: 5% of the exchanges "
        "of one LLM for another drift less."
    )
    if not loaded.calibration:
        say("The bank holds no calibration; this one is of its own questions, which its encoder may have learnt from.")


@bank_app.command("list")
def bank_list() -> None:
    """List the bundled banks.

    univar bank list
    """
    from pytest_univar.banks import available_banks, load_bank

    for name in available_banks():
        console.print(repr(load_bank(name)), markup=False, highlight=False)


@app.command()
def export(
    model: Annotated[str, typer.Argument(help="The model as the endpoint calls it, or as litellm does.")],
    output: Annotated[Path, typer.Option(help="The file to write: one request a line.")],
    questions: Annotated[str, typer.Option(help="A built-in question set or a file of your own.")] = "core",
    language: Annotated[str, typer.Option(help="ISO 639-3 code.")] = "eng",
    samples: Annotated[int, typer.Option(min=1, help="Answers to each question.")] = 1,
    max_tokens: Annotated[int, typer.Option(min=1, help="The longest answer in tokens.")] = 128,
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
    say(f"{len(lines)} requests written to {output}")


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="The file to write; its name must end in .univar.yaml.")] = DECLARATION,
) -> None:
    """Write a file of declared expectations to begin with; its comments explain every form.

    univar init tests/values.univar.yaml
    """
    unused(path).write_text(shipped("starting_file.yaml"), encoding="utf-8")
    say(f"{path} written; change what it expects, then run it: pytest --univar-model=MODEL {path}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of files of declared expectations, for editors.

    univar schema > univar.schema.json
    """
    typer.echo(shipped("univar.schema.json"), nl=False)


@app.command()
def suggest(
    model: Annotated[str, typer.Argument(help="As for --univar-model: a litellm name, or replay:FILE.")],
    api_base: Annotated[str | None, typer.Option(help="The endpoint of an OpenAI-compatible server.")] = None,
    questions: Annotated[str | None, typer.Option(help="A question set's name or file; default: core.")] = None,
    languages: Annotated[str | None, typer.Option(help="ISO 639-3 codes; default: eng.")] = None,
    bank: Annotated[str | None, typer.Option(help="The reference bank; default: univar-mini-eng.")] = None,
    encoder: Annotated[str | None, typer.Option(help="The encoder; default: univar-mini.")] = None,
    output: Annotated[Path, typer.Option(help="The file to write; its name must end in .univar.yaml.")] = DECLARATION,
    cassette_dir: Annotated[
        str | None, typer.Option(help="Where answers are recorded; default: cassettes beside the output.")
    ] = None,
    record: Annotated[str | None, typer.Option(help="new, none or all, as for --univar-record.")] = None,
    confidence: Annotated[str | None, typer.Option(help="Of every interval; default: 0.95.")] = None,
    false_alarms: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="The share of unchanged models that a threshold may fail.")
    ] = 0.05,
) -> None:
    """Audit a model and write expectations that it meets now, with thresholds from the bank's calibration.

    univar suggest openai/gpt-4o-mini --output tests/values.univar.yaml
    """
    from pytest_univar.assembly import REPLAY, Services
    from pytest_univar.options import default_config
    from pytest_univar.plugin import CASSETTES
    from pytest_univar.report.progress import BarDisplay, SilentDisplay, elicitation_note
    from pytest_univar.suggestions import declaration_text, suggestions

    unused(output)
    asked = {"api_base": api_base, "bank": bank, "encoder": encoder, "cassette_dir": cassette_dir}
    config = default_config(
        model=model, questions=questions, languages=languages, record=record, confidence=confidence, **asked
    )
    display = BarDisplay(lambda: console, nullcontext) if console.is_terminal else SilentDisplay()
    services = Services(
        config, Path.cwd(), display, datetime.now(timezone.utc), vectors=None, ledger=None, root=Path.cwd()
    )
    audit = services.audit(model, output.parent / CASSETTES)
    profiles = [audit.profile(language, config.questions, config.samples) for language in config.languages]
    own = config.confidence if confidence else None
    found = [each for profile in profiles for each in suggestions(profile, false_alarms=false_alarms, confidence=own)]
    given = {"model": model, **asked}
    flags = [shlex.quote(f"--univar-{name.replace('_', '-')}={text}") for name, text in given.items() if text]
    head = [
        f"What {model} met on {datetime.now():%Y-%m-%d}, as `univar suggest` found by the bank {services.bank.name}.",
        f"Run it: pytest {' '.join(flags)} {shlex.quote(str(output))}",
    ]
    own_questions = questions or (None if model.startswith(REPLAY) else "core")
    text = declaration_text(found, head=head, languages=config.languages, questions=own_questions)
    output.write_text(text, encoding="utf-8")
    for result in audit.results:
        for note in (elicitation_note(result.tally), *result.warnings):
            if note:
                say(f"{result.model}/{result.language}: {note}")
    say(f"{len(found)} expectations written to {output}")


@cassette_app.command("list")
def cassette_list(path: CassettePath) -> None:
    """Say what is recorded.

    univar cassette list tests/values/cassettes
    """
    from pytest_univar.cassette_tools import summary

    table = Table("cassette", "model", "language", "answers", "superseded", "last recorded", "cost", box=None)
    for each in summary(path):
        cost = f"${each.cost_usd:.4f}" + (f" and {each.unpriced} of unknown price" if each.unpriced else "")
        names = (each.path.name, ", ".join(each.llms), ", ".join(each.languages))
        table.add_row(*names, str(each.answers), str(each.superseded), (each.last or "")[:19], cost)
    console.print(table, markup=False)


@cassette_app.command("verify")
def cassette_verify(path: CassettePath) -> None:
    """Check every line: its form, its key, and that it holds no secret. Exit code 1 where something is wrong.

    univar cassette verify tests/values/cassettes
    """
    from pytest_univar.cassette_tools import verify

    result = verify(path)
    for finding in result.findings:
        say(str(finding))
    say(
        f"{result.verified} answers verified, {result.unverifiable} lines without a key to check, "
        f"{result.superseded} superseded, {len(result.findings)} findings"
    )
    if result.findings:
        raise typer.Exit(1)


@cassette_app.command("prune")
def cassette_prune(
    path: CassettePath,
    questions: Annotated[str, typer.Option(help="Keep answers to this question set only; default: to any.")] = "",
    language: Annotated[str, typer.Option(help="The language of that set.")] = "eng",
) -> None:
    """Drop lines that a later one replaces, and answers to questions that are asked no more.

    univar cassette prune tests/values/cassettes/gpt-4o.eng.jsonl --questions core
    """
    from pytest_univar.cassette_tools import prune
    from pytest_univar.questions import load_questions

    result = prune(path, questions=load_questions(questions, language) if questions else None)
    say(f"{result.kept} lines kept, {result.superseded} superseded and {result.unwanted} unwanted ones dropped")


@cassette_app.command("merge")
def cassette_merge(
    sources: Annotated[list[Path], typer.Argument(help="Cassettes, the newest last.")],
    into: Annotated[Path, typer.Option(help="The cassette that receives them.")],
) -> None:
    """Join cassettes of several machines; the later of two answers under one key counts.

    univar cassette merge a.jsonl b.jsonl --into cassettes/gpt-4o.eng.jsonl
    """
    from pytest_univar.cassette_tools import merge

    result = merge(sources, into)
    for conflict in result.conflicts:
        say(f"another answer to {conflict.question!r} from {conflict.source} replaces the earlier one")
    say(f"{result.added} lines added, {result.lines} in {into}")


def unused(path: Path) -> Path:
    """A path that a file of expectations can be written to; UsageError where there is one, or pytest would miss it."""
    from pytest_univar.plugin import DECLARED

    if not path.name.endswith(DECLARED):
        raise UsageError(
            f"found the name {path.name!r}, expected one that ends in {DECLARED}: pytest collects no other"
        )
    if path.exists():
        raise UsageError(f"{path}: found a file, expected none: it would be overwritten. Give another, or remove it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def shipped(name: str) -> str:
    return files("pytest_univar").joinpath(name).read_text("utf-8")


def say(text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def scores_table(scores: dict[str, list[Identification]]) -> Table:
    """One line for each corpus and encoder."""
    table = Table("corpus", "encoder", "k-NN 5", "k-NN 50", "profiles", "chance", box=None)
    for name, each in scores.items():
        for score in each:
            cells = [f"{score.knn[k]:.3f} ({low:.3f}–{high:.3f})" for k, (low, high) in score.knn_interval.items()]
            table.add_row(score.corpus, name, *cells, f"{score.profiles:.3f}", f"{score.chance:.3f}")
    return table
