"""The two classifiers of the paper on frozen embeddings (section 3.2, appendix B.2): k-NN and a linear probe."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pytest_univar.errors import UndefinedError
from pytest_univar.evaluation.scores import Labels
from pytest_univar.values import Vectors


def knn_guesses(reference: Vectors, labels: Labels, queries: Vectors, k: int) -> Labels:
    """The majority label ``[n]`` among the k nearest of the reference rows ``[N, d]``, Euclidean, uniform votes.

    It is scikit-learn's own classifier, not an equal of it: which of several rows at exactly the same distance is the
    k-th nearest follows from the order in which it searches. Of labels with equally many votes it takes the lowest.
    """
    from sklearn.neighbors import KNeighborsClassifier

    if not 1 <= k <= len(reference):
        raise UndefinedError(f"found {len(reference)} reference rows, expected at least k = {k}; use a smaller k")
    guesses: Labels = KNeighborsClassifier(n_neighbors=k).fit(reference, labels).predict(queries).astype(np.intp)
    return guesses


class ProbeSettings(NamedTuple):
    """Of the paper. weight_decay: its appendix says AdamW, its released script Adam, which is this one."""

    learning_rate: float = 2e-3
    batch: int = 512
    epochs: int = 20


def probe_ranking(
    reference: Vectors,
    labels: Labels,
    queries: Vectors,
    n_labels: int,
    *,
    seed: int,
    settings: ProbeSettings = ProbeSettings(),  # noqa: B008 (immutable)
) -> Labels:
    """The labels ``[n, n_labels]`` of each query, best first, by a linear classifier trained on the reference rows.

    Softmax regression with Adam, in float32 on the CPU, so that the same vectors and seed give the same ranking on
    every device. Equal scores are ranked by label.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    rows, targets = torch.from_numpy(np.ascontiguousarray(reference)), torch.from_numpy(labels.astype(np.int64))
    bound = rows.shape[1] ** -0.5  # as torch.nn.Linear begins, without its global generator
    weight = ((torch.rand(n_labels, rows.shape[1], generator=generator) * 2 - 1) * bound).requires_grad_()
    bias = ((torch.rand(n_labels, generator=generator) * 2 - 1) * bound).requires_grad_()
    optimiser = torch.optim.Adam([weight, bias], lr=settings.learning_rate)
    with torch.enable_grad():
        for _ in range(settings.epochs):
            order = torch.randperm(len(rows), generator=generator)
            for start in range(0, len(rows), settings.batch):
                batch = order[start : start + settings.batch]
                loss = torch.nn.functional.cross_entropy(rows[batch] @ weight.T + bias, targets[batch])
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # torch's own
                optimiser.step()
    scores = queries @ weight.detach().numpy().T + bias.detach().numpy()
    return np.argsort(-scores, axis=1, kind="stable")
