"""1,000 sentences into English: the seq2seq path against a plain ``model.generate`` loop, same model, same output.

    python benchmarks/translation.py

The model is one of the tests' word-for-word translators (see tests/services/tiny_seq2seq.py) of a realistic shape: an
M2M100 with 3 + 3 layers of width 256, 4 heads and 1,024 inner units, and an NLLB tokenizer of some thousand tokens. Its
weights are set so that a translation is as long as its source, as it about is for real models; a random model would
write to the limit or stop anywhere. What a step costs does not depend on the values of the weights.

The sentences are of made-up words, all different, one to a text; their lengths are log-normal with a median of 16 words
(the middle half between 11 and 24), as in running prose. The plain loop takes them in the order given, in batches of 1
and of 16, each padded to its longest sentence, with the same limit on new tokens (twice the source and 32). All run
greedily, in this process, on the CPU in float32; the path and the loop with 16 in turns, twice. Exits with 1 if an
output differs, or if the path is not at least twice as fast as the loop with 16.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # the loop would log a line for every batch
sys.path.insert(0, str(Path(__file__).parents[1]))  # for the tests' checkpoints

from pytest_univar.translation.seq2seq import Seq2SeqTranslator
from tests.services.tiny_seq2seq import nllb_checkpoint

SENTENCES = 1000
WORDS = 1200
ROUNDS = 2
LIMIT = 2.0


def made_up_words(count: int, generator: random.Random) -> list[str]:
    """Of two or three syllables, all different."""
    words: dict[str, None] = {}
    while len(words) < count:
        syllables = ["".join(map(generator.choice, ("bdfgklmnprstvz", "aeiou"))) for _ in range(3)]
        words["".join(syllables[: generator.choice((2, 3))])] = None
    return list(words)


def made_up_sentences(words: list[str], generator: random.Random) -> list[str]:
    sentences: dict[str, None] = {}
    while len(sentences) < SENTENCES:
        length = max(2, min(100, round(generator.lognormvariate(2.77, 0.57))))
        sentences[" ".join(generator.choices(words, k=length)) + "."] = None
    return list(sentences)


def plain_loop(model: Any, tokenizer: Any, sentences: list[str], size: int) -> list[str]:
    """As it is written in every example."""
    import torch

    english: list[str] = []
    for start in range(0, len(sentences), size):
        inputs = tokenizer(sentences[start : start + size], return_tensors="pt", padding=True)
        with torch.inference_mode():
            found = model.generate(
                **inputs,
                forced_bos_token_id=tokenizer.convert_tokens_to_ids("eng_Latn"),
                num_beams=1,
                max_new_tokens=2 * inputs["input_ids"].shape[1] + 32,
            )
        english += tokenizer.batch_decode(found, skip_special_tokens=True)
    return english


def our_path(translator: Seq2SeqTranslator, sentences: list[str]) -> list[str]:
    english = [""] * len(sentences)
    problems = translator.translate(sentences, "spa", done=english.__setitem__)
    if problems:
        raise SystemExit(f"{len(problems)} sentences were not translated: {next(iter(problems.values()))}")
    return english


class Took(NamedTuple):
    """Seconds. The processor's, of all threads, say whether the machine was too busy to tell."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"wall {self.wall:6.1f} s, processor {self.processor:6.1f} s"


def timed(work: Callable[[], list[str]], outputs: list[list[str]]) -> Took:
    begin, used = time.perf_counter(), time.process_time()
    outputs.append(work())
    return Took(time.perf_counter() - begin, time.process_time() - used)


def main() -> int:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    generator = random.Random(0)
    words = made_up_words(2 * WORDS, generator)
    sentences = made_up_sentences(words[:WORDS], generator)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = nllb_checkpoint(
            Path(folder), words=dict(zip(words[:WORDS], words[WORDS:], strict=True)),
            width=256, layers=3, heads=4, inner=1024,
        )  # fmt: skip
        translator = Seq2SeqTranslator(str(checkpoint), device="cpu")
        tokenizer = AutoTokenizer.from_pretrained(checkpoint, src_lang="spa_Latn")
        model = AutoModelForSeq2SeqLM.from_pretrained(checkpoint).eval()
        our_path(translator, sentences[:20])  # loads it
    plain_loop(model, tokenizer, sentences[:20], 16)

    words_in_all = sum(len(text.split()) for text in sentences)
    print(f"{len(sentences)} sentences, {words_in_all} words, a vocabulary of {len(tokenizer)} tokens")

    outputs: list[list[str]] = []
    ours, by_16 = partial(our_path, translator, sentences), partial(plain_loop, model, tokenizer, sentences, 16)
    rounds = [(timed(ours, outputs), timed(by_16, outputs)) for _ in range(ROUNDS)]
    one = timed(partial(plain_loop, model, tokenizer, sentences, 1), outputs)
    path, sixteen = (min(took) for took in zip(*rounds, strict=True))
    print(f"{'seq2seq path':<17} best of {ROUNDS}: {path}")
    for label, tries, took in (("plain loop of 16", f"best of {ROUNDS}", sixteen), ("plain loop of 1", "once", one)):
        print(f"{label:<17} {tries:>9}: {took}; {took.wall / path.wall:.2f} times")
    different = sum(len(set(english)) > 1 for english in zip(*outputs, strict=True))
    print(f"sentences whose outputs differ: {different}")
    return int(different > 0 or sixteen.wall / path.wall < LIMIT)


if __name__ == "__main__":
    sys.exit(main())
