"""SupCon, Siamese and triplet networks: classes by labels, by instances without them, and given tuples."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from unlabeled import SiameseNetwork, SimCLR, SupCon, TripletNetwork
from unlabeled.cli.main import app
from unlabeled.data.batch import Batch
from unlabeled.errors import UnlabeledError
from unlabeled.losses import batch_contrastive
from unlabeled.modalities import open_instances
from unlabeled.training import plan as training_plan
from unlabeled.training import samplers
from unlabeled.training.bases import tuples
from unlabeled.training.bases.tuples import Tuples

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


def learnt_from(method, processes=1, start=0, monkeypatch=None):
    """Give the tuples of each batch, of all processes together, from a step on."""
    plan = method.plan(len(IMAGES), 3)
    parts = []
    for number in range(processes):
        if processes > 1:
            monkeypatch.setattr(samplers, "rank", lambda number=number: number)
        batches = Tuples(plan, method.given_[:, : method.members]).index_batches(start)
        parts.append([list(map(tuple, batch.view(method.members, -1).T.tolist())) for batch in batches])
    return [[pair for part in batch for pair in part] for batch in zip(*parts, strict=True)]


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    ("cls", "given"),
    [
        (SiameseNetwork, np.array([[i, j, (i + j) % 2] for i in range(24) for j in range(i)])),
        (TripletNetwork, np.array([[i, (i + 1) % 48, (i + 7) % 48] for i in range(45)])),
        (SiameseNetwork, PAIRS[:6]),  # fewer than a batch holds
    ],
)
def test_an_epoch_is_a_pass_over_the_given_tuples(cls, given, processes, monkeypatch):
    for module in (samplers, training_plan, tuples):
        monkeypatch.setattr(module, "world_size", lambda: processes)
    method = cls(**{**SMALL, "epochs": 3})
    method.given_ = given
    plan, count = method.plan(len(IMAGES), 3), min(16 // cls.members // processes * processes, len(given))
    assert (plan.steps, plan.steps_per_epoch) == (3 * (len(given) // count), len(given) // count)
    batches = learnt_from(method, processes, monkeypatch=monkeypatch)
    assert len(batches) == plan.steps
    assert {len(batch) for batch in batches} == {count}
    for epoch in range(3):
        seen = [each for batch in batches[epoch * plan.steps_per_epoch :][: plan.steps_per_epoch] for each in batch]
        assert len(set(seen)) == len(seen) > len(given) - count  # less than a batch sits out
        assert set(seen) <= set(map(tuple, given[:, : cls.members].tolist()))
    assert batches[0] != batches[plan.steps_per_epoch]
    assert learnt_from(method, processes, 2, monkeypatch) == batches[2:]


def test_with_given_tuples_training_goes_over_them_and_not_over_the_instances():
    many = np.array([[i, j, 1] for i in range(12) for j in range(i)])
    model = SiameseNetwork(**{**SMALL, "epochs": 2}).fit(IMAGES[:12], pairs=many)
    assert model.provenance_["training"]["steps"] == 2 * (len(many) // 8)
    assert model.history_[-1]["epoch"] == 2
    few = TripletNetwork(**{**SMALL, "epochs": 2}).fit(IMAGES, triplets=TRIPLETS)
    assert few.provenance_["training"]["steps"] == 2


def test_training_with_given_pairs_resumes_to_the_same_weights(tmp_path):
    settings = {**SMALL, "epochs": 3, "batch_size": 6}  # batches of 3 of the 8 pairs
    whole = SiameseNetwork(**settings).fit(IMAGES, pairs=PAIRS)
    stopped = SiameseNetwork(**settings, checkpoint=str(tmp_path), checkpoint_every=1)

    def interrupt(net, batch, done):
        if done >= 0.5:
            raise KeyboardInterrupt

    stopped.after_step = interrupt
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(IMAGES, pairs=PAIRS)
    resumed = SiameseNetwork(**settings, checkpoint=str(tmp_path)).fit(IMAGES, pairs=PAIRS, resume=True)
    assert np.array_equal(resumed.transform(IMAGES), whole.transform(IMAGES))


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
        (lambda: SiameseNetwork(**SMALL, distance="inner_product").fit(IMAGES), "take 'cosine'"),
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
        (
            lambda: TripletNetwork(**{**SMALL, "batch_size": 2}).fit(IMAGES, triplets=TRIPLETS),
            "a batch of 2 instances cannot hold 3 of a tuple in each process",
        ),
    ],
)
def test_bad_tuples_are_refused(fit, message):
    with pytest.raises(UnlabeledError, match=message):
        fit()


def test_pairs_are_sorted_once_and_not_in_every_step(monkeypatch):
    method = SiameseNetwork(**SMALL).fit(IMAGES, pairs=PAIRS)
    monkeypatch.setattr(torch.Tensor, "numpy", lambda *_: pytest.fail("a step went through NumPy"))
    monkeypatch.setattr(np, "argsort", lambda *_, **__: pytest.fail("a step sorted all pairs"))
    a, b, truth = torch.from_numpy(PAIRS).unbind(1)
    assert torch.equal(method._alike(a, b), truth > 0)


# --- so many instances of each class in a batch -----------------------------------------------------------------------

FEW_EACH = np.repeat(np.arange(24), 2)


def labels_seen(method, labels):
    """Fit, and give the labels of each batch that was learnt from."""
    seen = []
    method.after_step = lambda net, batch, done: seen.append(np.array(labels)[batch.index.numpy()])
    method.fit(IMAGES, labels)
    return seen


@pytest.mark.parametrize("cls", METHODS)
def test_with_per_class_instances_of_a_class_meet_and_unlabelled_ones_never_come(cls):
    labels = FEW_EACH.copy()
    labels[::5] = -1
    whole = np.flatnonzero(np.bincount(labels[labels >= 0]) == 2)
    seen = labels_seen(cls(**SMALL, per_class=2), labels)
    assert len(seen) == 3
    for batch in seen:
        assert batch.min() >= 0
        found, counts = np.unique(batch, return_counts=True)
        assert (len(found), set(counts.tolist())) == (8, {2})
    assert len(np.intersect1d(np.concatenate(seen), whole)) > 8  # not the same ones each time
    shuffled = labels_seen(cls(**SMALL), labels)
    assert any(len(np.unique(batch)) > 8 for batch in shuffled)


@pytest.mark.parametrize("cls", METHODS)
def test_per_class_must_fit_the_batch_the_labels_and_the_tuples(cls):
    with pytest.raises(UnlabeledError, match=r"batch_size must be a multiple of per_class.*batch_size=16 is none"):
        cls(**SMALL, per_class=3).fit(IMAGES, LABELS)
    with pytest.raises(UnlabeledError, match="of two classes or more; batch_size=16 is none"):
        cls(**SMALL, per_class=16).fit(IMAGES, LABELS)
    with pytest.raises(UnlabeledError, match="per_class must be a whole number of at least 1, got 0"):
        cls(**SMALL, per_class=0).fit(IMAGES, LABELS)
    for labels in (None, np.full(48, -1)):
        with pytest.raises(UnlabeledError, match=r"per_class=4 makes batches by .* none has a label"):
            cls(**SMALL, per_class=4).fit(IMAGES, labels)
    with pytest.raises(UnlabeledError, match="of at least two classes, not of 1"):
        cls(**SMALL, per_class=4).fit(IMAGES, np.zeros(48, int))


def test_a_check_before_a_long_fit_finds_that_labels_are_missing():
    instances, _ = open_instances(IMAGES, SupCon(**SMALL))
    with pytest.raises(UnlabeledError, match="none has a label"):
        SupCon(**SMALL, per_class=4).check(instances)


@pytest.mark.parametrize(
    "fit",
    [
        lambda: SiameseNetwork(**SMALL, per_class=4).fit(IMAGES, LABELS, pairs=PAIRS),
        lambda: TripletNetwork(**SMALL, per_class=4).fit(IMAGES, LABELS, triplets=TRIPLETS),
    ],
)
def test_per_class_is_not_for_given_tuples(fit):
    with pytest.raises(UnlabeledError, match="per_class=4 is for batches that are made by classes"):
        fit()


def test_the_course_of_a_run_with_per_class_follows_from_its_seed_and_resumes(tmp_path):
    settings = {**SMALL, "epochs": 2, "per_class": 4}
    whole = SupCon(**settings).fit(IMAGES, LABELS)
    assert whole.provenance_["training"]["steps"] == 6
    stopped = SupCon(**settings, checkpoint=str(tmp_path), checkpoint_every=1)

    def interrupt(net, batch, done):
        if done >= 0.5:
            raise KeyboardInterrupt

    stopped.after_step = interrupt
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(IMAGES, LABELS)
    resumed = SupCon(**settings, checkpoint=str(tmp_path), checkpoint_every=1).fit(IMAGES, LABELS, resume=True)
    assert np.array_equal(resumed.transform(IMAGES), whole.transform(IMAGES))
    assert SupCon(**{**settings, "per_class": None}).fit(IMAGES, LABELS).provenance_["training"]["steps"] == 6


@pytest.mark.parametrize("method", ["sup_con", "siamese_network", "triplet_network"])
def test_per_class_is_an_option_of_the_command_line(method, tmp_path):
    for number, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        folder = tmp_path / "photos" / f"class{label}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 255).astype(np.uint8)).save(folder / f"{number}.png")
    words = ["learn", str(tmp_path / "photos"), "--method", method, "--encoder", "conv", "--epochs", "1"]
    words += ["--batch-size", "12", "--out", str(tmp_path / "run"), "--no-judge", "--quiet"]
    error = CliRunner().invoke(app, [*words, "--per-class", "5"], standalone_mode=False).exception
    assert "must be a multiple of per_class" in str(error)
    done = CliRunner().invoke(app, [*words, "--per-class", "3", "--overwrite"], standalone_mode=False)
    assert done.exception is None, done.output
    assert json.loads((tmp_path / "run" / "run.json").read_text())["recipe"]["per_class"] == 3
