import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from unlabeled import GPT, Rotation, SimCSE
from unlabeled.data.text.texts import Texts
from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.encoders import load_encoder, make_encoder, save_encoder
from unlabeled.encoders.text.transformer import Transformer
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import Preprocessing, Settings, modality, open_instances, open_source

TEXTS = ["the dog barks", "the cat runs away", "it rains", ""]


@pytest.fixture(scope="module")
def encoder():
    _, preprocessing = open_instances(TEXTS)
    torch.manual_seed(0)
    return Transformer(preprocessing, dim=16, layers=1, heads=2).eval()


def test_texts_are_told_from_images_and_numbers(tmp_path):
    (tmp_path / "a.txt").write_text("a text\n")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a text\n")
    pd.DataFrame({"text": ["a"], "n": [1]}).to_csv(tmp_path / "t.csv", index=False)
    pd.DataFrame({"Premise": ["a"], "Hypothesis": ["b"]}).to_csv(tmp_path / "p.tsv", index=False, sep="\t")
    pd.DataFrame({"sentence": ["a"]}).to_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.jsonl").write_text('{"text": "a"}\n')
    paths = [tmp_path / n for n in ("a.txt", "texts", "t.csv", "p.tsv", "t.parquet", "t.jsonl")]
    for source in [*paths, ["a text"], pd.Series(["a"]), np.array(["a"]), [("a", "b")], pd.DataFrame({"text": ["a"]})]:
        assert isinstance(open_source(source), Texts), source
    pd.DataFrame({"x": [1.0], "y": [2.0]}).to_csv(tmp_path / "v.csv", index=False)
    assert open_source(tmp_path / "v.csv").kind == "vector"
    assert open_source([[1.0, 2.0]]).kind == "vector"


def test_a_method_for_texts_reads_any_table_as_texts(tmp_path):
    pd.DataFrame({"heading": ["a", "b"], "body_of_it": ["c", "d"]}).to_csv(tmp_path / "t.csv", index=False)
    assert open_source(tmp_path / "t.csv", GPT(column="body_of_it")).texts == ["c", "d"]
    with pytest.raises(UnlabeledError, match="not clear which column"):
        GPT().fit(str(tmp_path / "t.csv"))
    with pytest.raises(UnlabeledError, match="did you mean 'heading'"):
        GPT(column="headin").fit(str(tmp_path / "t.csv"))


def test_other_methods_refuse_texts_by_name():
    with pytest.raises(UnlabeledError, match="Rotation is for image data, not texts"):
        Rotation(progress=False).fit(TEXTS)


def test_numbers_where_texts_belong_are_refused():
    with pytest.raises(UnlabeledError, match=r"holds 1\.0 in row 0, where a text belongs"):
        GPT(progress=False).fit([1.0, 2.0])


def test_the_preprocessing_survives_json(encoder):
    again = Preprocessing.from_dict(json.loads(json.dumps(encoder.preprocessing.to_dict())))
    assert again == encoder.preprocessing


def test_an_encoder_of_texts_is_saved_and_loaded(encoder, tmp_path):
    save_encoder(encoder, tmp_path / "e")
    loaded = load_encoder(tmp_path / "e")
    values = open_instances(TEXTS, preprocessing=loaded.preprocessing)[0].gather(torch.arange(4)).values
    with torch.no_grad():
        assert torch.equal(loaded(values), encoder(values))
    assert {path.name for path in (tmp_path / "e").iterdir()} >= {
        "config.json",
        "encoder.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }


def test_an_encoder_brings_its_tokenizer(encoder, tmp_path):
    save_encoder(encoder, tmp_path / "e")
    for given in (encoder, str(tmp_path / "e")):
        model = SimCSE(encoder=given, epochs=1, progress=False).fit(["other words", "than before"] * 2)
        assert model.tokenizer_ == encoder.preprocessing.tokenizer


def test_a_tokenizer_beside_an_encoder_that_brings_one_is_refused(encoder):
    with pytest.raises(UnlabeledError, match="brings its own tokenizer; leave out tokenizer='bpe'"):
        SimCSE(encoder=encoder, tokenizer="bpe", epochs=1, progress=False).fit(["other words", "than before"] * 2)


@pytest.mark.parametrize("source", ["transformers", "transformers:"])
def test_a_transformer_of_the_library_needs_a_name(source, encoder):
    with pytest.raises(UnlabeledError, match="write which model"):
        make_encoder(source, encoder.preprocessing)


def test_a_folder_of_the_library_is_an_encoder_by_name(encoder, tmp_path):
    save_encoder(encoder, tmp_path / "e")
    (tmp_path / "e" / "encoder.json").unlink()
    model = SimCSE(encoder=f"transformers:{tmp_path / 'e'}", length=12, epochs=1, learning_rate=1e-9, progress=False)
    model.fit(TEXTS)
    assert isinstance(model.encoder_, Transformer)
    values = open_instances(TEXTS, preprocessing=encoder.preprocessing)[0].gather(torch.arange(4)).values
    with torch.no_grad():
        assert model.transform(TEXTS) == pytest.approx(encoder(values).numpy(), abs=1e-5)


def test_texts_cut_by_another_tokenizer_are_refused(encoder):
    other = Texts(["quite other words"]).tokenize(Texts(["quite other words"]).train_tokenizer("wordpiece", 50), 16)
    with pytest.raises(UnlabeledError, match="another tokenizer"):
        open_instances(other, preprocessing=encoder.preprocessing)


def test_the_baseline_and_the_excerpt():
    instances, _ = open_instances([*TEXTS, "word " * 100])
    kind = modality("text")
    vectors = kind.baseline(instances, np.arange(5))
    assert vectors.shape[0] == 5
    assert (vectors[3] == 0).all()
    assert kind.describe(open_source(TEXTS), 1) == "the cat runs away"
    assert len(kind.describe(open_source(["word " * 100]), 0)) <= 200
    assert kind.baseline(open_instances(["!", "?"])[0], np.arange(2)).shape == (2, 1)


def test_the_baseline_knows_words_of_every_script():
    texts = ["हिन्दी भाषा", "我喜欢你"]
    vectors = modality("text").baseline(open_instances(texts)[0], np.arange(2))
    assert (vectors > 0).sum(1).tolist() == [2, 3]  # two words, and three pairs of characters


def test_the_column_is_that_of_tables_and_a_text_needs_none(tmp_path):
    (tmp_path / "t.csv").write_text("title,body\nx,the dog barks\ny,the cat runs\n")
    model = SimCSE(column="body", dim=16, layers=1, heads=2, length=12, epochs=1, progress=False)
    model.fit(tmp_path / "t.csv")
    expected = model.transform(["the dog barks", "the cat runs"])
    assert model.transform(tmp_path / "t.csv") == pytest.approx(expected, abs=1e-5)
    with pytest.raises(UnlabeledError, match="is for tables"):
        model.fit(["the dog barks", "the cat runs"])


def test_the_unit_is_that_of_text_files_and_a_list_needs_none(tmp_path):
    (tmp_path / "t.txt").write_text("the dog\nbarks\n\nthe cat runs\n")
    model = SimCSE(unit="paragraph", dim=16, layers=1, heads=2, length=12, epochs=1, progress=False)
    model.fit(tmp_path / "t.txt")
    expected = model.transform(["the dog\nbarks", "the cat runs"])
    assert model.transform(tmp_path / "t.txt") == pytest.approx(expected, abs=1e-5)


def test_embedding_goes_by_length_and_gives_the_rows_in_order(encoder):
    from unlabeled.encoders import embed

    texts = ["the " * n for n in (3, 30, 1, 20, 2, 25)]
    instances, _ = open_instances(texts, preprocessing=encoder.preprocessing)
    together = embed(encoder, instances, batch_size=2)
    alone = [embed(encoder, open_instances([text], preprocessing=encoder.preprocessing)[0])[0] for text in texts]
    assert together == pytest.approx(np.stack(alone), abs=1e-5)


def test_a_path_with_a_name_of_texts_is_not_a_text(tmp_path):
    with pytest.raises(UnlabeledError, match="does not exist"):
        GPT(progress=False).fit(str(Path(tmp_path) / "nothing.txt"))


def test_vectors_in_bfloat16_are_near_and_not_the_same(encoder):
    from unlabeled.encoders import embed

    instances, _ = open_instances(TEXTS, preprocessing=encoder.preprocessing)
    exact, half = embed(encoder, instances), embed(encoder, instances, precision="bf16")
    assert half.dtype == np.float32
    assert not np.array_equal(exact, half)
    assert half == pytest.approx(exact, abs=0.05)


def test_a_damaged_description_is_shown_in_part(encoder):
    described = encoder.preprocessing.to_dict() | {"length": -1}
    with pytest.raises(UnlabeledError, match=r"length of -1 tokens") as refused:
        Preprocessing.from_dict(described)
    assert len(str(refused.value)) < 400 < len(str(described))


def test_a_table_of_texts_is_known_by_its_columns(tmp_path):
    for name, content in (("s.csv", "text;label\na dog, a cat;x\n"), ("q.csv", '"label, old",Text\nx,a dog\n')):
        (tmp_path / name).write_text(content)
        assert open_source(tmp_path / name).kind == "text"
    frame = pd.DataFrame({"text": pd.Categorical(["a dog", "a cat"]), "n": [1, 2]})
    frame.to_parquet(tmp_path / "c.parquet")
    assert open_source(tmp_path / "c.parquet").texts == ["a dog", "a cat"]


def test_a_run_as_an_encoder_brings_its_tokenizer(encoder, tmp_path):
    save_encoder(encoder, tmp_path / "run" / "model")
    (tmp_path / "run" / "run.json").write_text("{}")
    words = ["other words", "than before"] * 2
    model = SimCSE(encoder=str(tmp_path / "run"), length=128, epochs=1, progress=False, learning_rate=1e-9).fit(words)
    assert model.tokenizer_ == model.encoder_.preprocessing.tokenizer == encoder.preprocessing.tokenizer
    with pytest.raises(UnlabeledError, match="brings its own tokenizer"):
        SimCSE(encoder=str(tmp_path / "run"), tokenizer="bpe", epochs=1, progress=False).fit(words)


def test_an_encoder_of_another_tokenizer_is_refused(encoder, tmp_path):
    save_encoder(encoder, tmp_path / "e")
    _, other = open_instances(["quite other words"])
    for given in (encoder, str(tmp_path / "e")):
        with pytest.raises(UnlabeledError, match="cut by another tokenizer than that of the"):
            make_encoder(given, other)


@pytest.mark.parametrize("named", [False, True])
def test_texts_are_cut_at_the_length_that_is_asked_for(encoder, named, tmp_path):
    save_encoder(encoder, tmp_path / "e")
    given = str(tmp_path / "e") if named else encoder
    settings = {"epochs": 1, "progress": False, "learning_rate": 1e-9, "random_state": 0}
    model = SimCSE(encoder=given, length=8, **settings).fit(TEXTS)
    assert model.encoder_.preprocessing.length == 8
    assert model.encoder_.length == encoder.preprocessing.length == 128  # the network has as many positions as before
    long = ["the dog barks the dog barks the dog barks", "the dog barks the dog barks the cat runs"]
    first, second = model.transform(long)
    assert first == pytest.approx(second, abs=1e-6)
    with pytest.raises(UnlabeledError, match="window of 128 tokens; a length of 200 is beyond"):
        SimCSE(encoder=given, length=200, **settings).fit(TEXTS)


def test_the_default_length_is_lowered_to_the_window_of_an_encoder(tmp_path):
    _, preprocessing = open_instances(TEXTS, GPT(length=16))
    small = Transformer(preprocessing, dim=16, layers=1, heads=2)
    model = SimCSE(encoder=small, epochs=1, progress=False).fit(TEXTS)
    assert model.encoder_.preprocessing.length == 16


def test_without_a_length_an_encoder_keeps_its_own_though_it_has_more_positions():
    _, preprocessing = open_instances(TEXTS, GPT(length=16))
    roomy = Transformer(preprocessing, dim=16, layers=1, heads=2, length=32)
    assert open_instances(TEXTS, Settings(encoder=roomy))[1].length == 16
    assert open_instances(TEXTS, SimCSE(encoder=roomy, length=30))[1].length == 30


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA])
def test_the_first_text_may_be_missing(missing):
    for source in ([missing, "a"], (missing, "a"), pd.Series([missing, "a"]), np.array([missing, "a"], dtype=object)):
        assert open_source(source).texts == ["", "a"]
    assert open_source([(None, "a"), ("b", "c")], GPT()).columns == (["", "b"], ["a", "c"])


@pytest.mark.parametrize("missing", [None, "one"])
def test_a_row_that_is_missing_among_pairs_is_named(missing):
    with pytest.raises(UnlabeledError, match=f"row 0 of the list is {missing!r}, not 2 texts as others are|row 1"):
        GPT(progress=False).fit([missing, ("a", "b")])


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ((text for text in TEXTS), "texts come as a path, a list of strings, .* not as the generator"),
        ({"u": ["a"], "v": ["b"]}, "not clear which column of the dict holds the texts"),
        ((["a"] * 5, ["b"] * 6), r"rows of 5 values; of columns, give their rows: list\(zip\(first, second\)\)"),
        ((["a"] * 5, ["b"] * 5), "rows of 5 values; of columns"),
        ((1, 2), "holds 1 in row 0, where a text belongs"),
    ],
    ids=["generator", "dict", "columns", "equal columns", "numbers"],
)
def test_what_a_method_of_texts_cannot_read_is_told_in_words_about_texts(source, says):
    with pytest.raises(UnlabeledError, match=says):
        GPT(progress=False).fit(source)


def test_an_encoder_of_texts_says_that_it_is_for_texts(encoder):
    for source, says in ((iter(TEXTS), "not as the list_iterator"), ({"u": ["a"], "v": ["b"]}, "not clear which")):
        with pytest.raises(UnlabeledError, match=says):
            open_instances(source, preprocessing=encoder.preprocessing)


def test_a_mapping_of_columns_is_a_table():
    assert open_source({"text": TEXTS, "label": list("abab")}, GPT()).texts == TEXTS


@pytest.mark.parametrize("name", ["wordpeice", "bpee", "character"])
def test_a_misspelt_tokenizer_is_not_looked_for_on_the_network(monkeypatch, name):
    def asked(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(SubwordTokenizer, "from_folder", asked)
    with pytest.raises(UnlabeledError, match=f"unknown tokenizer '{name}'; did you mean"):
        GPT(tokenizer=name, progress=False).fit(TEXTS)
    for other in ("gpt2", "bert-base-uncased", "someone/wordpiece"):
        with pytest.raises(UnlabeledError, match="the network was asked"):
            GPT(tokenizer=other, progress=False).fit(TEXTS)
