import pytest
import torch

from unlabeled import ELMo
from unlabeled.data import Batch
from unlabeled.data.text.tokenization.tokens import Tokens, padded
from unlabeled.errors import UnlabeledError
from unlabeled.methods.language.gpt import token_logits

TEXTS = ["the dog barks at the cat", "the cat runs from the dog", "it rains", ""] * 4


@pytest.fixture(scope="module")
def model():
    return ELMo(dim=16, length=16, epochs=1, batch_size=4, random_state=0, progress=False).fit(TEXTS)


@torch.no_grad()
def test_the_loss_is_that_of_both_directions(model):
    values = padded([[2, 9, 8, 7, 3], [2, 5, 3]], 0)
    left, right = (states[-1] for states in model.encoder_.directions(values))
    rows = []
    for n, length in enumerate([5, 3]):
        losses = []
        for i in range(length):
            if i > 0:
                losses.append(-token_logits(model.encoder_, left[n, i - 1]).log_softmax(0)[values.ids[n, i]])
            if i < length - 1:
                losses.append(-token_logits(model.encoder_, right[n, i + 1]).log_softmax(0)[values.ids[n, i]])
        rows.append(sum(losses) / len(losses))
    x, y = model.split(Batch.unlabelled(values))
    assert float(model.loss(model.network_, x, y)) == pytest.approx(float(sum(rows) / 2), rel=1e-5)


@torch.no_grad()
def test_no_direction_sees_the_token_that_it_predicts(model):
    values = padded([[2, 9, 8, 7, 6, 3]], 0)
    for place in range(1, 5):
        changed = Tokens(values.ids.clone(), values.mask)
        changed.ids[0, place] = 5
        for v in (values, changed):
            left, right = (states[-1][0] for states in model.encoder_.directions(v))
            found = torch.stack([left[place - 1], right[place + 1]])
            if v is values:
                before = found
        assert torch.equal(found, before)


def test_the_directions_share_the_tokens_embeddings_and_nothing_else(model):
    encoder = model.encoder_
    for number, (own, other) in enumerate(
        ((encoder.forwards, encoder.backwards), (encoder.backwards, encoder.forwards))
    ):
        encoder.zero_grad()
        states = encoder.directions(padded([[2, 9, 8, 7, 3]], 0))[number]
        token_logits(encoder, states[-1]).square().sum().backward()
        assert all(p.grad is not None and p.grad.any() for p in own.parameters())
        assert all(p.grad is None or not p.grad.any() for p in other.parameters())
        assert encoder.word_embeddings.weight.grad.any()
    encoder.zero_grad()


def test_fitting_again_gives_the_same_and_no_state_is_left(model):
    again = ELMo(**model.get_params()).fit(TEXTS)
    assert (again.transform(TEXTS) == model.transform(TEXTS)).all()


def test_each_token_has_a_vector_that_does_not_depend_on_other_texts(model):
    vectors = model.transform_tokens(TEXTS[:4])
    assert [v.shape[1] for v in vectors] == [16] * 4
    for text, expected in zip(TEXTS[:4], vectors, strict=True):
        assert model.transform_tokens([text])[0] == pytest.approx(expected, abs=1e-5)
    assert vectors[0].mean(0) == pytest.approx(model.transform(TEXTS[:1])[0], abs=1e-5)


def test_another_encoder_is_refused():
    with pytest.raises(UnlabeledError, match="needs the encoder 'lstm'"):
        ELMo(encoder="transformer", epochs=1, progress=False).fit(TEXTS)


def test_the_directions_have_one_length():
    with pytest.raises(UnlabeledError, match="dim must be even, got 15"):
        ELMo(dim=15, epochs=1, progress=False).fit(TEXTS)


def test_of_pairs_the_first_texts_have_vectors(model):
    (vectors,) = model.transform_tokens([(TEXTS[0], TEXTS[1])])
    assert vectors == pytest.approx(model.transform_tokens(TEXTS[:1])[0], abs=1e-5)
