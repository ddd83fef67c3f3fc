import itertools
import math
import warnings

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import unlabeled
from unlabeled import SimCSE
from unlabeled.data import Batch
from unlabeled.data.text.texts import Texts
from unlabeled.data.text.tokenization.tokens import TextPair, TextTriple, joined_rows, padded
from unlabeled.errors import UnlabeledError
from unlabeled.losses import score_memory
from unlabeled.losses.blockwise.embedding_checks import unit
from unlabeled.methods.contrastive.simcse import find_own, identical
from unlabeled.training.control.health_monitor import CollapseWarning

TEXTS = ["the dog barks", "the cat runs away", "it rains", "the sun is out", "bread is warm"]
TINY = {"dim": 32, "layers": 1, "heads": 2, "length": 16, "epochs": 1, "progress": False, "random_state": 0}
ROWS = [[2, 9, 8, 7, 3], [2, 5, 6, 3], [2, 9, 8, 7, 3], [2, 11, 3]]


@pytest.fixture(scope="module")
def model():
    return SimCSE(**TINY, batch_size=4, temperature=0.1).fit(TEXTS)


def by_hand(x, y, z, same, temperature):
    """Plain loops: each row against all candidates but copies of itself and its candidate, and partners of copies."""
    losses = []
    candidates = [*y, *z]
    for i in range(len(x)):
        scores = []
        for j, candidate in enumerate(candidates):
            copy = same["y" if j < len(y) else "z"][j % len(y)] in (same["x"][i], same["y"][i])
            copy |= j < len(y) and same["x"][j] == same["x"][i]
            if j == i or not copy:
                scores.append(float(torch.cosine_similarity(x[i], candidate, dim=0)) / temperature)
            if j == i:
                own = scores[-1]
        losses.append(math.log(sum(map(math.exp, scores))) - own)
    return sum(losses) / len(losses)


@torch.no_grad()
def test_the_loss_finds_each_text_among_all_others_but_copies(model):
    network, values = model.network_.eval(), padded(ROWS, 0)
    x, y = model.split(Batch.unlabelled(values))
    vectors = network.encoder(values)
    same = {"x": [0, 1, 0, 2], "y": [0, 1, 0, 2]}
    expected = by_hand(vectors, vectors, [], same, 0.1)
    assert float(model.loss(network, x, y)) == pytest.approx(expected, rel=1e-4)


@torch.no_grad()
def test_a_third_text_is_a_negative_for_all(model):
    network = model.network_.eval()
    values = TextTriple(
        padded(ROWS, 0), padded(ROWS[::-1], 0), padded([[2, 12, 3], [2, 13, 3], [2, 5, 6, 3], [2, 7, 3]], 0)
    )
    x, y = model.split(Batch.unlabelled(values))
    encoded = [network.encoder(part) for part in values]
    same = {"x": [0, 1, 0, 2], "y": [2, 0, 1, 0], "z": [4, 5, 1, 6]}
    assert float(model.loss(network, x, y)) == pytest.approx(by_hand(*encoded, same, 0.1), rel=1e-4)


def test_two_encodings_of_a_text_in_one_pass_have_different_dropout(model):
    network, values = model.network_.train(), padded(ROWS, 0)
    (first, second), _ = model.split(Batch.unlabelled(values))
    seen = []
    handle = network.encoder.register_forward_hook(lambda module, inputs, output: seen.append(output.detach()))
    model.loss(network, [first, second], identical([values]))
    handle.remove()
    network.eval()
    assert len(seen) == 1  # one pass of 2n
    x, y = seen[0].split(4)
    assert torch.equal(first.ids, second.ids)
    assert ((x - y).abs().amax(1) > 1e-3).all()


@torch.no_grad()
def test_identical_vectors_give_the_logarithm_of_the_number_of_different_texts(model):
    texts = [padded([[2, 5 + i, 3] for i in range(8)], 0)]
    vectors = torch.ones(8, 1)
    assert float(find_own(vectors, vectors, identical(texts))) == pytest.approx(math.log(8))
    copies = [padded([[2, 5 + i // 2, 3] for i in range(8)], 0)]
    # Of eight rows, one other is a copy: seven candidates are left.
    assert float(find_own(vectors, vectors, identical(copies))) == pytest.approx(math.log(7))


class Largest(TorchDispatchMode):
    """Notes the largest tensor that any operation makes, forwards and backwards."""

    entries = 0

    def __torch_dispatch__(self, operation, types, arguments=(), keywords=None):
        made = operation(*arguments, **(keywords or {}))
        if isinstance(made, torch.Tensor):
            self.entries = max(self.entries, made.numel())
        return made


def test_any_memory_gives_the_same_loss_and_gradient():
    texts = [padded([[2, 5 + i // 2, 3] for i in range(600)], 0), padded([[2, 700 + i // 3, 3] for i in range(600)], 0)]
    x, y = (unit(torch.randn(600, 8)).requires_grad_() for _ in range(2))
    results = []
    for memory in (2**16, 2**30):
        with score_memory(memory), Largest() as watch:
            loss = find_own(x / 0.1, y, identical(texts))
            results.append((loss, *torch.autograd.grad(loss, (x, y))))
        assert (watch.entries < 600 * 600) == (memory == 2**16)
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)  # float32 sums in another order


def test_similarities_are_in_full_precision_under_autocast(model):
    texts = identical([padded([[2, 5 + i, 3] for i in range(20)], 0)])
    x, y = unit(torch.randn(2, 20, 8))
    expected = find_own(x / 0.05, y, texts)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(find_own(x / 0.05, y, texts), expected, rtol=1e-6, atol=0)


def test_padding_does_not_make_texts_different():
    first, second = padded([[2, 5, 3], [2, 5, 6, 3]], 0), padded([[2, 5, 6, 3], [2, 5, 3]], 1, 7)
    numbers = identical([first, second])
    assert numbers[0, 0] == numbers[1, 1]
    assert numbers[0, 1] == numbers[1, 0]


def test_a_text_has_the_same_number_in_another_batch_and_another_text_has_another():
    # Processes exchange these numbers: counted within a batch, they would take texts of two processes for copies.
    here, there = (
        identical([padded(ROWS, 0)])[0],
        identical([padded([[2, 11, 3], [2, 9, 8, 3, 7], *ROWS[1:]], 1, 9)])[0],
    )
    assert here.tolist() == [there[3], there[2], there[3], there[0]]
    assert there[1] not in here
    swapped = identical([padded([[2, 5, 6, 3], [2, 6, 5, 3], [2, 5, 6], [2, 5, 6, 3, 0]], 0)])[0]
    assert len(swapped.unique()) == 4


def test_crops_are_two_different_stretches():
    model = SimCSE(**TINY, views="crop", batch_size=4).fit(TEXTS)
    (first, second), _ = model.split(Batch.unlabelled(padded([[2, *range(5, 25), 3]] * 4, 0)))
    assert first.mask.sum() < 4 * 22
    assert not (first.ids.shape == second.ids.shape and torch.equal(first.ids, second.ids))


def test_pairs_and_triples_are_learnt_from_and_have_the_vectors_of_their_first_texts():
    pairs = list(zip(TEXTS, TEXTS[1:] + TEXTS[:1], strict=True))
    model = SimCSE(**TINY, batch_size=4).fit(Texts(pairs))
    assert model.transform(pairs) == pytest.approx(model.transform([a for a, _ in pairs]), abs=1e-6)
    triples = [(a, b, TEXTS[0]) for a, b in pairs]
    assert SimCSE(**TINY).fit(triples).transform(TEXTS).shape == (5, 32)


@pytest.mark.parametrize("texts", [TEXTS, [(text, text[::-1]) for text in TEXTS]], ids=["texts", "pairs"])
def test_dropout_is_on_while_it_learns(texts, monkeypatch):
    differ, loss = [], SimCSE.loss

    def watched(self, net, x, y):
        differ.append(not torch.equal(net.encoder(x[0]), net.encoder(x[0])))
        return loss(self, net, x, y)

    monkeypatch.setattr(SimCSE, "loss", watched)
    SimCSE(**TINY, batch_size=4).fit(texts)
    assert differ
    assert all(differ)


def test_the_first_token_or_the_mean_is_compared_and_kept_with_the_encoder(tmp_path):
    assert SimCSE().temperature == 0.05  # the paper's
    model = SimCSE(**TINY, pooling="cls").fit(TEXTS)
    model.save(tmp_path / "m")
    tokens = model.open(TEXTS).gather(torch.arange(len(TEXTS))).values
    with torch.no_grad():
        first = model.encoder_.features(tokens).vectors[:, 0].numpy()
    assert unlabeled.load(tmp_path / "m").transform(TEXTS) == pytest.approx(first, abs=1e-5)
    further = {"encoder": model.encoder_, "epochs": 1, "progress": False}
    assert SimCSE(**further).fit(TEXTS).encoder_.pooling == "cls"
    assert SimCSE(**further, pooling="mean").fit(TEXTS).encoder_.pooling == "mean"


def test_pairs_keep_their_type_in_a_batch():
    values = TextPair(padded(ROWS, 0), padded(ROWS, 0))
    assert SimCSE(**TINY).view(values) is values.first


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"views": "crops"}, "did you mean 'crop'"),
        ({"temperature": 0.0}, "a positive number"),
        ({"pooling": "maen"}, "did you mean 'mean'"),
    ],
)
def test_settings_that_mean_nothing_are_errors(settings, says):
    with pytest.raises(UnlabeledError, match=says):
        SimCSE(**{**TINY, **settings}).fit(TEXTS)


def test_two_equal_views_are_refused_where_an_encoder_has_no_dropout():
    without = {**TINY, "dropout": 0.0, "batch_size": 4}
    with pytest.raises(UnlabeledError, match=r"both views of a text would be the same; take views='crop'"):
        SimCSE(**without).fit(TEXTS)
    SimCSE(**without, views="crop").fit(TEXTS)
    SimCSE(**without).fit(list(itertools.pairwise(TEXTS)))


def test_a_collapse_in_the_middle_of_training_is_announced(monkeypatch):
    parts = (["dog", "cat", "bird", "cow"], ["barks", "runs", "sleeps", "eats"], ["here", "there", "now", "outside"])
    texts = [" ".join(words) for words in itertools.product(*parts)]
    settings = {**TINY, "batch_size": 16, "epochs": 60, "learning_rate": 1e-2, "precision": "float32"}
    with warnings.catch_warnings():
        warnings.simplefilter("error", CollapseWarning)
        whole = SimCSE(**settings).fit(texts)
    steps, loss = [], SimCSE.loss

    def repels_nothing_from_the_middle_on(self, net, x, y):
        steps.append(len(steps))
        if len(steps) < 100:
            return loss(self, net, x, y)
        return 1 - unit(net.encoder(joined_rows(x)).float()).mean(0).square().sum()

    monkeypatch.setattr(SimCSE, "loss", repels_nothing_from_the_middle_on)
    with pytest.warns(CollapseWarning, match="collapse of the representation by step") as told:
        fallen = SimCSE(**settings).fit(texts)
    assert int(str(told[0].message).split("by step ")[1].split(":")[0]) > 100
    looks = [entry["uniformity"] for entry in fallen.history_ if "uniformity" in entry]
    assert looks[-1] > -0.2 > whole.history_[-1]["uniformity"]
