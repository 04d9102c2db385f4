"""Real answers of real LLMs on questions that neither the encoder nor the bank has seen name their LLM.

The answers are not part of the repository; CONTRIBUTING.md says where they come from.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from pytest_univar.training.recipe import load_recipe

ANSWERS = Path(__file__).parents[3] / "shared" / "data" / "llm_answers.jsonl.xz"
LLMS = ("Llama-2-7b-chat-hf", "gpt-3.5-turbo-1106", "anthropic/claude-3-5-sonnet-20241022", "qwen/qwen3-14b")

AUDIT = """
def test_values(univar):
    print("NEAREST", univar.profile("eng").nearest(1)[0].to)
"""


@pytest.mark.slow
@pytest.mark.skipif(not ANSWERS.is_file(), reason=f"the real answers are not there: {ANSWERS}")
def test_held_out_answers_name_their_llm(pytester: pytest.Pytester) -> None:
    held_out = [answer for corpus in load_recipe("univar-mini").read_corpora(ANSWERS) for answer in corpus.test]
    models = []
    for number, llm in enumerate(LLMS):
        own = [answer for answer in held_out if answer.llm == llm]
        lines = [
            {"llm": f"audited-{number}", "language": "eng", "question_id": a.question_id, "question": a.question,
             "answer": a.answer}
            for a in random.Random(0).sample(own, 40)
        ]  # fmt: skip
        file = pytester.path / f"answers-{number}.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        models.append(f"--univar-model=replay:{file.name}")
    pytester.makepyfile(AUDIT)

    result = pytester.runpytest_subprocess(*models, "-s")

    result.assert_outcomes(passed=len(LLMS))
    named = [line.split("NEAREST ")[1] for line in result.outlines if "NEAREST " in line]
    assert named == [f"{llm}/eng" for llm in LLMS]
    for number, llm in enumerate(LLMS):  # the report says the same
        start = next(i for i, line in enumerate(result.outlines) if line.startswith(f"audited-{number}/eng"))
        heading = next(i for i in range(start, len(result.outlines)) if "nearest value IDs" in result.outlines[i])
        assert f"{llm}/eng".startswith(result.outlines[heading + 1].split()[0])  # a long name is folded
