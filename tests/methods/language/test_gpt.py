import json
import math

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from unlabeled import GPT
from unlabeled.data import Batch
from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.data.text.tokenization.tokens import Tokens, padded
from unlabeled.encoders.text.transformer import Transformer
from unlabeled.errors import UnlabeledError
from unlabeled.methods.language import gpt
from unlabeled.methods.language.gpt import next_token_logits, to_left, windows_over
from unlabeled.methods.language.token_sampling import sample_token

TEXTS = ["the dog barks at the cat", "the cat runs from the dog", "it rains and the street is wet"] * 6
TINY = {"dim": 32, "layers": 2, "heads": 2, "length": 16, "progress": False, "random_state": 0}


@pytest.fixture(scope="module")
def model():
    return GPT(**TINY, tokenizer="characters", epochs=3, batch_size=8, learning_rate=3e-3).fit(TEXTS)


def tokens(model, texts):
    rows = [model.tokenizer_.with_special_tokens(row, 99) for row in model.tokenizer_.encode(texts)]
    return padded(rows, model.tokenizer_.pad)


@torch.no_grad()
def test_the_loss_is_that_of_each_next_token(model):
    values = tokens(model, ["the dog", "it is"])
    x, y = model.split(Batch.unlabelled(values))
    logits = next_token_logits(model.encoder_, values).double()
    rows = []
    for n in range(2):
        length = int(values.mask[n].sum())
        losses = [-logits[n, i].log_softmax(0)[values.ids[n, i + 1]] for i in range(length - 1)]
        rows.append(sum(losses) / len(losses))
    assert float(model.loss(model.network_, x, y)) == pytest.approx(float(sum(rows) / 2), rel=1e-5)


@torch.no_grad()
def test_a_future_token_changes_no_past_prediction(model):
    values = tokens(model, ["the dog"])
    for place in range(1, values.ids.shape[1]):
        changed = Tokens(values.ids.clone(), values.mask)
        changed.ids[0, place] = (values.ids[0, place] + 1) % len(model.tokenizer_)
        before, after = (next_token_logits(model.encoder_, v)[0] for v in (values, changed))
        assert torch.equal(before[:place], after[:place])
        assert not torch.equal(before[place:], after[place:])


def test_the_gradient_of_parts_of_a_batch_is_that_of_the_whole(model):
    values = tokens(model, ["the dog barks", "it is", "rains", "cat runs"])
    network = model.network_.eval()

    def gradient(rows):
        network.zero_grad()
        for part in rows:
            x, y = model.split(Batch.unlabelled(Tokens(values.ids[part], values.mask[part])))
            (model.loss(network, x, y) / len(rows)).backward()
        return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])

    whole, parts = gradient([slice(0, 4)]), gradient([slice(0, 2), slice(2, 4)])
    assert torch.allclose(whole, parts, atol=1e-6)
    network.zero_grad()


@torch.no_grad()
def test_writing_with_a_cache_is_writing_without_one(model):
    prompt = "the d"
    written = model.generate(prompt, length=9, temperature=0)
    ids = tokens(model, [prompt]).ids[:, :-1]
    never = [i for i in model.tokenizer_.special_ids if i != model.tokenizer_.special_id("sep")]
    for _ in range(9):
        logits = next_token_logits(model.encoder_, Tokens(ids, torch.ones_like(ids, dtype=torch.bool)))[0, -1]
        logits[never] = -math.inf
        best = logits.argmax()
        if best == model.tokenizer_.special_id("sep"):
            break
        ids = torch.cat([ids, best.view(1, 1)], 1)
    assert written == model.tokenizer_.decode(ids[0].tolist())


def test_prompts_of_different_lengths_do_not_disturb_each_other(model):
    prompts = ["t", "the cat r", "it"]
    together = model.generate(prompts, length=5, temperature=0)
    assert together == [model.generate(prompt, length=5, temperature=0) for prompt in prompts]


@torch.no_grad()
def test_beyond_the_window_its_second_half_is_read_afresh(model, monkeypatch):
    def likeliest_but_no_end(logits, *settings):
        return logits.index_fill(1, torch.tensor([model.tokenizer_.special_id("sep")]), -math.inf).argmax(1)

    monkeypatch.setattr(gpt, "sample_token", likeliest_but_no_end)
    written = model.generate("the d", length=40)
    ids = tokens(model, ["the d"]).ids[:, :-1]
    text = ids[0].tolist()
    for _ in range(40):
        ids = ids[:, -8:] if ids.shape[1] > 16 else ids
        logits = next_token_logits(model.encoder_, Tokens(ids, torch.ones_like(ids, dtype=torch.bool)))[:, -1]
        best = likeliest_but_no_end(logits.index_fill(1, torch.tensor(model.tokenizer_.special_ids), -math.inf))
        ids = torch.cat([ids, best[:, None]], 1)
        text.append(int(best))
    assert written == model.tokenizer_.decode(text)
    assert len(written) == 45


def test_a_seed_makes_a_text_repeatable_and_leaves_the_callers_random_state_alone(model):
    state = torch.get_rng_state()
    first = model.generate("the", length=20, seed=3)
    assert first == model.generate("the", length=20, seed=3)
    assert len({model.generate("the", length=20, seed=i) for i in range(5)}) > 1
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(("count", "window", "stride"), [(2, 4, 2), (9, 4, 1), (10, 6, 3), (30, 7, 5), (5, 16, 8)])
def test_every_token_counts_once_in_the_perplexity(count, window, stride):
    seen = []
    for begin, end, first in windows_over(count, window, stride):
        assert end - begin <= window
        assert begin < first
        seen += range(first, end)
    assert seen == list(range(1, count))


@torch.no_grad()
def test_perplexity_is_exp_of_the_mean_loss_over_tokens(model):
    texts = ["the dog", "it", ""]  # all shorter than the window
    values = tokens(model, texts)
    logits = next_token_logits(model.encoder_, values).double()
    losses = [
        -logits[n, i].log_softmax(0)[values.ids[n, i + 1]]
        for n in range(3)
        for i in range(int(values.mask[n].sum()) - 1)
    ]
    expected = math.exp(sum(losses) / len(losses))
    assert model.perplexity(texts) == pytest.approx(expected, rel=1e-5)
    assert model.perplexity(texts, stride=3) == pytest.approx(expected, rel=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("stride", [4, 8, 15])
def test_each_token_of_a_long_text_is_predicted_in_the_first_window_that_holds_it(model, stride):
    long = " ".join(TEXTS[:4])
    tokenizer, losses, begin = model.tokenizer_, [], 0
    row = torch.from_numpy(tokenizer.with_special_tokens(tokenizer.encode([long])[0], 10**6)).long()
    for place in range(1, len(row)):
        while place >= begin + 16:
            begin += stride
        before = row[None, begin:place]
        logits = next_token_logits(model.encoder_, Tokens(before, torch.ones_like(before, dtype=torch.bool)))
        losses.append(-logits[0, -1].double().log_softmax(0)[row[place]])
    assert model.perplexity([long], stride=stride) == pytest.approx(math.exp(sum(losses) / len(losses)), rel=1e-5)


def test_single_precision_is_enough_for_the_device_that_measures_perplexity(model, device_without_double):
    assert model.perplexity(TEXTS[:2]) > 1


def test_windows_that_do_not_overlap_are_refused(model):
    with pytest.raises(UnlabeledError, match="stride must be a whole number from 1 to 15"):
        model.perplexity(TEXTS, stride=16)


def test_knowing_nothing_is_a_perplexity_of_the_vocabulary():
    model = GPT(**TINY, epochs=1).fit(TEXTS[:3])
    with torch.no_grad():
        model.encoder_.word_embeddings.weight.zero_()
    assert model.perplexity(TEXTS[:3]) == pytest.approx(len(model.tokenizer_), rel=1e-4)


def test_an_encoder_that_sees_both_sides_is_refused(model):
    encoder = Transformer(model.encoder_.preprocessing, dim=32, layers=1, heads=2)
    with pytest.raises(UnlabeledError, match="reads in one direction"):
        GPT(encoder=encoder, progress=False).fit(TEXTS)


def test_padding_on_the_left():
    values = to_left([[1, 2, 3], [4]], pad=0)
    assert values.ids.tolist() == [[1, 2, 3], [0, 0, 4]]
    assert values.mask.tolist() == [[True] * 3, [False, False, True]]


LOGITS = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()[None]


def drawn(**settings):
    many = LOGITS.expand(20_000, 4)
    return torch.bincount(sample_token(many, generator=torch.Generator().manual_seed(0), **settings), minlength=4) / 2e4


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.5, 0.3, 0.15, 0.05]),
        ({"temperature": 0}, [1, 0, 0, 0]),
        ({"temperature": 1e-300}, [1, 0, 0, 0]),
        ({"temperature": 1e-20}, [1, 0, 0, 0]),
        ({"temperature": 1e300}, [0.25, 0.25, 0.25, 0.25]),
        ({"temperature": 0.5}, [0.25 / 0.365, 0.09 / 0.365, 0.0225 / 0.365, 0.0025 / 0.365]),
        ({"top_k": 2}, [0.625, 0.375, 0, 0]),
        ({"top_k": 9}, [0.5, 0.3, 0.15, 0.05]),
        ({"top_p": 0.1}, [1, 0, 0, 0]),
        ({"top_p": 0.79}, [0.625, 0.375, 0, 0]),
        ({"top_p": 0.81}, [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0]),
        ({"top_p": 1.0}, [0.5, 0.3, 0.15, 0.05]),
    ],
)
def test_tokens_are_drawn_with_their_probabilities(settings, expected):
    # The deviation of a share over 20,000 draws is at most 0.0036.
    assert drawn(**settings).tolist() == pytest.approx(expected, abs=0.015)


def test_a_token_that_is_never_written_stays_so_at_any_temperature():
    logits = torch.tensor([[1.0, -torch.inf, 2.0]]).expand(100, 3)
    for temperature in (1e-300, 1e-20, 1e300):
        assert not (sample_token(logits, temperature) == 1).any()


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": -1}, {"temperature": float("nan")}, {"temperature": float("inf")}, {"top_k": 0}, {"top_p": 0},
        {"top_p": 1.5}, {"temperature": "hot"}, {"temperature": None}, {"top_p": "most"},
    ],
)  # fmt: skip
def test_settings_that_mean_nothing_are_errors(settings):
    with pytest.raises(UnlabeledError, match=next(iter(settings))):
        sample_token(LOGITS, **settings)


def test_prompts_are_texts(model):
    for prompts in (5, [5], b"the"):
        with pytest.raises(UnlabeledError, match="where a text belongs"):
            model.generate(prompts, length=2)
    with pytest.raises(UnlabeledError, match="not None"):
        model.generate(None, length=2)
    assert model.generate(iter(["the"]), length=2, seed=0) == [model.generate("the", length=2, seed=0)]
    assert model.generate("the \udce9", length=1, seed=0).startswith("the ")


@pytest.fixture(scope="module", params=["", "<s> "])
def published(request, tmp_path_factory):
    """A tokenizer in the way of GPT-2, which puts nothing around a text, or of Llama, which begins texts."""
    trained = json.loads(SubwordTokenizer.train(TEXTS, kind="bpe", size=300).backend.to_str())
    backend = Tokenizer.from_str(json.dumps(trained | {"post_processor": None}))
    backend.add_special_tokens(["<s>", "</s>"])
    if request.param:
        begins = [("<s>", backend.token_to_id("<s>"))]
        backend.post_processor = TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=begins)
    return SubwordTokenizer(backend, {"pad": "</s>", "sep": "</s>"} | ({"cls": "<s>"} if request.param else {}))


def test_a_tokenizer_that_ends_no_text_loses_nothing_of_the_prompt(published, tmp_path):
    published.save(tmp_path, 16)
    model = GPT(**TINY, tokenizer=tmp_path, epochs=1).fit(TEXTS)
    assert len(model.tokenizer_.closing_tokens) == 0
    for prompt in ("the dog barks", ""):
        assert model.generate(prompt, length=2, seed=0).startswith(prompt)
    seen = []
    states = model.encoder_.hidden_states
    model.encoder_.hidden_states = lambda values, cache=None: seen.append(values.ids.tolist()) or states(values, cache)
    model.generate("the dog", length=1, seed=0)
    begins = model.tokenizer_.with_special_tokens(model.tokenizer_.encode(["the dog"])[0], 99).tolist()
    assert seen == [[begins]]
