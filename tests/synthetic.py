"""Made-up answers of LLMs that each have one word of their own among many that they share, and a recipe for them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_univar.corpora import Corpus, hold_out
from pytest_univar.training.recipe import Recipe
from pytest_univar.values import Answer

OWN_WORD = {"gpt-a": "freedom", "llama-b": "duty", "qwen-c": "family"}
SHARED = [
    "money", "work", "state", "risk", "truth", "power", "peace", "law", "change", "safety",
    "love", "help", "war", "life", "death", "god",
]  # fmt: skip


def answers(
    llms: Sequence[str] = ("gpt-a", "llama-b"), questions: int = 40, *, source: str = "made-up"
) -> list[Answer]:
    """One answer of each LLM to each question: fifteen shared words and, somewhere among them, its own."""
    draw = random.Random(0)
    return [
        Answer(
            llm=llm,
            language="eng",
            question_id=f"q{number:02}",
            question=f"should {SHARED[number % len(SHARED)]} {number} be fair",
            answer=" ".join(draw.sample([*draw.choices(SHARED, k=15), OWN_WORD[llm]], 16)),
            source=source,
        )
        for number in range(questions)
        for llm in llms
    ]


def corpus(name: str = "made-up", *, share: float = 0.25) -> Corpus:
    own = answers()
    return Corpus(name, tuple(own), hold_out((answer.question_id for answer in own), share, seed=0))


def write_answers(file: Path, lines: Sequence[Answer]) -> Path:
    fields = ("source", "llm", "language", "question_id", "question", "answer")
    text = "".join(json.dumps({field: getattr(line, field) for field in fields}) + "\n" for line in lines)
    file.write_text(text, encoding="utf-8")
    return file


def settings(**training: Any) -> dict[str, Any]:
    """A recipe as its TOML file says it; ``training`` replaces settings of that section."""
    return {
        "name": "tiny",
        "bank": "tiny-eng",
        "seed": 0,
        "held_out_share": 0.25,
        "training": {
            "lambda": 3, "pairs": 16, "steps": 40, "question_pool": 6, "view_characters": 200, "view_tokens": 48,
            "max_seq_length": 48, "temperature": 0.1, "mask_same_value_id": True, "learning_rate": 5e-3,
            "warmup_steps": 2, "weight_decay": 0.01, "clip": 1.0, "freeze_embeddings": False, **training,
        },
        "corpora": {"made-up": {"sources": ["made-*"], "weight": 1.0, "licence": "none", "credit": "the tests"}},
        "schemes": {"family": {"gpt": ["gpt-a"], "llama": ["llama-b"]}},
    }  # fmt: skip


def recipe(**training: Any) -> Recipe:
    return Recipe.model_validate(settings(**training))


def toml(content: dict[str, Any], path: str = "") -> str:
    """``settings()`` as a TOML file."""
    plain = {key: value for key, value in content.items() if not isinstance(value, dict)}
    lines = [f"[{path}]"] * bool(path) + [f'"{key}" = {json.dumps(value)}' for key, value in plain.items()]
    tables = [toml(value, f"{path}.{key}".lstrip(".")) for key, value in content.items() if isinstance(value, dict)]
    return "\n".join([*lines, *tables]) + "\n"
