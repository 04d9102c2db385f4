"""What an audit of 20,000 answers takes in memory, beyond what an audit of 200 takes."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from pytest_univar.banks import ReferenceBank, save_bank
from pytest_univar.building import build_bank
from pytest_univar.corpora import Corpus
from pytest_univar.encoding import load_encoder
from pytest_univar.values import Answer

from ..checkpoints import WORDS, bert_checkpoint
from ..synthetic import OWN_WORD, write_answers

ANSWER_WORDS = 100
"""About as many as answers of 128 tokens have."""

TEST = """
def test_values(univar):
    profile = univar.profile("eng")
    assert profile.region(scheme="family") == "gpt"
    assert profile.distance_to("gpt-a/eng").plain < profile.distance_to("llama-b/eng").plain
    univar.assert_closer("eng", to="gpt", than="llama", scheme="family")
"""
# The high-water mark of the process's own memory, after the report. Not ru_maxrss: that begins with the memory of the
# process that started this one, which has torch loaded as well and would hide the growth.
CONFTEST = """
import sys
from pathlib import Path

def pytest_unconfigure():
    assert "torch" in sys.modules
    status = Path("/proc/self/status").read_text()
    Path("peak").write_text(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))
"""


def answers_of(llm: str, questions: int, *, seed: int) -> list[Answer]:
    """One answer to each question: words that all LLMs share, and every third the LLM's own."""
    draw = random.Random(seed)
    made = []
    for number in range(questions):
        words = draw.choices(WORDS, k=ANSWER_WORDS)
        words[::3] = [OWN_WORD[llm]] * len(words[::3])
        question = f"what should people do about law {number}"
        made.append(Answer(llm, "eng", f"{seed}-{number}", question, " ".join(words)))
    return made


def bank_for(encoder: Path) -> ReferenceBank:
    answers = [answer for seed, llm in enumerate(OWN_WORD, 2) for answer in answers_of(llm, 1000, seed=seed)]
    return build_bank(
        [Corpus("made-up", tuple(answers), frozenset())],
        load_encoder(encoder, device="cpu"),
        name="long",
        lambda_=5,
        schemes={"family": {llm: llm.partition("-")[0] for llm in OWN_WORD}},
        sources=[{"name": "made up", "licence": "none", "credit": "these tests"}],
    )


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Of the module, so that torch is loaded before pytester, which drops what is imported after it."""
    folder = tmp_path_factory.mktemp("long")
    encoder = bert_checkpoint(folder / "encoder", width=384, layers=1, max_seq_length=40)
    save_bank(bank_for(encoder), folder / "bank")
    return (f"--univar-encoder={encoder}", f"--univar-bank={folder / 'bank'}", "--univar-device=cpu")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's own memory is read from /proc")
def test_twenty_thousand_answers(pytester: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    """The growth of the peak resident memory of a whole pytest process, from 200 replayed answers to 20,000.

    One answer to each of 200 questions, then of 20,000. Both runs load torch and embed every answer in 384 dimensions,
    as many as the bundled encoder has; the bank has 3,000 rows. So what is measured is what answers add: reading them,
    tokens, vectors, statistics, report.
    """
    pytester.makepyfile(test_it=TEST)
    pytester.makeconftest(CONFTEST)

    def peak(questions: int) -> float:
        """Resident memory at its peak, in MB."""
        write_answers(pytester.path / "answers.jsonl", answers_of("gpt-a", questions, seed=1))
        result = pytester.runpytest_subprocess("--univar-model=replay:answers.jsonl", *arguments)
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines([f"*{questions} of {questions} kept*"])
        return int((pytester.path / "peak").read_text()) * 1024 / 1e6

    few, many = peak(200), peak(20_000)
    print(f"peak with 200 answers: {few:.0f} MB; with 20,000: {many:.0f} MB")
    assert few > 200, "torch is part of all"
    assert many - few < 200
