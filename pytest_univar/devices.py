"""Where a model runs, and in which number type. torch is imported at use."""

from __future__ import annotations

from pytest_univar.errors import UnivarError


def choose_device(asked: str | None, error: type[UnivarError]) -> str:
    """``cpu``, ``cuda``, ``cuda:1`` or ``mps`` as asked for, the best there is for None; ``error`` where it is not."""
    import torch

    counts = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    there = [kind for kind, count in counts.items() if count]
    if asked is None or asked == "auto":
        return there[0]
    kind, _, number = asked.partition(":")
    if kind not in there or (number and number not in map(str, range(counts[kind]))):
        raise error(f"found the device {asked!r}, expected one that this machine has: {', '.join(there)}.")
    return asked


def choose_dtype(asked: str | None, device: str, error: type[UnivarError]) -> str:
    """As asked for; for None bfloat16 on CUDA and float32 elsewhere."""
    if asked is None:
        return "bfloat16" if device.startswith("cuda") else "float32"
    if asked not in ("float32", "bfloat16", "float16"):
        raise error(f"found the dtype {asked!r}, expected float32, bfloat16 or float16.")
    return asked
