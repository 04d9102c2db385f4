"""What makes a CPU fast: its cores each on a batch of their own, and weights laid out for its matrix product.

Batches are small enough for what they write to stay in the caches and in memory that the process already has: fresh
memory for every layer's output cost a tenth of the time. A core that works alone waits for no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

Result = TypeVar("Result")
Work = TypeVar("Work")


def on_every_core(function: Callable[[Work], Result], work: Sequence[Work], model: Any) -> Iterator[Result]:
    """``function`` of each piece of work, in order, on as many threads as torch may use. ``model``: what it calls."""
    import torch

    threads = torch.get_num_threads()
    if len(work) < 2 * threads:  # too little to keep every core busy: they share each product
        yield from map(function, work)
        return
    with _packed(model), ThreadPoolExecutor(threads, initializer=partial(torch.set_num_threads, 1)) as pool:
        try:
            yield from pool.map(function, work)
        finally:
            torch.set_num_threads(threads)  # a setting of the process, although each thread has to make it


@contextmanager
def _packed(model: Any) -> Iterator[None]:
    """The linear layers of a float32 model in oneDNN's own layout, for as long as this lasts; none are changed.

    The same products in float32, about a tenth faster. Training goes on with the layers as they were.
    """
    import torch

    ops = torch.ops.mkldnn
    layers = [
        layer
        for layer in model.modules()
        if type(layer) is torch.nn.Linear
        and layer.weight.dtype == torch.float32
        and torch.backends.mkldnn.is_available()
    ]
    with torch.inference_mode():
        for layer in layers:
            bias = None if layer.bias is None else layer.bias.detach()
            weight = ops._reorder_linear_weight(layer.weight.detach())
            layer.forward = partial(_linear, ops._linear_pointwise, weight, bias)
    try:
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("forward", None)


def _linear(product: Any, weight: Any, bias: Any, rows: Any) -> Any:
    return product(rows, weight, bias, "none", [], "")
