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


_PRIVATE = ("_reorder_linear_weight", "_linear_pointwise", "_is_mkldnn_bf16_supported")
"""Operators of torch's own compiler: a torch without them multiplies as it always does."""


@contextmanager
def _packed(model: Any) -> Iterator[None]:
    """The linear layers of a model in oneDNN's own layout, for as long as this lasts; none are changed.

    The same products in float32, and in bfloat16 where the CPU multiplies in it, about a tenth faster, and BERT's GELU
    as part of them. Training goes on with the layers as they were.
    """
    import torch
    from transformers.activations import GELUActivation

    backend: Any = torch.backends.mkldnn  # has no types
    ops = torch.ops.mkldnn
    there = backend.is_available() and all(hasattr(ops, name) for name in _PRIVATE)
    modules = list(model.modules()) if there else []
    dtypes = (torch.float32, torch.bfloat16) if there and ops._is_mkldnn_bf16_supported() else (torch.float32,)
    layers = [m for m in modules if type(m) is torch.nn.Linear and m.weight.dtype in dtypes]
    activations = {m.dense: m.intermediate_act_fn for m in modules if hasattr(m, "intermediate_act_fn")}
    fused = {layer: act for layer, act in activations.items() if layer in layers and type(act) is GELUActivation}
    try:
        with torch.inference_mode():
            for layer in layers:
                bias = None if layer.bias is None else layer.bias.detach()
                weight = ops._reorder_linear_weight(layer.weight.detach())
                after = "gelu" if layer in fused else "none"
                vars(layer)["forward"] = partial(_linear, ops._linear_pointwise, weight, bias, after)
        for activation in fused.values():
            vars(activation)["forward"] = _as_it_is
        yield
    finally:
        for module in (*layers, *fused.values()):
            vars(module).pop("forward", None)


def _linear(product: Any, weight: Any, bias: Any, after: str, rows: Any) -> Any:
    return product(rows, weight, bias, after, [], "none" if after == "gelu" else "")  # GELU by erf, not by tanh


def _as_it_is(rows: Any) -> Any:
    return rows
