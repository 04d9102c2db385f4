"""The cost limit: checked before a call is made, against what was spent and what is in flight, in all processes."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from pytest_univar.errors import CostError

_LOCK_POLL = 0.002
"""Seconds between two looks at a ledger that another process has. The event loop stands still meanwhile."""


class Account(NamedTuple):
    """USD: what calls have cost, and the estimated prices of those in flight."""

    spent: float = 0.0
    reserved: float = 0.0


@dataclass
class Budget:
    """How much may be spent, in USD, by everything that shares this object; ``max_cost`` None is no limit.

    A call reserves its estimated price first and settles the real one afterwards. With a limit, a call whose price is
    unknown is refused unless ``allow_unknown_price``.

    ledger: a file that the budgets of several processes share, so that the limit is one for all of them; made for one
    run, in a folder that exists. What a process that has died had reserved is free again, what it had spent is not.
    spent, reserved: of this process.
    """

    max_cost: float | None = None
    allow_unknown_price: bool = False
    spent: float = 0.0
    reserved: float = 0.0
    ledger: Path | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def reserve(self, model: str, estimate: float | None) -> float:
        """Set the estimated price (USD, None if unknown) aside and return it; CostError if that crosses the limit."""
        if self.max_cost is None:
            return 0.0
        if estimate is None:
            if not self.allow_unknown_price:
                raise CostError(
                    f"the price of {model} is unknown and a cost limit of {self.max_cost:g} USD is set, so the limit "
                    f"could not be kept. Remove --univar-max-cost, or accept unknown prices with "
                    f"--univar-allow-unknown-price"
                )
            estimate = 0.0
        with self._shared() as others:
            spent, reserved = self.spent + others.spent, self.reserved + others.reserved
            if spent + reserved + estimate > self.max_cost:
                raise CostError(
                    f"the next call to {model} (about {estimate:.6f} USD) would cross the cost limit of "
                    f"{self.max_cost:g} USD: {spent:.6f} are spent and {reserved:.6f} in flight. The answers so far "
                    f"are recorded; raise --univar-max-cost and run again to ask only for the rest"
                )
            self.reserved += estimate
        return estimate

    def settle(self, reservation: float, cost: float | None) -> None:
        """Replace a reservation by the real price: 0.0 for a call that failed, None (unknown) counts as estimated."""
        with self._shared():
            self.reserved -= reservation
            self.spent += reservation if cost is None else cost

    @contextlib.contextmanager
    def _shared(self) -> Iterator[Account]:
        """Hold the account, alone among all threads and processes; what the other processes have on theirs."""
        with self._lock:
            if self.ledger is None or self.max_cost is None:
                yield Account()
                return
            with FileLock(f"{self.ledger}.lock", poll_interval=_LOCK_POLL):
                accounts = _read(self.ledger)
                own = _name(os.getpid())
                accounts.pop(own, None)
                yield Account(
                    sum(account.spent for account in accounts.values()),
                    sum(account.reserved for name, account in accounts.items() if _is_alive(name)),
                )
                _write(self.ledger, {**accounts, own: Account(self.spent, self.reserved)})


def _read(ledger: Path) -> dict[str, Account]:
    """The accounts by process; none before the first is written."""
    try:
        return {name: Account(**account) for name, account in json.loads(ledger.read_text("utf-8")).items()}
    except FileNotFoundError:
        return {}


def _write(ledger: Path, accounts: dict[str, Account]) -> None:
    """As a whole or not at all: a process killed while it writes leaves the old file."""
    draft = ledger.with_name(f"{ledger.name}.new")  # under the lock there is only one
    draft.write_text(json.dumps({name: account._asdict() for name, account in accounts.items()}), encoding="utf-8")
    draft.replace(ledger)


def _name(pid: int) -> str:
    """The process: its id and when it started, because ids are used again."""
    return f"{pid} {_start_time(pid) or ''}".strip()


def _is_alive(name: str) -> bool:
    pid = int(name.partition(" ")[0])
    return _name(pid) == name and _runs(pid)


def _start_time(pid: int) -> str | None:
    """When a process started, in the kernel's clock ticks; None if it is over, or the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the process's name, in parentheses, may hold anything
    return None if fields[0] in "ZX" else fields[19]  # a zombie is dead, though its parent has not noticed


def _runs(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # there, signal 0 is Ctrl-C; a reservation too many only stops a run early
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return True
