"""What a measured value says for itself: in a claim's detail, and when a plain ``assert`` about it fails."""

from __future__ import annotations

from pytest_univar.measurement import Closeness, Distance, Drift, Movement, Pull, RegionVerdict, Spread
from pytest_univar.stats import Interval, questions_to_settle


def explain_comparison(op: str, left: object, right: object) -> list[str] | None:
    """The lines under a failed ``assert left op right``; None where neither side is a measured value.

    Both sides, then the interval, what lies near, and the questions that pull hardest.
    """
    measured = [side for side in (left, right) if isinstance(side, (Distance, Drift, RegionVerdict, Spread))]
    if not measured:
        return None
    lines = [f"{_side(left)} {op} {_side(right)}"]
    for value in measured:
        lines += _lines(value)
        should_be_larger = op[0] == (">" if value is left else "<")  # then what pulls away pulls the right way
        if not should_be_larger and not isinstance(value, Spread) and value.pulls:
            lines += ["  what pulls hardest against it:", *(f"    {evidence_line(pull)}" for pull in value.pulls)]
    return lines


def further_questions(n_questions: int, interval: Interval, threshold: float) -> str:
    """What would settle an open verdict."""
    further = questions_to_settle(n_questions, interval, threshold)
    if further is None or further > 20 * n_questions:
        return "too close to the threshold for more questions to settle it"
    return f"about {further} further questions would settle it"


def explain_closeness(closeness: Closeness) -> str:
    """Both distances, and the difference with its interval."""
    interval = numbers(closeness.interval, "+")
    return (
        f"distance {closeness.distance_to.estimate:.3f} to {closeness.closer_to}, "
        f"{closeness.distance_than.estimate:.3f} to {closeness.than}; "
        f"difference {closeness.difference:+.3f}, {closeness.confidence:.0%} interval {interval}"
    )


def explain_drift(drift: Drift) -> str:
    """The drift with its interval, and what the test says."""
    p = "p < 0.001" if drift.p_adjusted < 0.001 else f"p = {drift.p_adjusted:.3f}"
    return (
        f"drift {drift.estimate:.3f}, {drift.confidence:.0%} interval {numbers(drift.interval)}; "
        f"{p} ({drift.method}, {drift.n_questions} questions)"
    )


def explain_movement(movement: Movement) -> str:
    """The distance before and after, and the gain with its interval."""
    return (
        f"distance to {movement.to} {movement.before:.3f} before, {movement.after:.3f} now; closer by "
        f"{movement.gain:+.3f}, {movement.confidence:.0%} interval {numbers(movement.interval, '+')}"
    )


def evidence_line(pull: Pull) -> str:
    """One question that pulls, with the beginning of its answer; inert, because it goes to the terminal as it is."""
    name = f"{_short(pull.question_id, 90)} ({pull.amount:+.3f})"
    return f"{name}: {_short(pull.question, 90)} → {_short(pull.answer, 120)}" if pull.question else name


def numbers(interval: Interval, sign: str = "") -> str:
    return f"{interval.low:{sign}.3f} to {interval.high:{sign}.3f}"


def percents(interval: Interval) -> str:
    return f"{interval.low:.0%} to {interval.high:.0%}"


def _side(value: object) -> str:
    if isinstance(value, Distance):
        return f"distance {value.estimate:.3f} to {value.to}"
    if isinstance(value, Drift):
        return f"drift {value.estimate:.3f} since {value.since}"
    if isinstance(value, Spread):
        return f"spread {value.estimate:.3f} of {value.llm}"
    if isinstance(value, RegionVerdict):
        return f"{value.scheme} {value.label!r}"
    return repr(value)


def _lines(value: Distance | Drift | RegionVerdict | Spread) -> list[str]:
    if isinstance(value, RegionVerdict):
        shares = ", ".join(f"{name} {share:.0%}" for name, share in list(value.shares.items())[:4] if share)
        how = f"{value.confidence:.0%} interval {percents(value.interval)}, {value.n_questions} questions"
        return [f"  share {value.share:.0%}, {how}; {shares}"]
    if isinstance(value, Drift):
        return [f"  {explain_drift(value)}"]
    how = f"{value.confidence:.0%} interval {numbers(value.interval)}, {value.n_questions} questions"
    nearest = ", ".join(f"{name} {distance:.3f}" for name, distance in getattr(value, "nearest", ()))
    return [f"  {value.estimate:.3f}, {how}", *([f"  nearest others: {nearest}"] if nearest else [])]


def _short(text: str, length: int) -> str:
    text = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
