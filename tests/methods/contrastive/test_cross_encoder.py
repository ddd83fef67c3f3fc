"""The cross-encoder: one network with two inputs beside two towers with a similarity."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import unlabeled
from unlabeled import CrossEncoder, SimCLR
from unlabeled.data.batch import Batch
from unlabeled.errors import UnlabeledError

IMAGES = np.random.default_rng(0).random((48, 8, 8))
LABELS = np.arange(48) % 4
SMALL = {"encoder": "conv", "batch_size": 16, "epochs": 1, "random_state": 0, "progress": False}
TOWERS = {"form": "two_towers", "projection_dim": 8}


@pytest.fixture(scope="module")
def joint():
    return CrossEncoder(**SMALL).fit(IMAGES, LABELS)


@pytest.fixture(scope="module")
def towers():
    return CrossEncoder(**SMALL, **TOWERS).fit(IMAGES, LABELS)


def test_each_view_is_paired_with_its_own_instance_and_with_another(joint):
    labels = torch.tensor([0, 1, 1, -1])
    (first, second), alike = joint.split(Batch(torch.rand(4, 1, 8, 8), labels, torch.arange(4)))
    assert first.shape == second.shape == (8, 1, 8, 8)
    assert torch.equal(first[:4], first[4:])
    assert torch.equal(second[4:], second[:4].roll(1, 0))
    assert alike.tolist() == [True] * 4 + [False, False, True, False]  # only 1 and 2 are of one class


def test_given_pairs_are_taken_as_they_are():
    pairs = [[0, 1, 1], [2, 3, 0], [4, 5, 1]]
    method = CrossEncoder(**SMALL).fit(IMAGES, pairs=pairs)
    (first, second), alike = method.split(
        Batch(torch.rand(4, 1, 8, 8), torch.full((4,), -1), torch.tensor([2, 4, 3, 5]))
    )
    assert len(first) == len(second) == 2
    assert alike.tolist() == [False, True]


def test_the_joint_network_sees_both_inputs_at_once(joint):
    net, (x, y) = joint.network_.eval(), torch.rand(2, 5, 1, 8, 8)
    assert net.encoder.inner.preprocessing.channels == 2
    with torch.no_grad():
        torch.testing.assert_close(net.encoder.pair(x, y), net.encoder.inner(torch.cat([x, y], dim=1)))
        assert not torch.allclose(net.encoder.pair(x, y), net.encoder.pair(y, x))
        torch.testing.assert_close(net.encoder(x), net.encoder.pair(x, x))


@pytest.mark.parametrize("similarity", ["inner_product", "euclidean", "correlation"])
def test_two_towers_compare_by_a_scaled_similarity(towers, similarity):
    net, (x, y) = towers.network_.eval(), torch.rand(2, 5, 1, 8, 8)
    method = CrossEncoder(**TOWERS, similarity=similarity)
    with torch.no_grad():
        u, v = net.project(x).double().numpy(), net.project(y).double().numpy()
        scale, offset = net.head.weight.item(), net.head.bias.item()
        for i, logit in enumerate(method._logits(net, x, y)):
            s = {
                "inner_product": u[i] @ v[i] / 8**0.5,
                "euclidean": -np.linalg.norm(u[i] - v[i]),
                "correlation": np.corrcoef(u[i], v[i])[0, 1],
            }[similarity]
            assert logit.item() == pytest.approx(scale * s + offset, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("similarity", ["inner_product", "euclidean", "correlation"])
def test_the_slope_is_finite_where_both_are_the_same(towers, similarity):
    x = torch.rand(3, 1, 8, 8)
    net = towers.network_.eval()
    net.zero_grad()
    CrossEncoder(**TOWERS, similarity=similarity).loss(net, (x, x), torch.tensor([1, 0, 1])).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("form", ["joint", "two_towers"])
def test_the_loss_is_cross_entropy(form, joint, towers):
    method, (x, y) = (joint if form == "joint" else towers), torch.rand(2, 5, 1, 8, 8)
    alike = torch.tensor([True, False, True, True, False])
    net = method.network_.eval()
    with torch.no_grad():
        logits = method._logits(net, x, y)
        expected = np.mean([-F.logsigmoid(v if a else -v).item() for v, a in zip(logits, alike, strict=True)])
        assert float(method.loss(net, (x, y), alike)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("form", ["joint", "two_towers"])
def test_pairs_are_predicted_the_same_whichever_comes_first_and_after_loading(form, joint, towers, tmp_path):
    method = joint if form == "joint" else towers
    found = method.predict_pairs(IMAGES[:20], IMAGES[20:40])
    assert found.shape == (20,)
    assert ((found > 0) & (found < 1)).all()
    np.testing.assert_allclose(method.predict_pairs(IMAGES[20:40], IMAGES[:20]), found, rtol=1e-5)
    method.save(tmp_path / "model")
    assert np.array_equal(unlabeled.load(tmp_path / "model").predict_pairs(IMAGES[:20], IMAGES[20:40]), found)
    with pytest.raises(UnlabeledError, match="as many instances, not 3 and 2"):
        method.predict_pairs(IMAGES[:3], IMAGES[:2])


def test_pairs_of_vectors_are_learnt():
    # Alike are rows of one sign pattern; each column alone says nothing of two rows.
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    X = rng.normal(0, 0.3, (400, 6)) + np.where(labels, 1, -1)[:, None] * np.array([1, -1, 1, -1, 1, -1])
    pairs = np.column_stack([rng.integers(0, 300, (2000, 2)), np.zeros(2000, int)])
    pairs[:, 2] = labels[pairs[:, 0]] == labels[pairs[:, 1]]
    pairs = pairs[np.unique(pairs[:, :2], axis=0, return_index=True)[1]]
    for form in ("joint", "two_towers"):
        method = CrossEncoder(form=form, epochs=30, batch_size=100, views=unlabeled.views.TableCorruption(p=0.0),
                              random_state=0, progress=False).fit(X, pairs=pairs)  # fmt: skip
        a, b = rng.integers(300, 400, (2, 200))  # rows that no pair named
        accuracy = ((method.predict_pairs(X[a], X[b]) > 0.5) == (labels[a] == labels[b])).mean()
        assert accuracy > 0.95, (form, accuracy)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"form": "tower"}, "did you mean 'two_towers'"),
        ({**TOWERS, "similarity": "euclid"}, "did you mean 'euclidean'"),
        ({"similarity": "euclidean"}, "similarity='euclidean' is for two towers, and form='joint' has one network"),
        ({"projection_dim": 64}, "projection_dim=64 is for two towers"),
    ],
)
def test_names_and_settings_without_a_meaning_are_refused(settings, message):
    with pytest.raises(UnlabeledError, match=message):
        CrossEncoder(**SMALL, **settings).fit(IMAGES)


@pytest.mark.parametrize("name", ["conv", "vit", "mlp", "timm:resnet18"])
def test_the_joint_form_keeps_what_a_given_encoder_has_learnt(name):
    coloured = np.random.default_rng(1).random((48, 8, 8, 3))  # timm's models prepare each colour in its own way
    learnt = SimCLR(**{**SMALL, "encoder": name}).fit(coloured).encoder_.eval()
    method = CrossEncoder(**{**SMALL, "encoder": learnt, "epochs": 0}).fit(coloured)
    images = torch.from_numpy(coloured[:5]).movedim(-1, 1).float()
    with torch.no_grad():
        torch.testing.assert_close(method.encoder_(images), learnt(images), rtol=1e-4, atol=1e-5)
        other = images.flip(0)
        assert not torch.allclose(method.encoder_.pair(images, other), learnt(images), atol=1e-4)


def test_an_untrained_joint_network_does_not_begin_with_one_half_twice(joint):
    first = joint.network_.encoder.inner.body[0][0].weight
    assert not torch.allclose(first[:, 0], first[:, 1], atol=1e-2)
