"""Losses against pytorch-metric-learning, lightly and open_clip: where the definitions differ, by how much.

The differences are those listed in docs/guides/losses.md.
"""

from __future__ import annotations

import math
import warnings

import pytest
import torch

from unlabeled import losses
from unlabeled.losses import miners

LABELS = torch.tensor([0, 0, 1, 1, 2, 2, 0, 1, 2, 3, 3, 3])


@pytest.fixture(scope="module")
def pml():
    """pytorch-metric-learning: losses, miners, distances and reducers."""
    return pytest.importorskip(
        "pytorch_metric_learning", reason="pytorch-metric-learning is not installed (extra: bench)"
    )


@pytest.fixture(scope="module")
def lightly():
    """Lightly's losses."""
    return pytest.importorskip("lightly.loss", reason="lightly is not installed (extra: bench)")


def agree(ours, theirs, *inputs, tolerance=1e-4):
    """Compare two losses and their gradients."""
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=1e-5)
    for mine, other in zip(torch.autograd.grad(ours, inputs), torch.autograd.grad(theirs, inputs), strict=True):
        torch.testing.assert_close(mine, other, rtol=10 * tolerance, atol=1e-5)


def embeddings(n=12, d=8):
    return (2 * torch.randn(n, d)).requires_grad_()


# --- pytorch-metric-learning ------------------------------------------------------------------------------------------


def euclidean(pml, power=1):
    """Their Euclidean distance without the normalisation they start with."""
    from pytorch_metric_learning.distances import LpDistance

    return LpDistance(normalize_embeddings=False, power=power)


def mean(pml):
    """A mean over all terms; theirs is over those above 0."""
    from pytorch_metric_learning.reducers import MeanReducer

    return MeanReducer()


def test_contrastive_pulls_as_theirs_does_with_the_distance_squared(pml):
    """Their D stands unsquared, and positives and negatives have a mean each: ours is one mean over all pairs."""
    from pytorch_metric_learning.losses import ContrastiveLoss

    z = embeddings()
    theirs = ContrastiveLoss(0, 0, distance=euclidean(pml, power=2), reducer=mean(pml))(z, LABELS)
    alike = (LABELS[:, None] == LABELS).sum() - len(LABELS)
    agree(losses.batch_contrastive(z, LABELS, margin=0.0), theirs * alike / (12 * 11), z)


@pytest.mark.parametrize("margin", [0.05, 1.0])
def test_triplets(pml, margin):
    from pytorch_metric_learning.losses import TripletMarginLoss
    from pytorch_metric_learning.miners import BatchHardMiner

    z = embeddings()
    theirs = TripletMarginLoss(margin=margin, distance=euclidean(pml), reducer=mean(pml))
    a, p, n = miners.hardest(z, LABELS)
    mined = BatchHardMiner(distance=euclidean(pml))(z, LABELS)
    for ours, other in zip((a, p, n), mined, strict=True):
        assert torch.equal(ours, other)
    agree(losses.triplet(z[a], z[p], z[n], margin=margin), theirs(z, LABELS, mined), z)


def test_all_triplets_are_summed_over_negatives_where_theirs_is_one_mean(pml):
    from pytorch_metric_learning.losses import TripletMarginLoss

    z, labels = embeddings(), torch.arange(12) % 4  # as many positives and negatives for every anchor
    theirs = TripletMarginLoss(margin=0.2, distance=euclidean(pml), reducer=mean(pml))
    agree(losses.batch_triplet(z, labels, margin=0.2), theirs(z, labels) * 9, z)


def test_smooth_triplets(pml):
    from pytorch_metric_learning.losses import TripletMarginLoss

    z = embeddings()
    triplets = miners.hardest(z, LABELS)
    a, p, n = triplets
    theirs = TripletMarginLoss(margin=0, smooth_loss=True, distance=euclidean(pml), reducer=mean(pml))
    agree(losses.smooth_triplet(z[a], z[p], z[n]), theirs(z, LABELS, triplets), z)


def test_easy_positives(pml):
    from pytorch_metric_learning.miners import BatchEasyHardMiner

    z = embeddings()
    a, p, _, n = BatchEasyHardMiner("easy", "hard", distance=euclidean(pml))(z, LABELS)
    for ours, theirs in zip(miners.easy_positive(z, LABELS), (a, p, n), strict=True):
        assert torch.equal(ours, theirs)


def test_semi_hard_is_the_nearest_of_theirs(pml):
    from pytorch_metric_learning.miners import TripletMarginMiner

    z = embeddings()
    theirs = TripletMarginMiner(margin=1.0, type_of_triplets="semihard", distance=euclidean(pml))(z, LABELS)
    D, nearest = torch.cdist(z, z), {}
    for a, p, n in zip(*(part.tolist() for part in theirs), strict=True):
        if (a, p) not in nearest or D[a, n] < D[a, nearest[a, p]]:
            nearest[a, p] = n
    ours = miners.semi_hard(z, LABELS, margin=1.0)
    assert {(a, p): n for a, p, n in zip(*(part.tolist() for part in ours), strict=True)} == nearest


def test_circle(pml):
    from pytorch_metric_learning.losses import CircleLoss

    theirs = CircleLoss()
    z = embeddings()
    assert (theirs.m, theirs.gamma) == (0.4, 80)
    agree(losses.circle(z, LABELS), theirs(z, LABELS), z)


def test_arc_face(pml):
    from pytorch_metric_learning.losses import ArcFaceLoss

    theirs = ArcFaceLoss(4, 8)
    z, weight = embeddings(), theirs.W.detach().T.clone().requires_grad_()
    assert theirs.margin == pytest.approx(0.5, abs=1e-3)  # 28.6 degrees
    ours = losses.arc_face(z, LABELS, weight, margin=math.radians(28.6))
    agree(ours, theirs(z, LABELS), z)
    learnt = torch.autograd.grad(losses.arc_face(z, LABELS, weight, margin=math.radians(28.6)), weight)[0]
    torch.testing.assert_close(learnt, torch.autograd.grad(theirs(z, LABELS), theirs.W)[0].T, rtol=1e-3, atol=1e-4)


def test_proxy_nca(pml):
    from pytorch_metric_learning.losses import ProxyNCALoss

    theirs = ProxyNCALoss(4, 8, softmax_scale=3)
    z = embeddings()
    agree(losses.proxy_nca(z, LABELS, theirs.proxies.detach(), temperature=1 / 3), theirs(z, LABELS), z)


def test_sup_con(pml):
    from pytorch_metric_learning.losses import SupConLoss

    z = embeddings()
    assert SupConLoss().temperature == 0.1
    agree(losses.sup_con(z, LABELS), SupConLoss()(z, LABELS), z)
    agree(losses.sup_con(z, LABELS, temperature=0.5), SupConLoss(0.5)(z, LABELS), z)


def test_nt_xent_has_another_default_temperature(pml):
    from pytorch_metric_learning.losses import NTXentLoss

    assert NTXentLoss().temperature == 0.07  # ours is SimCLR's 0.5
    x, y = embeddings(), embeddings()
    theirs = NTXentLoss(0.5)(torch.cat([x, y]), torch.arange(len(x)).repeat(2))
    agree(losses.nt_xent(x, y), theirs, x, y)


def test_multi_similarity(pml):
    from pytorch_metric_learning.losses import MultiSimilarityLoss

    z = embeddings()
    theirs = MultiSimilarityLoss(alpha=2, beta=50, base=0.5, reducer=mean(pml))
    ours = losses.multi_similarity(z, LABELS, alpha=2.0, beta=50.0, base=0.5)
    agree(ours, theirs(z, LABELS), z)


def test_lifted_structured(pml):
    from pytorch_metric_learning.losses import LiftedStructureLoss

    z = embeddings()
    theirs = LiftedStructureLoss(neg_margin=1, distance=euclidean(pml), reducer=mean(pml))
    agree(losses.lifted_structured(z, LABELS), theirs(z, LABELS), z)


def test_n_pairs_but_for_the_penalty_on_length(pml):
    from pytorch_metric_learning.distances import DotProductSimilarity
    from pytorch_metric_learning.losses import NPairsLoss

    z, places, none = embeddings(), torch.arange(6), torch.zeros(0, dtype=torch.int64)
    theirs = NPairsLoss(distance=DotProductSimilarity(normalize_embeddings=False))
    a, p = z[:6], z[6:]
    agree(losses.n_pair(a, p, l2=0.0), theirs(z, places.repeat(2), (places, places + 6, none, none)), z)
    lengths = (a.square().sum() + p.square().sum()) / 6
    torch.testing.assert_close(losses.n_pair(a, p), losses.n_pair(a, p, l2=0.0) + 0.002 / 4 * lengths)


# --- lightly ----------------------------------------------------------------------------------------------------------


def test_vicreg(lightly):
    x, y = embeddings(40), embeddings(40)
    agree(losses.vicreg(x, y), lightly.VICRegLoss()(x, y), x, y)
    agree(losses.vicreg(0.1 * x, 0.3 * y, covariance=5.0), lightly.VICRegLoss(nu_param=5.0)(0.1 * x, 0.3 * y), x, y)


def test_barlow_twins_but_for_their_addend_to_the_variance(lightly):
    x, y = embeddings(40), embeddings(40)
    agree(losses.barlow_twins(x, y), lightly.BarlowTwinsLoss()(x, y), x, y)
    # Batch normalisation adds 1e-5 to the variance: columns of small variance count less in theirs.
    ours, theirs = losses.barlow_twins(x * 1e-3, x * 1e-3), lightly.BarlowTwinsLoss()(x * 1e-3, x * 1e-3)
    torch.testing.assert_close(ours, losses.barlow_twins(x, x))
    assert theirs > 10 * ours


def test_sim_siam_and_byol(lightly):
    x, y = embeddings(), embeddings()
    theirs = lightly.NegativeCosineSimilarity()(x, y.detach())
    agree(losses.sim_siam(x, y), theirs, x)
    agree(losses.byol(x, y), 2 + 2 * lightly.NegativeCosineSimilarity()(x, y.detach()), x)


def test_dino_and_its_centre(lightly):
    theirs, centre = lightly.DINOLoss(8), losses.Centre(8)
    for _ in range(3):
        s = [embeddings(), embeddings()]
        t = [embeddings().detach(), embeddings().detach()]
        # Theirs takes the mean over all pairs of different views.
        ours = (losses.dino(s[0], t[1], centre.value) + losses.dino(s[1], t[0], centre.value)) / 2
        agree(ours, theirs(t, s), *s)
        centre.update(torch.cat(t))
        torch.testing.assert_close(centre.value, theirs.center.flatten())


# --- open_clip --------------------------------------------------------------------------------------------------------


def units(*both):
    """Bring rows to unit length, which open_clip's losses leave to its models."""
    return [torch.nn.functional.normalize(z, dim=1) for z in both]


def test_clip_and_siglip():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other packages, while they are imported
        theirs = pytest.importorskip("open_clip.loss", reason="open_clip is not installed")
    x, y = embeddings(), embeddings()
    agree(losses.clip(x, y, 20.0), theirs.ClipLoss()(*units(x, y), torch.tensor(20.0)), x, y)
    scale, bias = torch.tensor(10.0), torch.tensor(-10.0)
    agree(losses.siglip(x, y, scale, bias), theirs.SigLipLoss()(*units(x, y), scale, bias), x, y)
