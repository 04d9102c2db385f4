"""A made-up result with everything that the HTML report can show, hostile texts and names among it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from pytest_univar.audit import ProfileResult
from pytest_univar.banks import ReferenceBank
from pytest_univar.comparison import Comparison, Conclusion, Step, Trajectory
from pytest_univar.elicitation import Tally
from pytest_univar.expectations import Claim
from pytest_univar.findings import Beside, Findings, Heat, Pair, Said, reference_of
from pytest_univar.maps import ValueMap, fit, value_map
from pytest_univar.measurement import Distance, Drift, Pull, RegionVerdict
from pytest_univar.report import AuditResult, Made, TestOutcome
from pytest_univar.stats import Floats, Interval
from pytest_univar.values import QA, Profile, ValueID

SCRIPT = "<script>window.hacked=1;alert(1)</script><img src=x onerror=\"document.title='hacked'\"> freedom"
BREAKOUT = "</script><script>window.hacked=2</script><!--<script> --><svg onload=alert(2)></svg>]]>'\" &lt; &amp;"
LINK = '<a href="javascript:alert(3)">a link</a> {{7*7}} ${7*7}'
BIDI = "safe \u202egnp.exe\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627"
CONTROL = "\x1b[31mred\x1b[0m bell\x07 nul\x00 half\ud83d line\u2028end"
EMOJI = "\U0001f469\u200d\U0001f469\u200d\U0001f467 family first \U0001f3f3\ufe0f\u200d\U0001f308"
LONG = "A long answer that goes on. " * 750  # 21,000 characters
HOSTILE = (SCRIPT, BREAKOUT, LINK, BIDI, CONTROL, EMOJI, LONG)

MODEL = 'org/<b>bold</b><a href="javascript:alert(4)">model</a>'
OTHER = "org/plain-model"
LANGUAGES = ("eng", "spa", "arb")
FAMILIES = {"gpt": ("gpt-a", "gpt-b"), "llama": ("llama-a", "llama-b"), "qwen": ("qwen-a",)}


def bank(n: int = 600, *, llms: int = 0) -> ReferenceBank:
    """Rows of five LLMs in three languages, or of so many made-up ones in one; each around a place of its own."""
    if llms:
        value_ids = tuple(ValueID(f"llm-{number}", "eng") for number in range(llms))
        families = {f"family {code}": value_ids[code::8] for code in range(8)}
    else:
        value_ids = tuple(ValueID(llm, code) for own in FAMILIES.values() for llm in own for code in LANGUAGES)
        families = {name: tuple(each for each in value_ids if each.llm in own) for name, own in FAMILIES.items()}
    index = np.arange(n) % len(value_ids)
    return ReferenceBank(
        name="made-up",
        version="7",
        encoder="univar-mini",
        encoder_sha256="ab" * 32,
        text_format="Q: {question} A: {answer}",
        lambda_=5,
        answer_params={"top_p": 0.95},
        translator=None,
        question_set_hash="",
        value_ids=value_ids,
        schemes={"family": families},
        sources=({"name": "made up", "licence": "CC-BY-4.0", "credit": "A. N. Author <a@example.org>"},),
        calibration={},
        question_ids=tuple(f"q-{code}" for code in range(40)),
        vectors=_rows(index, len(value_ids), seed=1),
        value_index=index.astype(np.int32),
        question_index=(np.arange(n) // len(value_ids) % 40).astype(np.int32),
    )


def _rows(places: npt.NDArray[np.integer], n_places: int, seed: int) -> Floats:
    """Unit vectors ``[n, 16]`` around one centre for each place."""
    centres = np.random.default_rng(0).standard_normal((n_places, 16))
    rows = centres[places] + 0.8 * np.random.default_rng(seed).standard_normal((len(places), 16))
    unit: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def profile(value_id: ValueID, place: int, reference: ReferenceBank, n: int = 24) -> Profile:
    """Answers near one value ID of the bank; the first of them hostile."""
    said = [*HOSTILE, *(f"{value_id.language} answer {row}" for row in range(len(HOSTILE), n))]
    return Profile(
        value_id=value_id,
        vectors=_rows(np.full(n, place), len(reference.value_ids), seed=9 + place),
        question_ids=tuple(f"q-{row}" for row in range(n)),
        samples=(0,) * n,
        encoder=reference.encoder_sha256,
        qas=tuple(QA(f"What about matter {row}?", text) for row, text in enumerate(said)),
    )


AUDITED = (ValueID(MODEL, "eng"), ValueID(MODEL, "spa"), ValueID(OTHER, "eng"))


def drawn_map(n: int = 600, *, llms: int = 0, most: int | None = None) -> ValueMap:
    reference = bank(n, llms=llms)
    profiles = {str(each): profile(each, place, reference) for place, each in enumerate(AUDITED)}
    return value_map(reference, fit(reference.vectors), profiles, most=most)


def distance(to: str, estimate: float, half: float = 0.05) -> Distance:
    interval = Interval(estimate - half, estimate + half)
    return Distance(to, estimate, estimate + 0.01, interval, 0.95, 24, 24, within=97.0, between=12.0)


def pull(number: int, answer: str, *, original: bool = False) -> Pull:
    return Pull(f"q-{number}", 0.25, f"What about matter {number}?", answer,
                *(("¿Qué hay del asunto?", f"En español: {answer}") if original else ()))  # fmt: skip


def claim(verdict: str, kind: str, text: str, estimate: float, threshold: float, **more: object) -> Claim:
    interval = Interval(estimate - 0.1, estimate + 0.1)
    fields = {"model": MODEL, "language": "eng", "confidence": 0.95, "n_questions": 24, **more}
    return Claim(where="test_it.py::test_it", text=text, verdict=verdict, detail="as it was measured", kind=kind,  # type: ignore[arg-type]
                 estimate=estimate, interval=interval, threshold=threshold, **fields)  # type: ignore[arg-type]  # fmt: skip


CLAIMS = (
    claim("met", "distance", "eng is at a distance below 0.5 to far/eng", 0.31, 0.5),
    claim("inconclusive", "closer", "spa is closer to gpt than to qwen (family)", 0.02, 0.0, language="spa",
          evidence=tuple(pull(number, text, original=True) for number, text in enumerate(HOSTILE))),
    claim("violated", "region", "at least 80% of eng lie in gpt (family)", 0.4, 0.8,
          evidence=tuple(pull(number, text) for number, text in enumerate(HOSTILE))),
    claim("met", "unchanged", "eng is unchanged since base", 0.02, 0.1, model=OTHER, p_value=0.31),
)  # fmt: skip


def profile_result(value_id: ValueID, **more: object) -> ProfileResult:
    shares = {"gpt": 0.5, "llama": 0.25, "qwen": 0.25}
    made = ProfileResult(
        model=value_id.llm,
        language=value_id.language,
        questions="core",
        samples=1,
        tally=Tally(asked=26, kept=24, refused=2, empty=1, missing=1, calls=27, retries=1, prompt_tokens=1234,
                    completion_tokens=5678, cost_usd=0.0123),
        problems={"q-24": "the answer was empty", "q-25": SCRIPT},
        nearest=(distance("gpt-a/eng", 0.2), distance("llama-a/eng", 0.4)),
        regions=(RegionVerdict("gpt", "family", 0.5, Interval(0.3, 0.7), 0.95, shares, 24, 24, 50, True),),
        warnings=("sampled otherwise than the bank's answers",) if value_id.language == "spa" else (),
        params={"temperature": 1.0},
        translator="nllb" if value_id.language == "spa" else None,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def conclusion() -> Conclusion:
    def drift(language: str, estimate: float, p: float) -> Drift:
        interval = Interval(estimate - 0.02, estimate + 0.02)
        return Drift("base", language, estimate, estimate, interval, 0.95, p, p, 24, 24, "paired", 0.1,
                     (pull(3, BIDI),))  # fmt: skip

    drifts = (drift("eng", 0.3, 0.0001), drift("spa", 0.03, 0.4))
    steps = (
        Step("first", distance("gpt (family)", 0.5), None),
        Step(SCRIPT, distance("gpt (family)", 0.4), distance("first", 0.2)),
    )
    return Conclusion(
        comparisons=(Comparison(MODEL, "0001_base", "2026-01-02T03:04:05+00:00", drifts, ("eng",)),),
        trajectories=(Trajectory("eng", "gpt (family)", "first", steps),),
        saved=".univar/0002_now",
    )


def pairs() -> tuple[Pair, ...]:
    def beside(number: int, text: str) -> Beside:
        original = Said(text, "¿Qué hay del asunto?", f"En español: {text}")
        return Beside(f"q-{number}", f"What about matter {number}?", 0.5, Said(text), original)

    rows = tuple(beside(number, text) for number, text in enumerate(HOSTILE))
    return (Pair(f"{MODEL}/eng", f"{MODEL}/spa", 0.44, 24, rows, rows[:2]),)


def audit_result(n: int = 600, *, llms: int = 0, most: int | None = None) -> AuditResult:
    """n: answers of the bank. llms, most: as for the map."""
    labels = tuple(map(str, AUDITED))
    heat = Heat(labels, 3, ((None, 0.2, 0.4), (0.2, None, 0.3), (0.4, 0.3, None)))
    return AuditResult(
        encoder="univar-mini",
        bank="made-up",
        made=Made("2026-11-21T13:19:27+00:00", {"python": "3.11.7"}, {"model": [MODEL], "samples": 1}),
        profiles=tuple(map(profile_result, AUDITED)),
        claims=CLAIMS,
        outcomes=(TestOutcome("test_it.py::test_other", MODEL, "passed"),),
        conclusion=conclusion(),
        findings=Findings(reference_of(bank(n, llms=llms)), drawn_map(n, llms=llms, most=most), heat, pairs()),
    )
