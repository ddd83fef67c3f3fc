import pytest

import unlabeled
from unlabeled import registry
from unlabeled.errors import UnlabeledError
from unlabeled.methods.contrastive.simclr import SimCLR
from unlabeled.modalities import modalities


def test_methods_are_found_by_their_files():
    found = registry.methods()
    assert found["simclr"] is SimCLR
    assert {"autoencoder", "rotation", "byol"} <= found.keys()


@pytest.mark.parametrize("name", ["simclr", "SimCLR", "SIM-CLR", "sim_clr"])
def test_a_name_is_found_in_any_spelling(name):
    assert registry.method(name) is SimCLR


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UnlabeledError, match="did you mean 'byol'"):
        registry.method("boyl")


def test_a_card_is_read_off_the_class():
    card = registry.card(SimCLR)
    assert (card.name, card.class_name, card.principle) == ("simclr", "SimCLR", "contrastive")
    assert card.modalities[:2] == ("image", "vector")
    assert card.paper.startswith("Chen, Kornblith")
    options = {option.name: option for option in card.options}
    assert options["temperature"].default == 0.5
    assert "τ" in options["temperature"].doc
    assert not options["temperature"].common
    assert options["epochs"].common
    assert options["views"].doc


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("simclr", ("image", "vector", "text", "video")),
        ("sup_con", ("image", "vector", "text", "video")),
        ("siamese_network", ("image", "vector", "pair", "text", "video")),
        ("triplet_network", ("image", "vector", "text", "video")),
        ("fix_match", ("image", "text", "video")),
        ("mix_match", ("image", "video")),
        ("rotation", ("image",)),
        ("frame_order", ("video",)),
        ("skip_gram", ("text",)),
        ("k_means", ("vector",)),
    ],
)
def test_a_card_lists_all_the_kinds_of_data_that_a_method_takes(name, kinds):
    toys = set(modalities()) - {"image", "pair", "text", "vector", "video"}  # of other tests in this process
    listed = [kind for kind in registry.card(registry.method(name)).modalities if kind not in toys]
    assert [kind for kind in listed if kind != "pair" or "pair" in kinds] == list(kinds)


def test_the_package_gives_every_method_by_its_name():
    for cls in registry.methods().values():
        assert getattr(unlabeled, cls.__name__) is cls
        assert cls.__name__ in dir(unlabeled)
    assert unlabeled.Images.__name__ == "Images"
    assert unlabeled.Run.__name__ == "Run"


@pytest.mark.parametrize("name", ["Nothing", "_hidden", "simclr"])
def test_what_is_not_there_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=name):
        getattr(unlabeled, name)


def test_loading_from_a_folder_that_holds_no_model_is_refused(tmp_path):
    with pytest.raises(UnlabeledError, match="holds no saved estimator"):
        unlabeled.load(tmp_path)


def test_methods_are_found_by_their_other_names_and_brought_by_a_star():
    assert registry.method("LDA").__name__ == "LatentDirichletAllocation"
    assert registry.method("k-means").__name__ == "KMeans"
    assert registry.method("TSDAE").__name__ == "NoisyTextRestoration"
    assert registry.method("mae").__name__ == "MaskedAutoencoder"
    assert {registry.method(name) for name in registry.ALIASES} <= set(registry.methods().values())
    names: dict[str, object] = {}
    exec("from unlabeled import *", names)
    assert names["KMeans"] is unlabeled.KMeans
    assert {cls.__name__ for cls in registry.methods().values()} <= names.keys()


def test_a_model_whose_card_is_damaged_is_refused(tmp_path):
    for content in ("{}", "[]", "3", '{"method": 5}', '{"method": "k_means"}'):
        (tmp_path / "model.json").write_text(content)
        with pytest.raises(UnlabeledError):
            unlabeled.load(tmp_path)


def test_every_method_says_its_principle_which_is_not_always_its_folder():
    cards = [registry.card(cls) for cls in registry.methods().values()]
    assert [card.name for card in cards if not card.principle] == []
    principles = {card.name: card.principle for card in cards}
    assert principles["gpt"] == principles["masked_autoencoder"] == "generative"
    assert principles["clip"] == principles["simclr"] == "contrastive"


def test_every_setting_of_a_method_has_a_meaning_in_its_docstring():
    without = [(name, o.name) for name, cls in registry.methods().items() for o in registry.options(cls) if not o.doc]
    assert without == []


@pytest.mark.parametrize("path", [None, 3, ["run"]])
def test_what_is_no_path_is_told(path):
    with pytest.raises(UnlabeledError, match="what is saved is loaded from a path, not from"):
        unlabeled.load(path)


def test_without_a_path_python_says_what_is_missing():
    for loads in (unlabeled.load, SimCLR.load):
        with pytest.raises(TypeError, match="missing 1 required positional argument"):
            loads()
