"""The cost limit, in one process and over several."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_univar.elicitation.budget import Budget
from pytest_univar.errors import CostError

# Reserves 0.01 of the limit of 1 until it is refused, then prints how often it was not. argv: ledger, how it ends.
SPEND = """
import os, signal, sys, time
from pathlib import Path
from pytest_univar.elicitation.budget import Budget
from pytest_univar.errors import CostError
ledger, end = sys.argv[1:]
budget = Budget(max_cost=1.0, ledger=Path(ledger))
if end == "die":
    budget.settle(budget.reserve("m", 0.25), 0.125)
    budget.reserve("m", 0.5)
    os.kill(os.getpid(), signal.SIGKILL)
made = 0
try:
    while True:
        budget.settle(budget.reserve("m", 0.01), 0.005)
        made += 1
except CostError:
    print(made)
"""


def spender(ledger: Path, end: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", SPEND, str(ledger), end]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_reservations_count_until_they_are_settled() -> None:
    budget = Budget(max_cost=1.0)
    reserved = budget.reserve("m", 0.75)
    with pytest.raises(CostError, match=r"0\.750000 in flight"):
        budget.reserve("m", 0.5)
    budget.settle(reserved, 0.25)
    assert budget.reserve("m", 0.5) == 0.5
    budget.settle(0.5, None)
    assert (budget.spent, budget.reserved) == (0.75, 0.0)


def test_without_a_limit_no_ledger_is_written(tmp_path: Path) -> None:
    budget = Budget(ledger=tmp_path / "ledger.json")
    budget.settle(budget.reserve("m", None), 0.5)
    assert (budget.spent, list(tmp_path.iterdir())) == (0.5, [])


def test_threads_never_cross_the_limit() -> None:
    budget = Budget(max_cost=1.0)

    def spend(_: int) -> int:
        try:
            budget.settle(budget.reserve("m", 0.0625), 0.0625)
        except CostError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(spend, range(64))) == 16


def test_processes_share_one_limit(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.json"
    processes = [spender(ledger, "in order") for _ in range(4)]
    results = [process.communicate(timeout=120) for process in processes]
    assert [errors for _, errors in results] == [""] * 4
    # Each call cost 0.005 of 1.0. The last ones are refused for their reservation, or for another's in flight.
    assert 190 <= sum(int(made) for made, _ in results) <= 199
    with pytest.raises(CostError):
        Budget(max_cost=1.0, ledger=ledger).reserve("m", 0.1)


def test_a_killed_process_keeps_what_it_spent_and_frees_what_it_reserved(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.json"
    spender(ledger, "die").communicate(timeout=120)
    (account,) = json.loads(ledger.read_text("utf-8")).values()
    assert account == {"spent": 0.125, "reserved": 0.5}
    budget = Budget(max_cost=1.0, ledger=ledger)
    with pytest.raises(CostError, match=r"0\.125000 are spent and 0\.000000 in flight"):
        budget.reserve("m", 0.9)
    assert budget.reserve("m", 0.875) == 0.875


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="waits for a process without reaping it")
def test_a_zombie_is_dead(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.json"
    with spender(ledger, "die") as killed:
        os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)
        assert Budget(max_cost=1.0, ledger=ledger).reserve("m", 0.875) == 0.875


def test_a_process_with_a_used_again_id_is_another_one(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.json"
    ledger.write_text(json.dumps({f"{os.getppid()} 1": {"spent": 0.0, "reserved": 0.75}}), encoding="utf-8")
    assert Budget(max_cost=1.0, ledger=ledger).reserve("m", 0.5) == 0.5


def test_the_reservation_of_a_process_that_lives_counts(tmp_path: Path) -> None:
    from pytest_univar.elicitation import budget as module

    ledger = tmp_path / "ledger.json"
    living = module._name(os.getppid())
    ledger.write_text(json.dumps({living: {"spent": 0.0, "reserved": 0.75}}), encoding="utf-8")
    with pytest.raises(CostError, match=r"0\.750000 in flight"):
        Budget(max_cost=1.0, ledger=ledger).reserve("m", 0.5)
