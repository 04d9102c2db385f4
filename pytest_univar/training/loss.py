"""The multi-view InfoNCE loss (paper, section 2.4) and its temperature."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import cross_entropy

from pytest_univar.training.recipe import LOWEST_TEMPERATURE


def multi_view_infonce(
    first: torch.Tensor,
    second: torch.Tensor,
    identities: torch.Tensor,
    *,
    temperature: float | torch.Tensor,
    mask_same: bool = True,
    both_ways: bool = True,
) -> torch.Tensor:
    """InfoNCE between the two views of each pair, in-batch negatives.

    first, second: unit vectors ``[b, d]``; row i of both is drawn from value ID ``identities[i]`` (int64 ``[b]``).
    temperature: τ, dimensionless. mask_same: pairs of the same value ID are no negatives of each other; the paper
    keeps them, which punishes the very likeness that is to be learnt. both_ways: the mean of the loss of the first
    views among the second and of the second among the first; else the former alone, as the paper's formula has it.
    Returns the mean loss in nats.
    """
    logits = first @ second.T / temperature
    if mask_same:
        same = identities[:, None] == identities[None, :]
        same.fill_diagonal_(False)
        logits = logits.masked_fill(same, float("-inf"))
    target = torch.arange(len(logits), device=logits.device)
    forth = cross_entropy(logits, target)
    return (forth + cross_entropy(logits.T, target)) / 2 if both_ways else forth


class Temperature(torch.nn.Module):
    """τ of the loss: fixed, or learnt as the logarithm of its inverse, from ``start`` on."""

    def __init__(self, start: float, *, learnt: bool) -> None:
        super().__init__()
        self.log_scale = torch.nn.Parameter(torch.tensor(-math.log(start)), requires_grad=learnt)

    def forward(self) -> torch.Tensor:
        return torch.exp(-self.log_scale)

    def cap(self) -> None:
        """After each step: a learnt τ stays at ``LOWEST_TEMPERATURE`` or above."""
        if self.log_scale.requires_grad:
            with torch.no_grad():
                self.log_scale.clamp_(max=-math.log(LOWEST_TEMPERATURE))
