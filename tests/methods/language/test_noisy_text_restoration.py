import pytest
import torch

from unlabeled import NoisyTextRestoration
from unlabeled.data import Batch
from unlabeled.data.text.tokenization.tokens import TextPair, padded
from unlabeled.methods.language.gpt import token_logits

TEXTS = ["the dog barks at the cat", "the cat runs from the dog", "it rains", ""] * 4


@pytest.fixture(scope="module")
def model():
    return NoisyTextRestoration(
        dim=16, layers=1, heads=2, length=16, epochs=1, batch_size=4, random_state=0, progress=False
    ).fit(TEXTS)


def test_the_split_deletes_tokens_and_keeps_the_text(model):
    values = padded([[2, 9, 8, 7, 6, 5, 3]] * 50, 0)
    x, y = model.split(Batch.unlabelled(values))
    assert y is values
    assert x.mask.sum() < y.mask.sum()


def test_both_texts_of_a_pair_are_restored(model):
    first, second = padded([[2, 9, 8, 3]], 0), padded([[2, 7, 6, 5, 3]], 0)
    x, y = model.split(Batch.unlabelled(TextPair(first, second)))
    assert y.ids.tolist() == [[2, 9, 8, 3, 0], [2, 7, 6, 5, 3]]
    assert len(x.ids) == 2


@torch.no_grad()
def test_the_decoder_knows_the_damaged_copy_by_its_vector_alone_and_no_future_token(model):
    network, values = model.network_.eval(), padded([[2, 9, 8, 7, 3]], 0)
    vector = torch.randn(1, 16)
    embedded = network.encoder.word_embeddings(values.ids)
    states = network.decoder(embedded, values.mask, vector)
    other = embedded.clone()
    other[0, 3] += 1
    assert torch.equal(network.decoder(other, values.mask, vector)[:, :3], states[:, :3])
    assert not torch.allclose(network.decoder(embedded, values.mask, vector + 1), states)


@torch.no_grad()
def test_the_loss_is_that_of_each_next_token_given_the_vector(model):
    network, values, damaged = model.network_.eval(), padded([[2, 9, 8, 7, 3]], 0), padded([[2, 8, 3]], 0)
    embedded = network.encoder.word_embeddings(values.ids)
    states = network.decoder(embedded, values.mask, network.encoder(damaged))[0]
    losses = [-token_logits(network.encoder, states[i]).log_softmax(0)[values.ids[0, i + 1]] for i in range(4)]
    assert float(model.loss(network, damaged, values)) == pytest.approx(float(sum(losses) / 4), rel=1e-5)
