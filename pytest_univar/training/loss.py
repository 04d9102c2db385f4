"""The multi-view InfoNCE loss (paper, section 2.4; equation 2)."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy


def multi_view_infonce(
    first: torch.Tensor, second: torch.Tensor, identities: torch.Tensor, *, temperature: float, mask_same: bool = True
) -> torch.Tensor:
    """InfoNCE between the two views of each pair, both ways, in-batch negatives.

    first, second: unit vectors ``[b, d]``; row i of both is drawn from value ID ``identities[i]`` (int64 ``[b]``).
    temperature: τ, dimensionless. mask_same: pairs of the same value ID are no negatives of each other; the paper
    keeps them, which punishes the very likeness that is to be learnt. Returns the mean loss in nats.
    """
    logits = first @ second.T / temperature
    if mask_same:
        same = identities[:, None] == identities[None, :]
        same.fill_diagonal_(False)
        logits = logits.masked_fill(same, float("-inf"))
    target = torch.arange(len(logits), device=logits.device)
    return (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2
