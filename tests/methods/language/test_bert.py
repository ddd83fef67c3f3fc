import warnings

import numpy as np
import pytest
import torch

from unlabeled import BERT, NoisyTextRestoration
from unlabeled.data.text.text_windows import SegmentPairs, Segments
from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.data.text.tokenization.tokens import Tokens, padded
from unlabeled.errors import UnlabeledError
from unlabeled.methods.language.bert import NOTHING_TO_ORDER, Hidden, pairs_of
from unlabeled.methods.language.masking import mask_tokens
from unlabeled.runs import learn
from unlabeled.views import draw

TEXTS = [
    "The dog barks at the cat. The cat runs away from the dog.",
    "It rains all day. The street is wet and so is the cat.",
    "One sentence only",
    "",
    "Soup is hot. Bread is warm. Beer is cold. Wine is old.",
] * 4
TINY = {"dim": 32, "layers": 1, "heads": 2, "length": 18, "progress": False, "random_state": 0}


@pytest.fixture(scope="module")
def model():
    return BERT(**TINY, epochs=2, batch_size=8, vocabulary=120).fit(TEXTS)


@pytest.fixture(scope="module")
def tokenizer():
    return SubwordTokenizer.train(TEXTS, size=100)


def many_rows(tokenizer, rows=400, longest=60):
    generator = np.random.default_rng(0)
    lengths = generator.integers(0, longest, rows)
    texts = [generator.integers(5, len(tokenizer), n).astype(np.int32) for n in lengths]
    return padded([tokenizer.with_special_tokens(text, 100) for text in texts], tokenizer.pad)


def test_fifteen_percent_are_chosen_and_80_10_10_of_them_masked_random_and_kept(tokenizer):
    values = many_rows(tokenizer)
    parts = [mask_tokens(values, tokenizer) for _ in range(20)]
    possible = int((values.mask & (values.ids >= 5)).sum()) * 20
    chosen = sum(int(c.sum()) for _, c in parts)
    # About 236,000 tokens in 8,000 rows. Rounding up rows of few tokens to one token adds up to half a percent.
    assert chosen / possible == pytest.approx(0.15, abs=0.004)
    masked = sum(int((shown.ids == tokenizer.special_id("mask"))[c].sum()) for shown, c in parts) / chosen
    kept = sum(int((shown.ids == values.ids)[c].sum()) for shown, c in parts) / chosen
    # A random token is the right one by chance. Each bound is over four deviations of a share of 35,000 draws.
    by_chance = 0.1 / (len(tokenizer) - 5)
    assert masked == pytest.approx(0.8, abs=0.01)
    assert kept == pytest.approx(0.1 + by_chance, abs=0.008)


def test_processes_hide_what_one_process_hides_in_their_joint_batch(tokenizer, monkeypatch):
    ids, mask = many_rows(tokenizer, rows=16)
    torch.manual_seed(3)
    (shown, _), chosen = mask_tokens(Tokens(ids, mask), tokenizer)
    monkeypatch.setattr(draw, "world_size", lambda: 2)
    for number in range(2):
        monkeypatch.setattr(draw, "rank", lambda number=number: number)
        own = slice(8 * number, 8 * number + 8)
        torch.manual_seed(3)
        (part, _), picked = mask_tokens(Tokens(ids[own], mask[own]), tokenizer)
        assert torch.equal(part, shown[own])
        assert torch.equal(picked, chosen[own])


def test_processes_exchange_other_rows_for_other_followers(tokenizer, monkeypatch):
    rows = padded([[7 + i, 8] for i in range(20)], 0)
    monkeypatch.setattr(draw, "world_size", lambda: 2)
    made = []
    for number in range(2):
        monkeypatch.setattr(draw, "rank", lambda number=number: number)
        torch.manual_seed(3)
        made.append(pairs_of(Segments(rows, rows, torch.arange(20)), tokenizer, 16))
    (one, first), (other, second) = made
    assert not torch.equal(first, second)
    both = (first == 0) & (second == 0)
    assert both.any()
    assert not torch.equal(one.ids[both], other.ids[both])


def test_special_tokens_and_padding_are_never_chosen_nor_drawn(tokenizer):
    values = many_rows(tokenizer)
    special = torch.tensor(tokenizer.special_ids)
    mask = tokenizer.special_id("mask")
    for _ in range(10):
        shown, chosen = mask_tokens(values, tokenizer, 0.5)
        assert not (chosen & ~values.mask).any()
        assert not torch.isin(values.ids[chosen], special).any()
        changed = chosen & (shown.ids != values.ids)
        assert not torch.isin(shown.ids[changed & (shown.ids != mask)], special).any()
        assert torch.equal(shown.ids[~chosen], values.ids[~chosen])


def test_every_row_that_can_has_a_token_chosen_and_others_do_not_crash(tokenizer):
    values = padded(
        [tokenizer.with_special_tokens(np.arange(5, 5 + n, dtype=np.int32), 50) for n in (0, 1, 2, 30)], tokenizer.pad
    )
    for _ in range(20):
        _, chosen = mask_tokens(values, tokenizer)
        assert chosen.sum(1)[0] == 0
        assert (chosen.sum(1)[1:] >= 1).all()


def test_the_defaults_are_the_papers():
    assert (BERT().mask_share, BERT().next_sentence) == (0.15, True)


def test_masking_is_drawn_anew_every_time(model):
    batch = SegmentPairs(TEXTS, model.tokenizer_, 18).gather(torch.arange(8))
    assert not torch.equal(model.split(batch)[1].chosen, model.split(batch)[1].chosen)


def test_negatives_are_of_another_document_and_the_class_says_who_follows(tokenizer):
    documents = [" ".join(f"{name} {i}." for i in ["one", "two", "three", "four", "five", "six"]) for name in "abcdef"]
    tokenizer = SubwordTokenizer.train(documents, size=80)
    pairs = SegmentPairs(documents, tokenizer, 9)
    values = pairs.gather(torch.arange(len(pairs))).values
    counts = {0: 0, 1: 0, -1: 0}
    for _ in range(50):
        rows, follows = pairs_of(values, tokenizer, 9)
        for row, mask, told, document in zip(*rows, follows.tolist(), values.document.tolist(), strict=True):
            words = [tokenizer.token(int(i)) for i in row[mask]]
            assert len(words) <= 9
            end = words.index("[SEP]")
            first, second = words[1:end], [word for word in words[end + 1 :] if word != "[SEP]"]
            assert first[0] == "abcdef"[document]
            if told == 1:
                assert second[0] == first[0]
            elif told == 0:
                assert second[0] != first[0]
            else:
                assert not second  # the document ends
                assert first[1] == "six"
            counts[told] += 1
    positive = counts[1] / (counts[0] + counts[1])
    assert positive == pytest.approx(0.5, abs=0.05)  # over 1,500 draws, four deviations
    assert counts[-1] == 6 * 50


def test_rows_are_full_whether_the_second_segment_was_exchanged_or_not(tokenizer):
    rng = np.random.default_rng(0)
    words = [f"{a}{b}" for a in "abcdefgh" for b in "aeiou"]
    documents = [" ".join(" ".join(rng.choice(words, rng.integers(3, 13))) + "." for _ in range(60)) for _ in range(20)]
    tokenizer = SubwordTokenizer.train(documents, size=120)
    pairs = SegmentPairs(documents, tokenizer, 64)
    values = pairs.gather(torch.arange(len(pairs))).values
    rows, follows = pairs_of(values, tokenizer, 64)
    lengths = rows.mask.sum(1)[follows >= 0].float()
    assert rows.ids.shape[1] == 64
    assert lengths.mean() > 0.9 * 64  # less than 10 % is padding
    exchanged = follows[follows >= 0] == 0
    difference = lengths[exchanged].mean() - lengths[~exchanged].mean()
    assert abs(difference) < 4 * lengths.std() * (1 / exchanged.sum() + 1 / (~exchanged).sum()).sqrt()


@pytest.mark.parametrize(("length", "window"), [(10, 10), (128, 18)])  # 128 is the default, lowered to the encoder's
def test_pairs_fill_the_window_of_the_encoder_that_is_trained_further(model, length, window):
    further = BERT(encoder=model.encoder_, length=length, epochs=1, batch_size=8, progress=False).fit(TEXTS)
    batch = SegmentPairs(TEXTS, further.tokenizer_, window).gather(torch.arange(12))
    shown, hidden = further.split(batch)
    assert shown.ids.shape[1] == window
    assert (shown.mask.sum(1)[hidden.follows >= 0] >= window / 2).all()


def test_a_length_beyond_the_window_of_the_encoder_is_refused(model):
    with pytest.raises(UnlabeledError, match="window of 18 tokens; a length of 40 is beyond"):
        BERT(encoder=model.encoder_, length=40, epochs=1, progress=False).fit(TEXTS)


def test_with_a_single_document_nothing_is_exchanged(tokenizer):
    pairs = SegmentPairs(TEXTS[-1:], tokenizer, 13)
    values = pairs.gather(torch.arange(len(pairs))).values
    _, follows = pairs_of(values, tokenizer, 13)
    assert set(follows.tolist()) == {1, -1}


def test_pairs_stand_between_their_special_tokens(tokenizer):
    first, second = padded([[7, 8], [9]], 0), padded([[10], []], 0)
    values, follows = pairs_of(Segments(first, second, torch.tensor([0, 0])), tokenizer, 16)
    cls, sep = tokenizer.special_id("cls"), tokenizer.special_id("sep")
    assert values.ids[0].tolist() == [cls, 7, 8, sep, 10, sep]
    assert values.ids[1][values.mask[1]].tolist() == [cls, 9, sep]
    assert follows.tolist() == [1, -1]


@torch.no_grad()
def test_the_loss_is_that_of_the_chosen_tokens_and_of_the_order(model):
    network = model.network_.eval()
    values = padded([[2, 9, 8, 7, 3], [2, 5, 3]], 0)
    chosen = torch.zeros_like(values.mask)
    chosen[0, [1, 3]] = chosen[1, 1] = True
    shown = Tokens(torch.where(chosen, model.tokenizer_.special_id("mask"), values.ids), values.mask)
    found = float(model.loss(network, shown, Hidden(values.ids, chosen, torch.tensor([1, -1]))))
    vectors = network.encoder.features(shown).vectors
    scores = (network.head(vectors) @ network.encoder.word_embeddings.weight.T).log_softmax(-1)
    first = -(scores[0, 1, 9] + scores[0, 3, 7]) / 2
    second = -scores[1, 1, 5]
    order = -network.predictor(vectors[:1, 0]).log_softmax(-1)[0, 1]
    assert found == pytest.approx(float((first + second) / 2 + order / 2), rel=1e-5)


def test_the_gradient_of_parts_of_a_batch_is_that_of_the_whole(model):
    network = model.network_.eval()
    values = padded([[2, 9, 8, 7, 3], [2, 5, 3], [2, 6, 7, 3], [2, 8, 3]], 0)
    chosen = values.mask & (values.ids >= 7) | (values.ids == 5)

    def gradient(parts):
        network.zero_grad()
        for part in parts:
            y = Hidden(values.ids[part], chosen[part], torch.tensor([1, 0, -1, 1])[part])
            (model.loss(network, Tokens(values.ids[part], values.mask[part]), y) / len(parts)).backward()
        return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])

    assert torch.allclose(gradient([slice(0, 4)]), gradient([slice(0, 2), slice(2, 4)]), atol=1e-6)
    network.zero_grad()


def test_without_next_sentence_windows_are_read(model):
    plain = BERT(**TINY, epochs=1, next_sentence=False).fit(TEXTS)
    assert set(plain.figures(TEXTS)) == {"masked_accuracy", "unigram_accuracy"}
    assert plain.transform(TEXTS[:2]).shape == (2, 32)


def test_figures_are_shares(model):
    figures = model.figures(TEXTS)
    assert all(0 <= value <= 1 for value in figures.values())
    assert figures == model.figures(TEXTS)
    assert model.score(TEXTS) == figures["masked_accuracy"]


def test_filling_in_names_probable_tokens(model):
    found = model.fill("the [MASK] barks", k=4)
    assert len(found) == 4
    assert [p for _, p in found] == sorted((p for _, p in found), reverse=True)
    assert not {token for token, _ in found} & {"[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]"}
    assert [len(row) for row in model.fill("[MASK] dog [MASK]", k=2)] == [2, 2]
    with pytest.raises(UnlabeledError, match=r"write \[MASK\]"):
        model.fill("nothing to fill")
    everything = model.fill("the [MASK]", k=10**6)
    assert len(everything) == len(model.tokenizer_) - 5
    assert sum(p for _, p in everything) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "k", "told"),
    [(None, 1, r"write \[MASK\]"), (["[MASK]"], 1, "where a text belongs"), ("[MASK]", 0, "k"), ("[MASK]", 1.5, "k")],
)
def test_what_cannot_be_filled_is_refused(model, text, k, told):
    with pytest.raises(UnlabeledError, match=told):
        model.fill(text, k)


@pytest.mark.parametrize("share", [0, -1, 2])
def test_a_share_of_the_tokens_is_hidden(share):
    with pytest.raises(UnlabeledError, match="mask_share is a share"):
        BERT(**TINY, mask_share=share).fit(TEXTS)


def test_a_mask_far_inside_a_long_text_is_filled_from_what_is_around_it(model):
    far = "the street is wet and so is the cat " * 20
    around = model.fill(f"{far} the dog [MASK] at the cat {far}", k=3)
    assert len(around) == 3
    nearer = model.fill(f"{far * 2} the dog [MASK] at the cat {far * 3}", k=3)
    assert [token for token, _ in nearer] == [token for token, _ in around]
    assert [p for _, p in nearer] == pytest.approx([p for _, p in around], abs=1e-6)


def test_a_tokenizer_without_a_mask_is_refused(tmp_path, tokenizer):
    without = SubwordTokenizer(tokenizer.backend, {k: v for k, v in tokenizer.special.items() if k != "mask"})
    without.save(tmp_path, 32)
    with pytest.raises(UnlabeledError, match="needs a tokenizer with a 'mask' token"):
        BERT(**TINY, tokenizer=str(tmp_path)).fit(TEXTS)


def test_where_nothing_can_be_exchanged_no_order_is_measured(model):
    alone = TEXTS[-1:]
    assert set(model.figures(alone)) == {"masked_accuracy", "unigram_accuracy"}
    assert "order_accuracy" in model.figures(TEXTS)


@pytest.mark.parametrize("method", [BERT, NoisyTextRestoration])
def test_an_encoder_that_cannot_score_tokens_is_refused_before_training(method, monkeypatch):
    monkeypatch.setattr("unlabeled.training.bases.self_supervised.train", None)
    with pytest.raises(UnlabeledError, match=r"'lstm'\) have 512 and 256 numbers"):
        method(encoder="lstm", epochs=1, progress=False).fit(TEXTS)


def test_texts_with_nothing_to_order_are_remarked_on(tmp_path):
    said = []
    for name, texts in (("lines", ["The dog barks.", "It rains."] * 4), ("documents", TEXTS)):
        model = BERT(**TINY, epochs=1, vocabulary=120)
        (tmp_path / f"{name}.txt").write_text("\n".join(text for text in texts if text))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            learn(tmp_path / f"{name}.txt", tmp_path / name, model, judging=False, say=said.append)
    assert [sentence for sentence in said if "has nothing to order" in sentence] == [NOTHING_TO_ORDER]
    plain = []
    model = BERT(**TINY, epochs=1, vocabulary=120, next_sentence=False)
    learn(tmp_path / "lines.txt", tmp_path / "plain", model, judging=False, say=plain.append)
    assert NOTHING_TO_ORDER not in plain


@pytest.mark.parametrize(("name", "given"), [("fill", "the [MASK] barks"), ("score", TEXTS), ("figures", TEXTS)])
def test_all_of_the_network_is_where_the_method_computes(model, name, given, tmp_path, monkeypatch):
    model.save(tmp_path / "bert")
    loaded, places = BERT.load(tmp_path / "bert"), set()
    loaded.encoder_.to("meta")  # which stands for a GPU, to which `transform` moves the encoder alone
    monkeypatch.setattr("unlabeled.training.inference.choose_device", lambda name: torch.device("meta"))
    hidden = torch.zeros(0, dtype=torch.int64)
    monkeypatch.setattr(BERT, "split", lambda self, batch: (batch.values.first, Hidden(hidden, hidden, hidden)))

    def features(values):
        places.update(tensor.device.type for tensor in (*loaded.network_.parameters(), *values))
        raise InterruptedError  # of tensors on "meta" nothing can be read

    monkeypatch.setattr(loaded.encoder_, "features", features)
    with pytest.raises(InterruptedError):
        getattr(loaded, name)(given)
    assert places == {"meta"}
