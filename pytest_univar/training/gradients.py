"""Gradients of a loss over a whole batch, with no more of the batch in memory than fits (Gao et al. 2021, GradCache).

In-batch negatives make every vector's gradient depend on all vectors. So the batch is embedded twice: once without a
graph, for the vectors and the loss's gradients by them, and once piece by piece with one, through which the vectors'
gradients go on to the weights. The model must give the same vectors both times: no dropout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch


def backward(
    embed: Callable[[Sequence[int]], torch.Tensor],
    pieces: Sequence[Sequence[int]],
    loss_of: Callable[[torch.Tensor], torch.Tensor],
    *,
    cached: bool,
) -> float:
    """Add the gradients of ``loss_of`` by whatever ``embed`` and it depend on, and return the loss.

    embed: rows of the batch → their vectors ``[len(rows), d]``. pieces: each row of the batch once. loss_of: a scalar
    of all vectors ``[n, d]``, in the order of the rows. cached: hold the graph of one piece at a time.
    """
    order = torch.argsort(torch.tensor([row for rows in pieces for row in rows]))
    if not cached:
        together = torch.cat([embed(rows) for rows in pieces])
        loss = loss_of(together[order.to(together.device)])
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()
    with torch.no_grad():
        together = torch.cat([embed(rows) for rows in pieces])
    vectors = together[order.to(together.device)].requires_grad_()
    loss = loss_of(vectors)
    loss.backward()  # type: ignore[no-untyped-call]
    assert vectors.grad is not None
    for rows in pieces:
        (embed(rows) * vectors.grad[list(rows)]).sum().backward()  # type: ignore[no-untyped-call]
    return loss.item()


def pieces_of(lengths: Sequence[int], *, tokens: int, rows: int | None) -> Iterator[list[int]]:
    """Rows of like length, at most ``tokens`` padded tokens (but at least one row) and ``rows`` rows at a time."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    start = 0
    while start < len(order):
        size = max(1, tokens // max(1, lengths[order[start]]))
        size = size if rows is None else min(size, rows)
        yield order[start : start + size]
        start += size
