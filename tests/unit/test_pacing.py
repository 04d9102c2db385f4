"""The pace of asking, on a clock of the tests' own."""

from __future__ import annotations

import asyncio
import math

import pytest

from pytest_univar.elicitation.pacing import Gate, Outcome, Pace


def opened(most: int, rpm: float | None = None) -> Pace:
    """A pace whose first call, which goes alone, has ended."""
    pace = Pace(most, rpm)
    pace.end(pace.start(0.0), 0.0, "failed")
    return pace


def burst(pace: Pace, outcome: Outcome, now: float = 0.0) -> None:
    """As many calls as may be in flight, all of which end alike."""
    calls = []
    while pace.delay(now) == 0.0:
        calls.append(pace.start(now))
    for call in calls:
        pace.end(call, now, outcome)


def test_the_first_call_goes_alone() -> None:
    pace = Pace(8)
    call = pace.start(0.0)
    assert pace.delay(0.0) == math.inf
    pace.end(call, 1.0, "failed")
    assert (pace.window, pace.delay(1.0)) == (4, 0.0)


def test_it_grows_to_the_most_and_no_further() -> None:
    pace = opened(64)
    seen = []
    for _ in range(3):
        burst(pace, "answered")
        seen.append(pace.window)
    assert seen == [64, 64, 64]


def test_a_burst_of_complaints_halves_once() -> None:
    pace = opened(64)
    burst(pace, "throttled")
    assert pace.window == 16
    burst(pace, "throttled")
    assert pace.window == 8


def test_answers_from_before_a_complaint_do_not_count() -> None:
    pace = opened(64)
    first, second = pace.start(0.0), pace.start(0.0)
    pace.end(first, 0.0, "throttled")
    pace.end(second, 0.0, "answered")
    assert pace.window == 16


def test_after_a_complaint_it_grows_by_one_a_round() -> None:
    pace = opened(64)
    burst(pace, "throttled")
    seen = []
    for _ in range(3):
        burst(pace, "answered")
        seen.append(pace.window)
    assert seen == pytest.approx([17, 18, 19], abs=1)


def test_it_never_stops_altogether() -> None:
    pace = opened(4)
    for _ in range(10):
        burst(pace, "throttled")
    assert (pace.window, pace.delay(0.0)) == (1, 0.0)


def test_other_failures_change_nothing() -> None:
    pace = opened(8)
    burst(pace, "failed")
    assert pace.window == 4


def test_retry_after_holds_for_every_call_and_is_never_shortened() -> None:
    pace = opened(8)
    first, second = pace.start(0.0), pace.start(0.0)
    pace.end(first, 10.0, "throttled", retry_after=5.0)
    assert pace.delay(11.0) == pytest.approx(4.0)
    pace.end(second, 11.0, "throttled", retry_after=1.0)
    assert pace.delay(11.0) == pytest.approx(4.0)
    assert pace.delay(15.0) == 0.0


def test_rpm_spaces_calls_evenly_and_saves_nothing_up() -> None:
    pace = opened(8, rpm=60)
    assert pace.delay(0.0) == pytest.approx(1.0)  # the first call counts
    for now in (100.0, 101.0):  # a long silence is no credit
        assert pace.delay(now) == 0.0
        pace.start(now)
        assert pace.delay(now) == pytest.approx(1.0)


def test_the_gate_keeps_the_order_and_the_number() -> None:
    async def main() -> tuple[list[int], int]:
        gate = Gate(opened(4))  # 2 at once
        inside, most = 0, 0
        order = []

        async def call(number: int) -> None:
            nonlocal inside, most
            ticket = await gate.enter()
            order.append(number)
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1
            gate.leave(ticket, "failed")

        await asyncio.gather(*(call(number) for number in range(9)))
        return order, most

    assert asyncio.run(main()) == (list(range(9)), 2)


def test_a_call_that_is_cancelled_while_it_waits_takes_no_place() -> None:
    async def main() -> None:
        gate = Gate(Pace(1))
        ticket = await gate.enter()
        waiting = [asyncio.create_task(gate.enter()) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        gate.leave(ticket, "answered")
        assert await asyncio.wait_for(waiting[1], 1.0) == 1

    asyncio.run(main())
