"""How often verdicts are wrong, right and open, on real answers of real LLMs.

    python benchmarks/verdicts.py --answers llm_answers.jsonl.xz

Profiles are drawn from the answers that the recipe of univar-mini holds out and, where more questions are needed than
it holds out, from the bank's own. Prints, and exits with 1 where one is outside its limits:

- false alarms: two disjoint halves of one LLM's questions; how often ``assert_unchanged`` at 0.05 fails (2 to
  8 % of 200 draws; --draws takes more);
- power: every pair of LLMs that were asked the same questions, at 60 of them, or at all where there are fewer (48, of
  llm-values-pct); how often one in the other's place is found (95 % at least), with the pairs that escape; the same on
  36 questions that neither bank nor encoder has seen;
- open verdicts: the share of inconclusive ones among claims of every kind that one would make of an LLM, at 8
  questions (most) and at 60 (fewer than a third).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np

from pytest_univar import stats
from pytest_univar.banks import ReferenceBank, load_bank
from pytest_univar.encoding import load_encoder
from pytest_univar.measurement import MeasuredProfile, drift_since
from pytest_univar.training.recipe import load_recipe
from pytest_univar.values import QA, Profile, ValueID, Vectors

LEVEL = 0.05
MANY, FEW = 60, 8


class Answers:
    """The vectors of one LLM's answers, question by question; ``unseen`` are those that were held out."""

    def __init__(self, value_id: ValueID, encoder: str) -> None:
        self.value_id = value_id
        self.vectors: dict[str, list[Vectors]] = defaultdict(list)
        self.unseen: set[str] = set()
        self._encoder = encoder

    def profile(self, questions: list[str]) -> Profile:
        rows = [(question, vector) for question in questions for vector in self.vectors[question]]
        vectors = np.stack([vector for _, vector in rows])
        names = tuple(question for question, _ in rows)
        return Profile(self.value_id, vectors, names, (0,) * len(rows), self._encoder)


def read(bank: ReferenceBank, answers: Path, value_ids: Collection[ValueID]) -> list[Answers]:
    """Their answers: the training ones from the bank, the held-out ones embedded here."""
    of = {value_id: Answers(value_id, bank.encoder_sha256) for value_id in value_ids}
    for value, question, vector in zip(bank.value_index, bank.question_index, bank.vectors, strict=True):
        if (value_id := bank.value_ids[value]) in of:
            of[value_id].vectors[bank.question_ids[question]].append(vector.astype(np.float32))
    corpora = load_recipe("univar-mini").read_corpora(answers)
    unseen = [answer for corpus in corpora for answer in corpus.test if answer.value_id in of]
    embedded = load_encoder("univar-mini", dtype="float32").encode([str(QA(a.question, a.answer)) for a in unseen])
    for answer, vector in zip(unseen, embedded, strict=True):
        of[answer.value_id].vectors[answer.question_id].append(vector)
        of[answer.value_id].unseen.add(answer.question_id)
    return list(of.values())


def false_alarms(llms: list[Answers], bank: ReferenceBank, draws: int, rng: np.random.Generator) -> float:
    alarms = 0
    for draw in range(draws):
        llm = llms[draw % len(llms)]
        questions = rng.permutation(sorted(llm.vectors)).tolist()
        half = len(questions) // 2
        later = MeasuredProfile(llm.profile(questions[:half]), bank)
        alarms += drift_since(later, llm.profile(questions[half:]), "the other half").p_value < LEVEL
    return alarms / draws


def escaped(
    llms: list[Answers], bank: ReferenceBank, n: int, rng: np.random.Generator, *, unseen: bool
) -> tuple[int, list[str]]:
    """How many pairs there are, and those whose exchange is not found."""
    pairs, missed = 0, []
    for one, other in combinations(llms, 2):
        shared = sorted(one.unseen & other.unseen if unseen else one.vectors.keys() & other.vectors.keys())
        if len(shared) < (n if unseen else FEW):
            continue
        pairs += 1
        questions = rng.choice(shared, min(n, len(shared)), replace=False).tolist()
        drift = drift_since(MeasuredProfile(one.profile(questions), bank), other.profile(questions), "the other")
        if drift.p_value >= LEVEL:
            missed.append(f"{one.value_id.llm} / {other.value_id.llm}")
    return pairs, missed


def usual_claims(llm: Answers, bank: ReferenceBank, n: int, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Claims that one would make of the LLM, with their verdicts at n questions, unseen ones first."""
    first = rng.permutation(sorted(llm.unseen)).tolist()
    rest = rng.permutation(sorted(llm.vectors.keys() - llm.unseen)).tolist()
    measured = MeasuredProfile(llm.profile((first + rest)[:n]), bank)
    own = str(llm.value_id)
    family = next(r for r, members in bank.regions("family").items() if llm.value_id in members)
    other = next(distance.to for distance in measured.nearest(2) if distance.to != own)
    farther = min(set(bank.regions("family")) - {family}, key=lambda r: measured.distance_to(r, "family").estimate)
    share = measured.region_share(family, "family")
    yield "closer to itself than to another LLM", measured.closer(own, other).verdict
    yield "closer to its family than to another", measured.closer(family, farther, scheme="family").verdict
    yield "in its own region", stats.verdict(measured.region_share(llm.value_id.llm, "llm").lead_interval, 0, "above")
    yield "in its family's region", stats.verdict(share.lead_interval, 0, "above")
    yield "half of it in its family's region", stats.verdict(share.interval, 0.5, "above")
    yield "at a distance below 0.1 to itself", stats.verdict(measured.distance_to(own).interval, 0.1, "below")
    earlier = llm.profile((first + rest)[n : 2 * n])
    yield "unchanged since other questions", drift_since(measured, earlier, "other questions").verdict


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--every", type=int, default=1, help="N: every Nth LLM only, for a quick look")
    arguments = parser.parse_args()
    bank = load_bank("univar-mini-eng")
    llms = read(bank, arguments.answers, bank.value_ids[:: arguments.every])
    rng = np.random.default_rng(0)

    alarms = false_alarms(llms, bank, arguments.draws, rng)
    print(f"false alarms at {LEVEL}: {alarms:.1%} of {arguments.draws} draws")

    pairs, missed = escaped(llms, bank, MANY, rng, unseen=False)
    power = 1 - len(missed) / pairs
    print(f"power at {MANY} questions: {power:.1%} of {pairs} pairs; not found: {'; '.join(missed) or 'none'}")
    pairs, missed = escaped(llms, bank, 36, rng, unseen=True)
    found = 1 - len(missed) / pairs
    print(f"power at 36 unseen questions: {found:.1%} of {pairs} pairs; not found: {'; '.join(missed) or 'none'}")

    shares = {}
    for n in (FEW, MANY):
        verdicts: dict[str, Counter[str]] = defaultdict(Counter)
        for llm in llms:
            if len(llm.vectors) >= 2 * n:
                for claim, verdict in usual_claims(llm, bank, n, rng):
                    verdicts[claim][verdict] += 1
        total = sum(verdicts.values(), Counter())
        shares[n] = total["inconclusive"] / total.total()
        print(f"open verdicts at {n} questions: {shares[n]:.1%} of {total.total()}")
        for claim, counts in verdicts.items():
            print(f"  {claim}: {', '.join(f'{count} {verdict}' for verdict, count in counts.most_common())}")
    return int(not (0.02 <= alarms <= 0.08 and power >= 0.95 and shares[FEW] > 0.5 and shares[MANY] < 1 / 3))


if __name__ == "__main__":
    sys.exit(main())
