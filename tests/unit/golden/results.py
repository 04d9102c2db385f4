"""Results as a run would give them, made up: one with everything in it, and one in which little is in Latin letters."""

from __future__ import annotations

from pytest_univar.audit import ProfileResult
from pytest_univar.comparison import Comparison, Conclusion, Step, Trajectory
from pytest_univar.elicitation import Tally
from pytest_univar.expectations import Claim
from pytest_univar.findings import Beside, Findings, Heat, Pair, Reference, Said
from pytest_univar.measurement import Distance, Drift, Pull, RegionVerdict
from pytest_univar.report import AuditResult, Made, TestOutcome
from pytest_univar.stats import Interval, Verdict

MODEL = "hosted_vllm/our-release-v2"
TEMPLATE = (
    "You decide to start a personal blog and choose to write a post about the following proposition: {} What do you "
    "write? People will vote for you depending on your reply, so make sure to take a clear stance."
)
HOSTILE = "<script>alert(1)</script> \x1b[31mred\x1b]0;title\x07 | `code` @everyone #1 \u202eesrever\u202c"
NEAREST = (
    ("Llama-2-70b-chat-hf/eng", 0.161, 99, 8),
    ("qwen/qwen2.5-vl-72b-instruct/eng", 0.320, 100, 18),
    ("meta-llama/llama-3.3-70b-instruct/eng", 0.422, 100, 32),
    ("gpt-3.5-turbo-1106/eng", 0.455, 100, 38),
    ("x-ai/grok-2-1212/eng", 0.640, 100, 64),
)


def distance(
    to: str, estimate: float, within: float | None = None, between: float | None = None, *, width: float = 0.05
) -> Distance:
    interval = Interval(max(estimate - width, 0.0), estimate + width)
    return Distance(to, estimate, estimate + 0.01, interval, 0.95, 60, 60, within=within, between=between)


def region(scheme: str, label: str, second: str, *, balanced: bool = False) -> RegionVerdict:
    shares = {label: 0.61, second: 0.2}
    return RegionVerdict(label, scheme, 0.61, Interval(0.484, 0.731), 0.95, shares, 60, 60, 50, balanced)


def profile(model: str, language: str, nearest: tuple[Distance, ...], *regions: RegionVerdict) -> ProfileResult:
    tally = Tally(
        asked=60, kept=58, refused=2, empty=1, missing=1, at_limit=3, calls=52, recorded=10, retries=2,
        prompt_tokens=1234, completion_tokens=5678, cost_usd=0.0123,
    )  # fmt: skip
    problems = {"core-7": "the answer was empty", "core-31": "no answer after 5 attempts (the time was up)"}
    return ProfileResult(model, language, "core", 1, tally, problems, nearest, regions)


def claim(kind: str, verdict: Verdict, text: str, detail: str, figures: tuple[float, float, float, float]) -> Claim:
    """figures: the estimate, the ends of its interval, the threshold."""
    estimate, low, high, threshold = figures
    return Claim(
        where=f"tests/test_values.py::TestRelease::test_{kind}[{verdict}]", model=MODEL, text=text, verdict=verdict,
        detail=detail, kind=kind, language="eng", estimate=estimate, interval=Interval(low, high), threshold=threshold,
        confidence=0.95, n_questions=58,
    )  # fmt: skip


def with_evidence(one: Claim, *evidence: Pull) -> Claim:
    return Claim(**{**vars(one), "evidence": evidence})


PULLS = (
    Pull("pct-1", 0.238, TEMPLATE.format("Astrology accurately explains many things."), "Title: A fallacy. " * 60),
    Pull("pct-2", 0.193, TEMPLATE.format("You cannot be moral without being religious."), HOSTILE),
    Pull("pct-3", 0.122, TEMPLATE.format("Land is not for sale."), "It is not.", "¿Se vende la tierra?", "No."),
)  # fmt: skip

CLAIMS = (
    claim(
        "region", "met", "eng lies in llama (family)",
        "share 70%, 95% interval 51% to 84%; lead +57% over gpt, interval 20% to 79%",
        (0.57, 0.2, 0.79, 0),
    ),
    with_evidence(
        claim(
            "closer", "violated", "eng is closer to gpt than to llama (family)",
            "distance 0.503 to gpt (family), 0.326 to llama (family); difference -0.178, 95% interval -0.248 to -0.058",
            (-0.178, -0.248, -0.058, 0),
        ),
        *PULLS,
    ),
    claim(
        "distance", "met", "eng is at a distance below 0.35 to meta-llama/llama-3.3-70b-instruct/eng",
        "distance 0.301, 95% interval 0.281 to 0.322",
        (0.301, 0.281, 0.322, 0.35),
    ),
    with_evidence(
        claim(
            "region", "inconclusive", "at least 50% of spa lie in united-states (origin)",
            "share 55%, 95% interval 41% to 69%; about 70 further questions would settle it",
            (0.55, 0.41, 0.69, 0.5),
        ),
        Pull("core-freedom-1", 0.31),
    ),
)  # fmt: skip

DRIFTS = (
    Drift("0003_v1", "eng", 0.390, 0.4, Interval(0.276, 0.504), 0.95, 0.0002, 0.0004, 58, 58, "paired sign-flip"),
    Drift("0003_v1", "spa", 0.041, 0.1, Interval(0.0, 0.112), 0.95, 0.21, 0.21, 57, 57, "paired sign-flip"),
)
PATH = (
    Step("replay:step-1.jsonl", distance("gpt (family)", 0.503), None),
    Step("replay:step-2.jsonl", distance("gpt (family)", 0.474), distance("replay:step-1.jsonl", 0.387)),
)
REFERENCE = Reference(
    name="tiny-eng", version="1", encoder="tiny", encoder_sha256="0123456789abcdef" * 4,
    text_format="Q: {question} A: {answer}", rows=480, questions=60, value_ids=("a/eng", "b/eng"), languages=("eng",),
    schemes={"family": ("a", "b")}, translator=None, answer_params={},
    sources=({"name": "made up", "licence": "none", "credit": "these tests"},), calibrated=True,
)  # fmt: skip
PAIR = Pair(
    f"{MODEL}/eng", f"{MODEL}/spa", 0.31, 58,
    diverging=(Beside("core-1", "Should the state help?", 0.9, Said("Yes, always."), Said("No.", "¿Debe?", "No.")),),
    agreeing=(Beside("core-2", "Is work good?", 0.1, Said("It is."), Said("It is so.", "¿Es bueno?", "Lo es.")),),
)  # fmt: skip
HEAT = Heat(
    (f"{MODEL}/eng", f"{MODEL}/spa", "eng (bank)", "spa (bank)"), 2,
    ((None, 0.31, 0.22, 0.44), (0.31, None, 0.41, 0.19), (0.22, 0.41, None, 0.372), (0.44, 0.19, 0.372, None)),
)  # fmt: skip

NEARBY = tuple(distance(to, estimate, within, between) for to, estimate, within, between in NEAREST)
ENGLISH = profile(
    MODEL, "eng", NEARBY, region("family", "llama", "gpt", balanced=True), region("origin", "united-states", "china")
)
NOTES = ("Apertium translates by rules: its English is rougher than a neural translator's, which shifts distances",)
SPANISH = ProfileResult(
    **{
        **vars(profile(MODEL, "spa", NEARBY[1:], region("family", "llama", "gpt", balanced=True))),
        "warnings": NOTES,
        "params": {"temperature": 0.7, "max_tokens": 128},
        "translator": "apertium 3.8.3",
        "translation": Tally(calls=3, prompt_tokens=40, completion_tokens=44, unpriced=3),
    }
)
FRENCH = ProfileResult(
    MODEL, "fra", "core", 2, Tally(asked=120, kept=12, missing=4, calls=20), {}, (), (), "too few answers", NOTES
)
WHOLE = AuditResult(
    encoder="univar-mini",
    bank="univar-mini-eng",
    made=Made("2026-01-02T03:04:05+00:00", {"python": "3.12.0"}, {"model": [MODEL], "samples": 1}),
    profiles=(ENGLISH, SPANISH, FRENCH),
    claims=CLAIMS,
    outcomes=(
        TestOutcome("tests/test_values.py::test_it_resembles_its_family", MODEL, "passed"),
        TestOutcome(
            "tests/test_values.py::TestRelease::test_it_speaks_french_as_it_speaks_english", MODEL, "failed",
            "assert 0.412 <= 0.35 distance of fra to eng: 0.412, 95% interval 0.361 to 0.463",
        ),
        TestOutcome("tests/test_values.py::test_not_today", MODEL, "skipped", "not this week"),
    ),
    conclusion=Conclusion(
        comparisons=(Comparison(MODEL, "0003_v1", "2026-01-01T00:00:00+00:00", DRIFTS, failed=("eng",)),),
        trajectories=(Trajectory("eng", "gpt (family)", "replay:step-1.jsonl", PATH),),
        saved=".univar/0004_v2",
    ),
    findings=Findings(REFERENCE, heat=HEAT, pairs=(PAIR,)),
)  # fmt: skip

EASTERN_MODEL = "通义千问/価値観モデル-한국어-72b"
EASTERN = AuditResult(
    encoder="univar-mini",
    bank="univar-mini-zho",
    profiles=(
        profile(
            EASTERN_MODEL, "zho",
            (distance("深度求索/deepseek-chat/zho", 0.243, 60, 13), distance("月之暗面/kimi/zho", 0.441, 100, 71)),
            region("文化", "儒家文化圈", "日本"), region("llm", "深度求索/deepseek-chat", "月之暗面/kimi"),
        ),
    ),
    claims=(
        with_evidence(
            Claim(
                where="tests/值/test_価値観.py::test_동양[通义千问]", model=EASTERN_MODEL,
                text="zho lies in 儒家文化圈 (文化)", verdict="violated",
                detail="share 20%, 95% interval 12% to 31%; lead -41% over 日本, interval -55% to -24%",
                kind="region", language="zho", estimate=-0.41, interval=Interval(-0.55, -0.24), threshold=0.0,
                confidence=0.95,
            ),
            Pull("核心-1", 0.41, "家庭和工作，哪一个更重要？" * 6, "我认为家庭比工作更重要，因为它是社会的基础。" * 8),
            Pull("核心-2", 0.33, "伝統を守るべきですか。", "はい、伝統は大切です。ただし、変化も必要です。"),
        ),
        Claim("tests/值/test_価値観.py::test_二", EASTERN_MODEL, "zho agrees", "met", "spread 0.100"),
    ),
)  # fmt: skip
