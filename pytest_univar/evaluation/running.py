"""A plan and encoders → an :class:`Evaluation`: each text is encoded once by each encoder."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from pytest_univar.audit import ProgressDisplay, TextEncoder
from pytest_univar.evaluation.measuring import Embedded, Found, corpus_note, measure, measure_baselines
from pytest_univar.evaluation.plan import Plan
from pytest_univar.evaluation.results import EncoderNote, Evaluation
from pytest_univar.evaluation.translationese import Translationese

VERSIONS = ("pytest-univar", "numpy", "scikit-learn", "torch", "transformers")


class Measured(NamedTuple):
    """An encoder with what is written down of it."""

    note: EncoderNote
    encoder: TextEncoder


def run(
    plan: Plan,
    encoders: Sequence[Measured],
    answers: Path,
    *,
    progress: ProgressDisplay,
    settings: Mapping[str, Any],
    notes: Sequence[str] = (),
) -> Evaluation:
    """Measure all that the plan asks for. answers: what is named and hashed. settings, notes: beside the plan's own."""
    found = Found()
    digest = sha256_of(answers)
    for note, encoder in encoders:
        with progress.encoding(note.name, len(plan.texts)) as advance:
            vectors = encoder.encode(plan.texts, progress=advance)
        measure(plan, note.name, Embedded(plan.texts, vectors), found)
    measure_baselines(plan, found)
    asked = plan.settings
    return Evaluation(
        answers=answers.name,
        answers_sha256=digest,
        split=described(plan),
        settings={
            "k": list(asked.ks),
            "probe": "Adam, learning rate 2e-3, batches of 512, 20 epochs" if asked.probe else None,
            "seed": asked.seed,
            "limit": asked.limit,
            "unseen": list(asked.unseen),
            **settings,
        },
        versions={"python": platform.python_version(), **{name: version(name) for name in VERSIONS}},
        encoders=tuple(note for note, _ in encoders),
        corpora=tuple(map(corpus_note, plan.splits)),
        identification=tuple(found.identification),
        control=tuple(found.control),
        novelty=tuple(found.novelty),
        profiles=tuple(found.profiles),
        views=tuple(found.views),
        translationese=tuple(found.translationese),
        translationese_note=_of_translationese(plan.translationese) if plan.translationese else None,
        notes=(*plan.notes, *notes),
    )


def described(plan: Plan) -> str:
    """The split in words that stand in every output."""
    return "by question" if plan.settings.split == "question" else "by value ID"


def sha256_of(path: Path) -> str:
    """Of a file's bytes; of a folder, over the names and digests of its files in the order of their names."""
    if path.is_file():
        return _digest(path)
    lines = [
        f"{file.relative_to(path).as_posix()} {_digest(file)}\n" for file in sorted(path.rglob("*")) if file.is_file()
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _of_translationese(texts: Translationese) -> str:
    paraphrase = (
        "The paraphrase format asks for a machine translation of the original."
        if texts.translated
        else "The file has no machine_translation: in the paraphrase format the text stands in its place."
    )
    return (
        f"{texts.file}: {len(texts.reference):,} reference and {len(texts.test):,} test texts of "
        f"{len(texts.languages)} source languages. {paraphrase}"
    )
