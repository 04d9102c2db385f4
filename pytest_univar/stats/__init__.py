"""Centroids, distances, k-NN labels, shares and their intervals: pure numpy, seeded, undefined means UndefinedError.

Rows of a sample are not independent: several may answer the same question. Everything about uncertainty is therefore
clustered by question, and starts from a :class:`Centre`, a centroid with the pull of each question on it.
"""

from pytest_univar.stats.bootstrap import QuestionSums, bootstrap_interval, cluster_bootstrap_means, question_sums
from pytest_univar.stats.centroids import (
    Centre,
    bundled,
    centre,
    centroid,
    centroid_distance,
    debiased_distance,
    distance_difference,
    origin,
)
from pytest_univar.stats.clusters import Floats, Groups, Ints, Seed, question_means
from pytest_univar.stats.intervals import difference_interval, distance_interval, reference_share
from pytest_univar.stats.neighbours import balancing_weights, knn_labels, share_interval, shares
from pytest_univar.stats.permutation import PermutationTest, holm, sign_flip_test, two_sample_test
from pytest_univar.stats.verdicts import (
    Interval,
    Side,
    Verdict,
    percentile_of,
    questions_to_settle,
    sample_size,
    verdict,
)

__all__ = [
    "Centre",
    "Floats",
    "Groups",
    "Interval",
    "Ints",
    "PermutationTest",
    "QuestionSums",
    "Seed",
    "Side",
    "Verdict",
    "balancing_weights",
    "bootstrap_interval",
    "bundled",
    "centre",
    "centroid",
    "centroid_distance",
    "cluster_bootstrap_means",
    "debiased_distance",
    "difference_interval",
    "distance_difference",
    "distance_interval",
    "holm",
    "knn_labels",
    "origin",
    "percentile_of",
    "question_means",
    "question_sums",
    "questions_to_settle",
    "reference_share",
    "sample_size",
    "share_interval",
    "shares",
    "sign_flip_test",
    "two_sample_test",
    "verdict",
]
