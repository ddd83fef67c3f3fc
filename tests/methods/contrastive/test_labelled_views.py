"""SupCon, Siamese and triplet networks: classes by labels, by instances without them, and given tuples."""

import numpy as np
import pytest
import torch

from unlabeled import SiameseNetwork, SimCLR, SupCon, TripletNetwork
from unlabeled.data.batch import Batch
from unlabeled.errors import UnlabeledError
from unlabeled.losses import batch_contrastive
from unlabeled.training.bases.tuples import Tuples
from unlabeled.training.plan import Plan

IMAGES = np.random.default_rng(0).random((48, 8, 8))
LABELS = np.arange(48) % 4
SMALL = {"encoder": "conv", "batch_size": 16, "projection_dim": 8, "epochs": 1, "random_state": 0, "progress": False}
METHODS = [SupCon, SiameseNetwork, TripletNetwork]
PAIRS = np.array([[0, 1, 1], [2, 3, 0], [1, 0, 0], [4, 5, 1], [6, 7, 0], [8, 9, 1], [10, 11, 0], [12, 40, 1]])
TRIPLETS = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 40]])

fitted_models = {}


def fitted(cls):
    if cls not in fitted_models:
        fitted_models[cls] = cls(**SMALL).fit(IMAGES, LABELS)
    return fitted_models[cls]


def embeddings(net, views):
    with torch.no_grad():
        z = torch.cat([net.project(view) for view in views]).double()
    return z / z.norm(dim=1, keepdim=True)


def distance(a, b):
    return float((a - b).norm())


@pytest.mark.parametrize("cls", METHODS)
def test_unlabelled_instances_are_classes_of_their_own(cls):
    batch = Batch(torch.rand(4, 1, 8, 8), torch.tensor([2, -1, 2, -1]), torch.tensor([9, 3, 1, 8]))
    x, y = fitted(cls).split(batch)
    assert [view.shape for view in x] == [batch.values.shape] * 2
    assert not torch.equal(x[0], x[1])
    assert y[0] == y[2] == 2
    assert len(set(y.tolist())) == 3
    assert y[[1, 3]].min() > 2**31


@pytest.mark.parametrize("cls", METHODS)
def test_labels_change_what_is_learnt_and_their_names_do_not(cls):
    named = cls(**SMALL).fit(IMAGES, np.array(["a", "b", "c", "d"])[LABELS])
    assert np.array_equal(named.transform(IMAGES), fitted(cls).transform(IMAGES))
    without = cls(**SMALL).fit(IMAGES)
    assert not np.array_equal(without.transform(IMAGES), fitted(cls).transform(IMAGES))


def test_sup_con_equals_the_loop():
    method, views, classes = fitted(SupCon), torch.rand(2, 5, 1, 8, 8), torch.tensor([0, 1, 0, 2**41, 1])
    net = method.network_.eval()
    z, y = embeddings(net, views), classes.tolist() * 2
    losses = []
    for i in range(10):
        scores = {j: float(z[i] @ z[j]) / method.temperature for j in range(10) if j != i}
        everyone = np.log(sum(np.exp(score) for score in scores.values()))
        losses.append(np.mean([everyone - scores[j] for j in scores if y[j] == y[i]]))
    assert method.loss(net, tuple(views), classes).item() == pytest.approx(np.mean(losses), rel=1e-4)


def test_without_labels_sup_con_is_simclr():
    x, y = torch.rand(2, 5, 1, 8, 8)
    net, own = fitted(SupCon).network_.eval(), 2**40 + torch.arange(5)
    with torch.no_grad():
        assert float(SupCon(temperature=0.2).loss(net, (x, y), own)) == pytest.approx(
            float(SimCLR(temperature=0.2).loss(net, x, y)), rel=1e-5
        )


def test_the_siamese_loss_of_a_batch_weighs_alike_and_other_pairs_equally():
    method, views, classes = fitted(SiameseNetwork), torch.rand(2, 5, 1, 8, 8), torch.tensor([0, 1, 0, 2**41, 1])
    net = method.network_.eval()
    z, y = embeddings(net, views), classes.tolist() * 2
    losses = []
    for i in range(10):
        pulls = [distance(z[i], z[j]) ** 2 for j in range(10) if j != i and y[j] == y[i]]
        pushes = [max(0, 1 - distance(z[i], z[j])) ** 2 for j in range(10) if y[j] != y[i]]
        losses.append(np.mean(pulls) + np.mean(pushes))
    assert method.loss(net, tuple(views), classes).item() == pytest.approx(np.mean(losses), rel=1e-4)


def test_balanced_pairs_of_one_kind_only():
    z = torch.tensor([[0.0], [2.0], [0.5]])
    assert batch_contrastive(z, torch.tensor([0, 0, 0]), balanced=True).item() == pytest.approx(
        ((4 + 0.25) / 2 + (4 + 2.25) / 2 + (0.25 + 2.25) / 2) / 3
    )
    assert batch_contrastive(z, torch.tensor([0, 1, 2]), balanced=True).item() == pytest.approx((0.125 + 0.125) / 3)
    assert batch_contrastive(z, torch.tensor([-1, -1, -1]), balanced=True).item() == 0


def test_the_triplet_loss_of_a_batch_is_over_all_its_triplets():
    method, views, classes = fitted(TripletNetwork), torch.rand(2, 4, 1, 8, 8), torch.tensor([0, 1, 0, 2])
    net = method.network_.eval()
    z, y = embeddings(net, views), classes.tolist() * 2
    losses = []
    for a in range(8):
        positives = [p for p in range(8) if p != a and y[p] == y[a]]
        hinges = [
            max(0, distance(z[a], z[p]) - distance(z[a], z[n]) + 0.2)
            for p in positives
            for n in range(8)
            if y[n] != y[a]
        ]
        losses.append(sum(hinges) / len(positives))
    assert method.loss(net, tuple(views), classes).item() == pytest.approx(np.mean(losses), rel=1e-4)


# --- given pairs and triplets -----------------------------------------------------------------------------------------


def test_given_pairs_are_what_is_compared():
    method = SiameseNetwork(**SMALL).fit(IMAGES, pairs=PAIRS)
    index = torch.tensor([0, 1, 12, 1, 0, 40])
    x, alike = method.split(Batch(torch.rand(6, 1, 8, 8), torch.full((6,), -1), index))
    assert [len(view) for view in x] == [3, 3]
    assert alike.tolist() == [True, False, True]  # (0, 1) is alike, (1, 0) is said not to be, (12, 40) is
    net = method.network_.eval()
    z = embeddings(net, x)
    expected = [
        distance(z[i], z[i + 3]) ** 2 if same else max(0, 1 - distance(z[i], z[i + 3])) ** 2
        for i, same in enumerate(alike.tolist())
    ]
    assert method.loss(net, x, alike).item() == pytest.approx(np.mean(expected), rel=1e-4)


def test_given_triplets_are_what_is_compared():
    method = TripletNetwork(**SMALL).fit(IMAGES, triplets=TRIPLETS)
    x, y = method.split(Batch(torch.rand(6, 1, 8, 8), torch.full((6,), -1), torch.tensor([0, 3, 1, 4, 2, 5])))
    assert [len(view) for view in x] == [2, 2, 2]
    net = method.network_.eval()
    a, p, n = embeddings(net, x).chunk(3)
    expected = [max(0, distance(a[i], p[i]) - distance(a[i], n[i]) + 0.2) for i in range(2)]
    assert method.loss(net, x, y).item() == pytest.approx(np.mean(expected), rel=1e-4)


def test_members_of_a_tuple_stand_at_the_same_place_and_a_pass_shows_every_tuple():
    plan = Plan(rows=48, epochs=2, batch_size=16, accumulate=1, warmup=0.0, seed=3)
    batches = list(Tuples(plan, PAIRS[:, :2]).index_batches())
    assert len(batches) == plan.steps == 6
    assert {len(batch) for batch in batches} == {16}
    pairs = [tuple(pair) for batch in batches for pair in batch.view(2, -1).T.tolist()]
    for start in range(0, 48, 8):
        assert sorted(pairs[start : start + 8]) == sorted(map(tuple, PAIRS[:, :2].tolist()))
    assert [b.tolist() for b in Tuples(plan, PAIRS[:, :2]).index_batches(start=4)] == [b.tolist() for b in batches[4:]]


def test_given_pairs_change_what_is_learnt_and_are_part_of_the_run(tmp_path):
    first = SiameseNetwork(**SMALL, checkpoint=str(tmp_path)).fit(IMAGES, pairs=PAIRS)
    assert not np.array_equal(first.transform(IMAGES), SiameseNetwork(**SMALL).fit(IMAGES).transform(IMAGES))
    with pytest.raises(UnlabeledError, match="tuples was"):
        SiameseNetwork(**SMALL, checkpoint=str(tmp_path)).fit(IMAGES, pairs=PAIRS[:-1], resume=True)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (lambda: SiameseNetwork(**SMALL).fit(IMAGES, pairs=[[0, 1]]), r"pairs must be whole numbers of shape \(m, 3\)"),
        (lambda: SiameseNetwork(**SMALL).fit(IMAGES, pairs=[[0, 1, 2]]), "1 for alike and 0 for not"),
        (lambda: SiameseNetwork(**SMALL).fit(IMAGES, pairs=[[0, 1, 1], [0, 1, 0]]), "alike in one row and not alike"),
        (lambda: SiameseNetwork(**SMALL).fit(IMAGES, pairs=[[0, -1, 1]]), "positions count from 0"),
        (lambda: SiameseNetwork(**SMALL).fit(IMAGES, pairs=[[0, 48, 1]]), "names instance 48, but there are 48"),
        (
            lambda: TripletNetwork(**SMALL).fit(IMAGES, triplets=[[0.0, 1, 2]]),
            "anchor, positive and negative; not",
        ),
        (
            lambda: SiameseNetwork(**{**SMALL, "batch_size": 1}).fit(IMAGES, pairs=PAIRS),
            "batch_size must be at least 2",
        ),
    ],
)
def test_bad_tuples_are_refused(fit, message):
    with pytest.raises(UnlabeledError, match=message):
        fit()
