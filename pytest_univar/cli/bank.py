"""``univar bank``: reference banks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.progress import Progress

from pytest_univar.cli.common import (
    Answers,
    AsJson,
    BankName,
    Device,
    RecipeName,
    console,
    note,
    notes,
    print_json,
    say,
    table_of,
)
from pytest_univar.cli.doctor import finish, show_checks
from pytest_univar.errors import BankError, EncoderError

if TYPE_CHECKING:
    from pytest_univar.banks import ReferenceBank
    from pytest_univar.doctor import Check

SINGLE_VALUES = (
    "name", "version", "encoder", "encoder_sha256", "text_format", "lambda", "answer_params", "translator",
    "question_set_hash", "tensors_sha256",
)  # fmt: skip
"""Of a bank's manifest, by their keys in it."""

app = typer.Typer(no_args_is_help=True, help="Build reference banks, look into them and check them.")


@app.command("build")
def bank_build(
    recipe: RecipeName,
    answers: Answers,
    output: Annotated[Path, typer.Option(help="The folder the bank is written to.")],
    encoder: Annotated[str, typer.Option(help="The encoder: a bundled one, a folder or a hub id.")] = "univar-mini",
    device: Device = None,
    as_json: AsJson = False,
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
    with Progress(console=notes) as bar:
        task = bar.add_task("encoding", total=sum(len(corpus.answers) for corpus in corpora))
        bank = build_bank(
            corpora,
            load_encoder(encoder, device=device, dtype="float32"),
            name=settings.bank,
            lambda_=settings.training.lambda_,
            schemes=settings.region_of(),
            sources=[settings.credit_of(corpus.name) for corpus in corpora],
            progress=lambda count: bar.advance(task, count),
        )
    save_bank(bank, output)
    if as_json:
        print_json(summary(bank, output))
    else:
        say(f"{bank!r} written to {output}")


@app.command("info")
def bank_info(bank: BankName, as_json: AsJson = False) -> None:
    """Show everything that a bank's manifest says: value IDs, regions, sources and licences, calibration, encoder.

    univar bank info univar-mini-eng
    """
    from pytest_univar.banks import load_bank

    loaded, folder = load_bank(bank), folder_of(bank)
    if as_json:
        print_json({**summary(loaded, folder), **contents(loaded)})
        return
    facts = []
    calibration = loaded.calibration and f"on {loaded.calibration.get('questions')}, for {_listed(loaded.calibration)}"
    for name, value in {**summary(loaded, folder), "calibration": calibration}.items():
        shown = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value or "none")
        facts.append((name.replace("_", " "), shown))
    sources = [(source["name"], source["licence"], source.get("credit", "")) for source in loaded.sources]
    regions = [
        (scheme, region, len(members), ", ".join(map(str, members)))
        for scheme, found in loaded.schemes.items()
        for region, members in found.items()
        if any(member.llm != region for member in members)  # else the table of value IDs says as much
    ]
    for title, rows in (
        (("manifest", ""), facts),
        (("source", "licence", "credit"), sources),
        (("scheme", "region", "value IDs", ""), regions),
        (("value ID", "rows", "questions"), [tuple(each.values()) for each in counts(loaded)]),
    ):
        console.print(table_of(title, rows))
        console.print()


@app.command("verify")
def bank_verify(
    bank: BankName,
    encoder: Annotated[
        str, typer.Option(help="The encoder it should belong to; default: its own, where that is on this machine.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Check a bank: checksum, shapes, lengths, encoder, schemes, calibration, sources. Exit code 1 on a fault.

    univar bank verify univar-mini-eng --encoder univar-mini
    """
    checks = [*verified(bank, encoder)]
    if not as_json:
        show_checks(checks)
    finish(checks, as_json)


@app.command("calibrate")
def bank_calibrate(
    bank: BankName,
    false_alarms: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="The share of unchanged models that a threshold may fail.")
    ] = 0.05,
    as_json: AsJson = False,
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
    thresholds = []
    for size in calibration.sizes:
        threshold = calibration.threshold(size, false_alarms)
        thresholds.append(Threshold(size, threshold, calibration.power(size, threshold), calibration.margin(size)))
    if as_json:
        own = not loaded.calibration
        sizes = [each._asdict() for each in thresholds]
        print_json({"bank": loaded.name, "false_alarms": false_alarms, "of_its_own_questions": own, "sizes": sizes})
        return
    columns = ("questions", "distance below", "another LLM is farther", "drift below")
    rows = [(each.questions, f"{each.distance:.3f}", f"{each.power:.0%}", f"{each.drift:.3f}") for each in thresholds]
    console.print(table_of(columns, rows))
    say(
        f"distance below: {false_alarms:.1%} of the distances of an LLM to its own value ID in the bank are larger; "
        "another LLM is farther: how often the distance to another LLM's value ID is; drift below: 5% of the exchanges "
        "of one LLM for another drift less."
    )
    if not loaded.calibration:
        say("The bank holds no calibration; this one is of its own questions, which its encoder may have learnt from.")


@app.command("list")
def bank_list(
    folder: Annotated[Path | None, typer.Argument(help="List the banks in this folder, too.", exists=True)] = None,
    as_json: AsJson = False,
) -> None:
    """List the bundled banks, and those in a folder.

    univar bank list reference_embeddings
    """
    from pytest_univar.banks import MANIFEST, available_banks, load_bank

    own = (
        sorted({file.parent for pattern in (MANIFEST, f"*/{MANIFEST}") for file in folder.glob(pattern)})
        if folder
        else []
    )
    listed: list[dict[str, Any]] = []
    for name in [*available_banks(), *map(str, own)]:
        try:
            listed.append({"bank": name, **summary(load_bank(name), folder_of(name))})
        except BankError as error:
            listed.append({"bank": name, "error": str(error)})
    if as_json:
        print_json(listed)
        return
    shown = [each for each in listed if "error" not in each]
    columns = ("bank", "rows", "value IDs", "languages", "schemes", "encoder")
    rows = [
        (e["bank"], e["rows"], e["value_ids"], ", ".join(e["languages"]), ", ".join(e["schemes"]), e["encoder"])
        for e in shown
    ]
    console.print(table_of(columns, rows))
    for each in listed:
        if "error" in each:
            note(f"{each['bank']} cannot be used: {each['error']}", "red")


# ------------------------------------------------------------------------------------------------------- inner parts


class Threshold(NamedTuple):
    """For so many questions: the distance to expect less than, how often another LLM is farther, and the drift."""

    questions: int
    distance: float
    power: float
    drift: float


def verified(name: str, encoder: str) -> Iterator[Check]:
    """Everything that can be checked of a bank; where it cannot be loaded, why. encoder: empty for its own."""
    from pytest_univar.banks import load_bank
    from pytest_univar.doctor import Check, bank_checks

    try:
        bank = load_bank(name)
    except BankError as error:
        yield Check("files", "failed", str(error), "build it again: univar bank build, or take an undamaged copy")
        return
    yield from bank_checks(bank)
    yield belongs(bank, encoder)


def belongs(bank: ReferenceBank, encoder: str) -> Check:
    """Whether the bank is of an encoder; of its own only where that lies on this machine, since nobody named it."""
    from pytest_univar.doctor import Check
    from pytest_univar.encoding import BUNDLED, read_checkpoint

    name = encoder or bank.encoder
    if not encoder and name != BUNDLED and not Path(name).is_dir():
        found = f"{name} ({bank.encoder_sha256[:12]}) is not looked for: it is no folder here"
        return Check("encoder", "warning", found, "name it with --encoder, which may fetch it")
    try:
        bank.check_encoder(read_checkpoint(name).fingerprint, name)
    except (BankError, EncoderError) as error:
        return Check("encoder", "failed", str(error), "name the encoder that it was built with")
    return Check("encoder", "ok", f"{name}, weights {bank.encoder_sha256[:12]}")


def folder_of(name: str) -> Path:
    """Where a bank lies."""
    from pytest_univar.banks import bank_folder

    return bank_folder(name)


def summary(bank: ReferenceBank, folder: Path) -> dict[str, Any]:
    """What its manifest says in single values; value_ids, questions: how many."""
    from pytest_univar.banks import MANIFEST

    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return {
        **{key: manifest[key] for key in SINGLE_VALUES},
        "folder": str(folder),
        "rows": len(bank),
        "dimensions": bank.vectors.shape[1],
        "dtype": str(bank.vectors.dtype),
        "value_ids": len(bank.value_ids),
        "questions": len(bank.question_ids),
        "languages": sorted({value_id.language for value_id in bank.value_ids}),
        "schemes": list(bank.schemes),
    }


def contents(bank: ReferenceBank) -> dict[str, Any]:
    """The rest of its manifest, whole; of questions that are many, the number will do."""
    schemes = {
        scheme: {region: [str(member) for member in members] for region, members in regions.items()}
        for scheme, regions in bank.schemes.items()
    }
    return {
        "value_ids": counts(bank),
        "schemes": schemes,
        "sources": [dict(source) for source in bank.sources],
        "calibration": dict(bank.calibration),
    }


def counts(bank: ReferenceBank) -> list[dict[str, Any]]:
    """Each value ID with its rows and the questions they answer."""
    found = []
    for value_id in bank.value_ids:
        rows = bank.rows(value_id)
        found.append({"value_id": str(value_id), "rows": len(rows.groups), "questions": len(set(rows.groups.tolist()))})
    return found


def _listed(calibration: Mapping[str, Any]) -> str:
    return f"{', '.join(map(str, calibration.get('sizes', ())))} questions"
