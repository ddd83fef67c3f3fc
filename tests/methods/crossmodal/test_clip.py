from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unlabeled import CLIP, load
from unlabeled.data.pairs import ImageTexts
from unlabeled.encoders import load_encoder, save_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.methods.crossmodal.clip import _shares_of_negatives
from unlabeled.views import Compose

COLOURS = {"red": (250, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 250), "yellow": (240, 240, 20)}
pytestmark = pytest.mark.filterwarnings("ignore:the loss is")  # two epochs of a test are not enough

PLAIN = {"epochs": 2, "batch_size": 16, "random_state": 0, "progress": False}


def coloured(n: int = 64, seed: int = 0) -> tuple[list[tuple[np.ndarray, str]], list[str]]:
    """Noisy squares, and captions that name their colour in one of several ways."""
    random = np.random.default_rng(seed)
    ways = ["a {} square", "something {}", "this is {}", "{} all over"]
    names = [list(COLOURS)[i % 4] for i in range(n)]
    pairs = []
    for name in names:
        noise = random.integers(-20, 20, (8, 8, 3))
        image = np.clip(np.array(COLOURS[name]) + noise, 0, 255).astype(np.uint8)
        pairs.append((image, ways[random.integers(4)].format(name)))
    return pairs, names


@pytest.fixture(scope="module")
def model():
    return CLIP(epochs=30, batch_size=16, learning_rate=2e-3, random_state=0, progress=False).fit(coloured()[0])


def test_images_and_captions_of_a_colour_meet(model):
    pairs, names = coloured(40, seed=1)
    images = [image for image, _ in pairs]
    classifier = model.zero_shot(list(COLOURS), ["a {} square", "something {}"])
    assert classifier.score(images, names) > 0.9
    probabilities = classifier.predict_proba(images)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    vectors = model.transform(images)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(model.transform(pairs), vectors, atol=1e-6)  # of a pair it is the image's
    single = model.zero_shot(list(COLOURS), ["a {} square"]).vectors_
    np.testing.assert_allclose(single, model.transform([f"a {name} square" for name in COLOURS]), atol=1e-5)


def test_it_is_saved_whole(model, tmp_path):
    pairs, _ = coloured(8, seed=2)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    for what in ([image for image, _ in pairs], [text for _, text in pairs], pairs):
        np.testing.assert_array_equal(again.transform(what), model.transform(what))
    assert again.scale_ == model.scale_
    save_encoder(model.encoder_, tmp_path / "encoder")
    assert load_encoder(tmp_path / "encoder").dim == 128


def test_a_text_does_not_depend_on_the_texts_beside_it(model):
    long = "a red square " * 40
    texts = ["red", long, "日本語 текст", "🙂"]
    together = model.transform(texts)
    np.testing.assert_allclose(together, np.concatenate([model.transform([text]) for text in texts]), atol=1e-5)


@pytest.mark.parametrize("objective", ["softmax", "sigmoid"])
def test_chunks_give_the_gradients_of_the_whole_batch(objective):
    pairs, _ = coloured(16)
    torch.manual_seed(0)
    model = CLIP(objective=objective, **PLAIN).fit(pairs)
    from unlabeled.modalities import open_instances

    instances, preprocessing = open_instances(pairs, model, model.encoder_.preprocessing)
    batch = instances.gather(torch.arange(16)).map(preprocessing.canonical)
    values = batch.values
    gradients = []
    for chunk in (None, 5):
        model.chunk = chunk
        model.network_.zero_grad()
        loss = model.loss(model.network_, values.image, (values.text, (values.picture, values.caption)))
        loss.backward()
        gradients.append([p.grad.clone() for p in model.network_.parameters() if p.grad is not None])
    assert len(gradients[0]) == len(gradients[1]) > 20
    for whole, parts in zip(*gradients, strict=True):
        torch.testing.assert_close(whole, parts, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("half", ["image", "text"])
def test_a_frozen_tower_stays_as_it_was(model, half, tmp_path):
    tower = getattr(model.encoder_, half)
    options = {"encoder" if half == "image" else "text_encoder": tower}
    before = {key: value.clone() for key, value in tower.state_dict().items()}
    locked = CLIP(frozen=half, **options, **PLAIN).fit(coloured()[0])
    for key, value in getattr(locked.encoder_, half).state_dict().items():
        assert torch.equal(value, before[key]), key
    other = "text" if half == "image" else "image"
    start = CLIP(frozen=half, **options, **{**PLAIN, "learning_rate": 1e-12}).fit(coloured()[0])
    moved = zip(getattr(locked.encoder_, other).parameters(), getattr(start.encoder_, other).parameters(), strict=True)
    assert any((a - b).abs().max() > 1e-4 for a, b in moved)


def test_equal_captions_are_no_negatives_and_are_announced():
    pairs = [(image, "always the same") for image, _ in coloured(16)[0]]
    with pytest.warns(UserWarning, match="all 16 captions are the same"):
        model = CLIP(**PLAIN).fit(pairs)
    losses = [entry["loss"] for entry in model.history_ if "loss" in entry]
    assert max(losses) < 1e-5


@pytest.mark.parametrize(
    ("captions", "guessing"),
    [(32, math.log(16)), (4, math.log(1 + 15 * 24 / 31))],
)
def test_a_loss_that_stays_at_that_of_guessing_is_announced(captions, guessing):
    pairs = [(image, f"words {i % captions}") for i, (image, _) in enumerate(coloured(32)[0])]
    with pytest.warns(UserWarning, match=rf"near {guessing:.2f}, that of guessing".replace(".", r"\.")):
        CLIP(**{**PLAIN, "learning_rate": 1e-9}).fit(pairs)


def test_negatives_share_neither_image_nor_caption():
    pictures, captions = np.random.default_rng(0).integers(0, 4, (2, 20))
    found = _shares_of_negatives(pictures, captions)
    for i in range(20):
        others = [pictures[j] != pictures[i] and captions[j] != captions[i] for j in range(20) if j != i]
        assert found[i] == pytest.approx(np.mean(others))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "hinge"}, "objective"),
        ({"frozen": "both"}, "frozen"),
        ({"dim": 0}, "dim must be a whole number of at least 1"),
        ({"encoder": "mlp:3"}, "mlp"),
        ({"text_encoder": "conv"}, "is for images"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options, message):
    with pytest.raises(UnlabeledError, match=message):
        CLIP(**{**PLAIN, **options}).fit(coloured(8)[0])


def test_data_that_make_no_pairs_are_refused(model):
    with pytest.raises(UnlabeledError, match="at least 2 instances"):
        CLIP(**PLAIN).fit(coloured(1)[0])
    with pytest.raises(UnlabeledError, match="both an image and a text"):
        CLIP(**PLAIN).fit(ImageTexts.of_texts(["a", "b"]))
    with pytest.raises(UnlabeledError, match=r"for pair data|is no pair|not ndarray"):
        CLIP(**PLAIN).fit(np.zeros((8, 8, 8, 3), np.uint8))
    for names, templates, message in (
        (["cat"], ["{}"], "two or more"),
        (["cat", "cat"], ["{}"], "different names"),
        (["cat", "dog"], ["a cat"], "for the name"),
    ):
        with pytest.raises(UnlabeledError, match=message):
            model.zero_shot(names, templates)


@pytest.mark.parametrize("half", ["image", "text"])
def test_a_frozen_tower_encodes_once_and_the_steps_are_the_same(model, half, monkeypatch):
    """What is learnt from vectors that were computed once is what is learnt when they are computed in every step."""
    pairs, _ = coloured(24)
    tower = getattr(model.encoder_, half)
    options = {"encoder" if half == "image" else "text_encoder": tower, "precision": "float32"}
    rows = []
    original = type(tower).forward

    def counted(self, values):
        found = original(self, values)
        rows.append(len(found))
        return found

    monkeypatch.setattr(type(tower), "forward", counted)
    always = CLIP(frozen=half, **options, views=Compose([]), **PLAIN)
    always.training_instances = lambda instances: instances  # as if nothing were computed ahead
    always.fit(pairs)
    rows.clear()
    views = {} if half == "image" else {"views": Compose([])}  # images of a frozen tower are not distorted by default
    once = CLIP(frozen=half, **options, **views, **PLAIN).fit(pairs)
    own = getattr(once.encoder_, f"{half}_projection").weight
    torch.testing.assert_close(own, getattr(always.encoder_, f"{half}_projection").weight, rtol=1e-3, atol=1e-5)
    if half == "text":
        assert sum(rows) == 24


def test_a_pretrained_text_tower_is_frozen(tmp_path):
    """As in LiT: a text tower of transformers, made from a configuration and saved, is met by the image tower."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = sorted({word for _, text in coloured()[0] for word in text.split()})
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    tokenizer = BertTokenizerFast(vocab=str(tmp_path / "vocab.txt"))
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    body = BertModel(BertConfig(vocab_size=len(tokenizer), max_position_embeddings=40, **sizes)).eval()
    body.save_pretrained(tmp_path / "tower")
    tokenizer.save_pretrained(tmp_path / "tower")
    pairs, _ = coloured()
    locked = CLIP(
        text_encoder=f"transformers:{tmp_path / 'tower'}",
        frozen="text",
        epochs=30,
        batch_size=16,
        learning_rate=3e-3,
        random_state=0,
        progress=False,
    ).fit(pairs)
    encoded = tokenizer(["a red square", "blue all over"], padding=True, return_tensors="pt")
    with torch.no_grad():
        states, mask = body(**encoded).last_hidden_state, encoded["attention_mask"].unsqueeze(-1)
        vectors = (states * mask).sum(1) / mask.sum(1) @ locked.encoder_.text_projection.weight.T
    expected = torch.nn.functional.normalize(vectors, dim=1).numpy()
    np.testing.assert_allclose(locked.transform(["a red square", "blue all over"]), expected, atol=1e-5)
    others, names = coloured(40, seed=1)
    assert locked.zero_shot(list(COLOURS), ["a {} square"]).score([image for image, _ in others], names) > 0.9
