import itertools
import json

import pytest
import torch

from unlabeled.data.text.texts import Texts
from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.data.text.tokenization.tokens import Tokens, padded
from unlabeled.encoders.checkpoint import save_encoder
from unlabeled.encoders.encoder import from_description
from unlabeled.encoders.features import Features
from unlabeled.encoders.layers.attention import visible
from unlabeled.encoders.text.lstm import LSTM
from unlabeled.encoders.text.text_encoder import pool
from unlabeled.encoders.text.transformer import Transformer
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.text import TextPreprocessing

TEXTS = ["one two three", "four", "", "five six seven eight one two three"]


@pytest.fixture(scope="module")
def preprocessing():
    return TextPreprocessing(SubwordTokenizer.train([" ".join(TEXTS)], size=100), 600)


@pytest.fixture(scope="module", params=itertools.product(["learned", "rotary"], [False, True]), ids=str)
def encoder(request, preprocessing):
    torch.manual_seed(0)
    positions, causal = request.param
    made = Transformer(preprocessing, dim=32, layers=2, heads=2, positions=positions, causal=causal)
    # Weights so small that attention is nearly flat would hide a wrong mask.
    with torch.no_grad():
        for weight in made.parameters():
            if weight.dim() == 2:
                weight.mul_(5)
    return made.eval()


def tokens_of(encoder, texts):
    prepared = Texts(texts).tokenize(encoder.preprocessing.tokenizer, 600)
    return prepared.gather(torch.arange(len(texts))).values


@torch.no_grad()
@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_a_vector_is_the_same_alone_in_a_batch_and_padded_to_512(encoder, pooling):
    together = tokens_of(encoder, TEXTS)
    pooled = pool(encoder.features(together), pooling)
    pad = encoder.preprocessing.tokenizer.pad
    for i, text in enumerate(TEXTS):
        alone = tokens_of(encoder, [text])
        longest = padded([alone.ids[0].numpy()], pad, 512)
        for values in (alone, longest):
            assert torch.allclose(pool(encoder.features(values), pooling)[0], pooled[i], atol=2e-6)


@torch.no_grad()
def test_padding_may_hold_anything(encoder):
    values = tokens_of(encoder, TEXTS)
    other = Tokens(torch.where(values.mask, values.ids, 7), values.mask)
    assert torch.equal(encoder(values), encoder(other))


@torch.no_grad()
def test_padding_on_the_left_shifts_positions(encoder):
    values = tokens_of(encoder, TEXTS[:1])
    left = Tokens(*(torch.nn.functional.pad(x, (5, 0)) for x in values))
    assert torch.allclose(encoder(left), encoder(values), atol=2e-6)
    assert torch.allclose(encoder.features(left).vectors[:, 5:], encoder.features(values).vectors, atol=2e-6)


@torch.no_grad()
def test_a_causal_encoder_does_not_see_the_future_and_another_does(encoder):
    values = tokens_of(encoder, TEXTS[3:])
    changed = values.ids.clone()
    changed[0, 5] = values.ids[0, 4]
    before, after = (encoder.features(Tokens(ids, values.mask)).vectors for ids in (values.ids, changed))
    assert torch.equal(before[:, :5], after[:, :5]) == encoder.causal
    assert not torch.allclose(before[:, 5:], after[:, 5:])


def test_what_is_hidden_has_a_score_of_minus_infinity():
    mask = torch.tensor([[False, True, True, True]])
    seen = visible(mask, 4, causal=True)[0, 0]
    expected = [[(j <= i and bool(mask[0, j])) or i == j for j in range(4)] for i in range(4)]
    assert seen.dtype == torch.bool
    assert seen.tolist() == expected


@torch.no_grad()
def test_reading_with_a_cache_gives_what_reading_at_once_gives(encoder):
    if not encoder.causal:
        pytest.skip("only what reads in one direction can go on")
    values = tokens_of(encoder, TEXTS)
    left = Tokens(values.ids.flip(1), values.mask.flip(1))  # padding on the left, as in generation
    whole = encoder.features(left).vectors
    cache, start = [], 0
    for end in (3, 4, 5, left.ids.shape[1]):
        part = Tokens(left.ids[:, start:end], left.mask[:, :end])
        found = encoder.hidden_states(part, cache)[-1]
        real = left.mask[:, start:end]
        assert torch.allclose(found[real], whole[:, start:end][real], atol=2e-6)
        start = end


@torch.no_grad()
def test_the_second_text_of_a_pair_has_the_other_segment(preprocessing):
    encoder = Transformer(preprocessing, dim=32, layers=1, heads=2).eval()
    tokenizer = preprocessing.tokenizer
    one, two = tokenizer.encode(["one", "two"])
    values = padded([tokenizer.pair_with_special_tokens(one, two, 20)], tokenizer.pad)
    before = encoder.embeddings(values.ids, torch.zeros_like(values.ids))
    encoder.embeddings.token_type_embeddings.weight[1] += torch.randn(32)
    after = encoder.embeddings(values.ids, torch.zeros_like(values.ids))
    changed = (before - after).abs().sum(-1) > 1e-6
    assert changed[0].tolist() == [False] * (2 + len(one)) + [True] * (1 + len(two))


@torch.no_grad()
def test_transformers_loads_what_is_saved_and_gives_the_same_vectors(encoder, tmp_path):
    transformers = pytest.importorskip("transformers")
    save_encoder(encoder, tmp_path / "saved")
    theirs = transformers.AutoModel.from_pretrained(tmp_path / "saved").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "saved")
    inputs = tokenizer(TEXTS, padding=True, return_tensors="pt")
    found = theirs(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).last_hidden_state
    ours = encoder.features(tokens_of(encoder, TEXTS))
    assert torch.allclose(found[ours.mask], ours.vectors[ours.mask], atol=2e-6)
    again = from_description(encoder.describe(), encoder.preprocessing).eval()
    again.load_state_dict(encoder.state_dict())
    assert torch.equal(again(tokens_of(encoder, TEXTS)), encoder(tokens_of(encoder, TEXTS)))


def test_a_text_beyond_the_window_is_refused(preprocessing):
    encoder = Transformer(preprocessing, dim=32, layers=1, heads=2, length=8)
    with pytest.raises(UnlabeledError, match="a text of 9 tokens came to an encoder with a window of 8"):
        encoder(padded([[1] * 9], 0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"dim": 30, "heads": 4}, "cannot be shared"), ({"positions": "rotery"}, "rotary"), ({"pooling": "max"}, "mean")],
)
def test_settings_that_make_no_network_are_errors(preprocessing, settings, message):
    with pytest.raises(UnlabeledError, match=message):
        Transformer(preprocessing, **settings)


def test_pooling_a_text_without_tokens_gives_zeros():
    nothing = Features(torch.ones(1, 2, 3), torch.zeros(1, 2, dtype=torch.bool))
    assert pool(nothing, "mean").tolist() == [[0, 0, 0]]
    assert pool(nothing, "cls").shape == pool(nothing, "last").shape == (1, 3)


def test_a_tokenizer_that_numbers_beyond_the_network_is_refused(preprocessing):
    """Such numbers would be looked up where there are no vectors; a file may say any."""
    definition = json.loads(preprocessing.tokenizer.backend.to_str())
    last = max(definition["model"]["vocab"], key=definition["model"]["vocab"].get)
    definition["model"]["vocab"][last] = 2**31
    saved = preprocessing.tokenizer.to_dict() | {"definition": json.dumps(definition)}
    damaged = TextPreprocessing(SubwordTokenizer.from_dict(saved), 8)
    for make in (Transformer, LSTM):
        with pytest.raises(UnlabeledError, match="numbers a token 2147483648"):
            make(damaged)
