from __future__ import annotations

import math

import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.losses import distances, miners
from unlabeled.losses.blockwise.distances import DISTANCES
from unlabeled.losses.blockwise.pairwise_reduction import score_memory

LABELS = [[0], [0, 0], [0, 1], [3, 3, 3, 3], [0, 1, 2, 3], [5, 0, 5, 2, 0, 5, 9], [0, -1, 0, 1, -1, 1, 1]]
ALL = [miners.hardest, miners.easy_positive, miners.semi_hard, miners.random, miners.distance_weighted]


def pairs_of(labels, a):
    """The positives and negatives of an anchor."""
    others = [j for j in range(len(labels)) if j != a and labels[a] >= 0 and labels[j] >= 0]
    return [j for j in others if labels[j] == labels[a]], [j for j in others if labels[j] != labels[a]]


def as_list(triplets):
    return list(zip(*(part.tolist() for part in triplets), strict=True))


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("budget", [2**10, 2**24])  # a few rows at a time, and all
def test_hardest_easy_and_semi_hard_agree_with_the_loop(labels, distance, budget):
    z = torch.randn(len(labels), 4, dtype=torch.float64)
    D = distances(z[:, None], z, distance).tolist()
    expected = {"hardest": [], "easy_positive": [], "semi_hard": [], "with a margin": []}
    for a in range(len(labels)):
        P, N = pairs_of(labels, a)
        if P and N:
            nearest = min(N, key=lambda n: D[a][n])
            expected["hardest"].append((a, max(P, key=lambda p: D[a][p]), nearest))
            expected["easy_positive"].append((a, min(P, key=lambda p: D[a][p]), nearest))
        for p in P:
            for name, margin in (("semi_hard", math.inf), ("with a margin", 0.5)):
                beyond = [n for n in N if D[a][p] < D[a][n] < D[a][p] + margin]
                if beyond:
                    expected[name].append((a, p, min(beyond, key=lambda n: D[a][n])))
    tensor = torch.tensor(labels)
    with score_memory(budget):
        for name in ("hardest", "easy_positive", "semi_hard"):
            assert as_list(getattr(miners, name)(z, tensor, distance=distance)) == expected[name]
        assert as_list(miners.semi_hard(z, tensor, distance=distance, margin=0.5)) == expected["with a margin"]


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("miner", [miners.random, miners.distance_weighted])
def test_draws_give_one_negative_for_every_positive_pair(labels, miner):
    options = {"farthest": 2.1} if miner is miners.distance_weighted else {}  # 2 is the farthest there is
    triplets = as_list(miner(torch.randn(len(labels), 4), torch.tensor(labels), **options))
    expected = [(a, p) for a in range(len(labels)) for p in pairs_of(labels, a)[0] if pairs_of(labels, a)[1]]
    assert [(a, p) for a, p, _ in triplets] == expected
    assert all(n in pairs_of(labels, a)[1] for a, _, n in triplets)


@pytest.mark.parametrize("miner", [miners.random, miners.distance_weighted])
def test_a_seed_gives_the_same_draws_however_the_work_is_cut_up(miner):
    z, labels = torch.nn.functional.normalize(torch.randn(60, 3), dim=1), torch.arange(60) % 7
    drawn = []
    for budget in (2**10, 2**14, 2**24):
        with score_memory(budget):
            drawn.append(as_list(miner(z, labels, generator=torch.Generator().manual_seed(3))))
    assert drawn[0] == drawn[1] == drawn[2]
    assert drawn[0] != as_list(miner(z, labels, generator=torch.Generator().manual_seed(4)))


def test_random_draws_all_negatives_alike():
    labels = torch.tensor([0] * 101 + [1, 1, 1, 1])
    a, _, n = miners.random(torch.zeros(105, 1), labels, generator=torch.Generator().manual_seed(0))
    counts = torch.bincount(n[a <= 100] - 101, minlength=4)  # 101 · 100 draws among four
    assert counts.sum() == 10100
    # A count of 10,100 draws with probability 1/4 has standard deviation 43.5; five of them are allowed.
    assert (counts - 2525).abs().max() < 5 * 43.5


def test_distance_weighted_draws_in_proportion_to_the_inverse_density():
    """One class of many copies, and negatives at known distances from it."""
    squared = torch.tensor([0.01, 0.3, 1.0, 1.8, 1.999])
    cosine = 1 - squared / 2
    negatives = torch.zeros(5, 8)
    negatives[:, 0], negatives[:, 1] = cosine, (1 - cosine**2).sqrt()
    copies = torch.eye(8)[:1].repeat(101, 1)
    z, labels = torch.cat([copies, negatives]), torch.tensor([0] * 101 + [1, 2, 3, 4, 5])
    _, _, n = miners.distance_weighted(z * 3, labels, generator=torch.Generator().manual_seed(0))
    counts = torch.bincount(n - 101, minlength=5).tolist()
    weights = []
    for d2 in squared.tolist():
        D = max(math.sqrt(d2), 0.5)
        weights.append(1 / (D**6 * (1 - D * D / 4) ** 2.5) if d2 < 1.4**2 else 0)
    for count, weight in zip(counts, weights, strict=True):
        share = weight / sum(weights)
        assert count == pytest.approx(10100 * share, abs=5 * math.sqrt(10100 * share * (1 - share)))


def test_distance_weighted_leaves_out_anchors_with_far_negatives_only():
    z = torch.tensor([[1.0, 0.0], [1.0, 0.1], [-1.0, 0.0]])
    assert len(miners.distance_weighted(z, torch.tensor([0, 0, 1])).anchors) == 0
    assert len(miners.distance_weighted(z, torch.tensor([0, 0, 1]), farthest=3.0).anchors) == 2


@pytest.mark.parametrize("miner", ALL)
def test_mining_leaves_no_gradient_and_takes_any_embeddings(miner):
    z = torch.randn(8, 3)
    z[0], z[1], z[2] = 0, 1e30, z[3]
    z.requires_grad_()
    labels = torch.tensor([0, 0, 1, 1, 0, 1, 2, 2])
    for embeddings in (z, z.detach().bfloat16(), z.detach() * math.nan, torch.ones(8, 3)):
        triplets = miner(embeddings, labels)
        assert all(part.dtype == torch.int64 and not part.requires_grad for part in triplets)
        a, p, n = triplets
        assert (labels[a] == labels[p]).all()
        assert (a != p).all()
        assert (labels[a] != labels[n]).all() or embeddings.isnan().any()


@pytest.mark.parametrize("miner", ALL)
@pytest.mark.parametrize(
    ("z", "labels", "message"),
    [
        (torch.ones(0, 2), torch.zeros(0, dtype=torch.int64), "at least one row"),
        (torch.ones(3), torch.zeros(3, dtype=torch.int64), "shape"),
        (torch.ones(3, 2), torch.zeros(2, dtype=torch.int64), "labels must be one number a row"),
        (torch.ones(3, 2), torch.zeros(3), "labels must be integers"),
    ],
)
def test_bad_input_is_refused(miner, z, labels, message):
    with pytest.raises(UnlabeledError, match=message):
        miner(z, labels)


def test_bad_options_are_refused():
    z, labels = torch.ones(3, 2), torch.zeros(3, dtype=torch.int64)
    with pytest.raises(UnlabeledError, match="unknown distance"):
        miners.hardest(z, labels, distance="far")
    with pytest.raises(UnlabeledError, match="margin must be a positive number"):
        miners.semi_hard(z, labels, margin=0.0)
    with pytest.raises(UnlabeledError, match="nearest must be a positive number"):
        miners.distance_weighted(z, labels, nearest=0.0)
