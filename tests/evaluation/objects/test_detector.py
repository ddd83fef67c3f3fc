"""The detector: geometry that is exact, learning of what is easy to see, and what it keeps and refuses."""

from __future__ import annotations

import copy
import json
import re
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from unlabeled.data import VOC
from unlabeled.data.image.objects import Objects
from unlabeled.encoders import Conv
from unlabeled.encoders.image.timm import Timm
from unlabeled.encoders.image.vit import ViT
from unlabeled.errors import DivergenceError, UnlabeledError
from unlabeled.evaluation.objects import detector
from unlabeled.evaluation.objects.detection import detection
from unlabeled.evaluation.objects.detector import Detector
from unlabeled.evaluation.objects.region_head import all_anchors, decoded, encoded, sampled
from unlabeled.methods.crossmodal.clip import CLIP
from unlabeled.modalities.image import ImagePreprocessing

pytest.importorskip("torchvision", reason="torchvision is not installed")


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """Pictures of 96 × 64 pixels, each with one red and one blue square on grey noise."""
    folder = tmp_path_factory.mktemp("voc")
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(40):
        picture = rng.integers(100, 130, (64, 96, 3), dtype=np.uint8)
        marked = ""
        for place, (name, shade) in enumerate({"red": (230, 20, 20), "blue": (20, 20, 230)}.items()):
            side = int(rng.integers(24, 36))
            x, y = int(rng.integers(0, 48 - side)) + 48 * place, int(rng.integers(0, 64 - side))
            picture[y : y + side, x : x + side] = shade
            box = f"<xmin>{x + 1}</xmin><ymin>{y + 1}</ymin><xmax>{x + side}</xmax><ymax>{y + side}</ymax>"
            marked += f"<object><name>{name}</name><bndbox>{box}</bndbox></object>"
        Image.fromarray(picture).save(folder / f"JPEGImages/{number}.png")
        (folder / f"Annotations/{number}.xml").write_text(f"<annotation>{marked}</annotation>")
    for name, numbers in (("train", range(32)), ("test", range(32, 40))):
        (folder / f"ImageSets/Main/{name}.txt").write_text("\n".join(map(str, numbers)))
    return folder


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return Conv(ImagePreprocessing(64), width=8, halvings=2)


@pytest.fixture(scope="module")
def model(squares, encoder):
    return detection(encoder, squares, split="train", epochs=16, random_state=0, learning_rate=3e-3)


def test_coloured_squares_are_found_and_named_on_pictures_not_learnt_from(model, squares):
    test = VOC(squares, "test")
    assert model.classes_ == ["blue", "red"]
    assert model.evaluate(test).mean > 0.8
    assert model.evaluate(test, "coco").mean > 0.3
    assert model.history_[-1]["loss"] < model.history_[0]["loss"] / 2


def test_a_learning_rate_that_is_too_high_is_named(squares, encoder):
    with pytest.raises(DivergenceError, match=r"epoch 1.*lower the learning rate"):
        detection(encoder, squares, split="train", epochs=2, random_state=0, learning_rate=1e30)


def test_single_precision_is_enough_for_the_device(model, squares, device_without_double):
    assert len(model.predict(VOC(squares, "test"))) == len(VOC(squares, "test"))


def test_boxes_are_in_the_pictures_own_pixels(model, squares):
    data = VOC(squares, "test")
    for found in model.predict(data):
        assert (found.boxes >= 0).all()
        assert (found.boxes[:, [0, 2]] <= 96).all()
        assert (found.boxes[:, [1, 3]] <= 64).all()
        assert (np.diff(found.scores) <= 0).all()


def test_an_untrained_head_is_worse(squares, encoder, model):
    weak = detection(encoder, squares, split="train", epochs=1, learning_rate=1e-9, random_state=0)
    assert weak.evaluate(VOC(squares, "test")).mean < 0.3


def test_what_is_saved_finds_the_same(model, squares, tmp_path):
    named = copy.copy(model).set_params(random_state=np.int64(model.random_state), device=torch.device("cpu"))
    named.save(tmp_path / "detector")
    again = Detector.load(tmp_path / "detector")
    assert (again.random_state, again.device) == (model.random_state, "cpu")
    data = VOC(squares, "test")
    for one, other in zip(model.predict(data), again.predict(data), strict=True):
        assert one.labels.tolist() == other.labels.tolist()
        assert np.array_equal(one.boxes, other.boxes)
    about = json.loads((tmp_path / "detector" / "encoder.json").read_text())
    assert about["data"]["fingerprint"] == VOC(squares, "train").fingerprint != data.fingerprint
    assert about["recipe"] == again.provenance_["recipe"]
    assert about["training"] == model.provenance_["training"]
    with pytest.raises(UnlabeledError, match="holds no detector"):
        Detector.load(tmp_path)


def test_a_frozen_encoder_stays_and_a_fine_tuned_one_moves(squares, encoder):
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    still = detection(encoder, squares, split="test", epochs=1, random_state=0)
    assert all(torch.equal(value, before[name]) for name, value in still.encoder_.state_dict().items())
    moved = detection(encoder, squares, split="test", epochs=1, random_state=0, fine_tune=True)
    assert not torch.equal(moved.encoder_.body[0][0].weight, before["body.0.0.weight"])
    assert torch.equal(moved.encoder_.body[0][1].running_mean, before["body.0.1.running_mean"])
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_the_same_seed_gives_the_same_detector(squares, encoder):
    one, two = (detection(encoder, squares, split="test", epochs=1, random_state=3) for _ in range(2))
    assert torch.equal(one.head_.scores.weight, two.head_.scores.weight)


def test_what_does_not_fit_is_refused(squares, encoder, model):
    with pytest.raises(UnlabeledError, match="epochs must be a whole number"):
        detection(encoder, squares, epochs=0)
    with pytest.raises(UnlabeledError, match="size must be a whole number of at least 1, got -5"):
        detection(encoder, squares, size=-5)
    other = Detector()
    other.__dict__.update(model.__dict__ | {"classes_": ["blue"]})
    with pytest.raises(UnlabeledError, match="which the detector has not learnt"):
        other.evaluate(VOC(squares, "test"))
    with pytest.raises(UnlabeledError, match=re.escape("measure is 'voc', 'voc11' or 'coco'")):
        model.evaluate(VOC(squares, "test"), "auc")


def test_pictures_that_do_not_fit_into_memory_are_refused_before_they_are_read(squares, encoder, monkeypatch):
    monkeypatch.setattr("unlabeled.memory.free_memory", lambda: 10**6)
    with pytest.raises(UnlabeledError, match=r"holding 32 pictures of 1024 pixels a side needs 0\.1 GB of memory"):
        detection(encoder, squares, split="train", size=1024)


def test_a_transformer_has_maps_too(squares):
    start = ViT(ImagePreprocessing(32), patch=8, dim=16, depth=1, heads=2)
    found = detection(start, squares, split="test", epochs=1, random_state=0)
    assert len(found.predict(VOC(squares, "test"))) == 8


def test_maps_of_timm_are_a_trunk(squares):
    torch.manual_seed(0)
    start = Timm(ImagePreprocessing(64), name="resnet10t")
    found = detection(start, squares, split="test", epochs=1, random_state=0)
    assert found.encoder_.architecture == "timm"
    assert len(found.predict(VOC(squares, "test"))) == 8


def some_boxes(data, seed=0):
    """Give each picture its marked boxes, moved a little, among six others."""
    rng = np.random.default_rng(seed)
    proposals = []
    for objects in data.objects:
        moved = objects.boxes + rng.integers(-3, 4, objects.boxes.shape)
        corners = rng.integers(0, 32, (6, 2))
        others = np.concatenate([corners, corners + rng.integers(8, 32, (6, 2))], axis=1)
        proposals.append(np.concatenate([moved, others]).clip(0, [96, 64, 96, 64]))
    return proposals


def test_given_proposals_are_classified_and_corrected(squares, encoder, tmp_path):
    train, test = VOC(squares, "train"), VOC(squares, "test")
    given = some_boxes(train)
    found = detection(encoder, train, proposals=given, epochs=12, random_state=0, learning_rate=3e-3)
    proposed = some_boxes(test, seed=1)
    assert found.evaluate(test, proposals=proposed).mean > 0.8
    by_name = dict(zip(test.ids, proposed, strict=True))
    by_name["elsewhere"] = [[0, 0, 5, 5]]
    for one, other in zip(found.predict(test, proposals=proposed), found.predict(test, proposals=by_name), strict=True):
        assert np.array_equal(one.boxes, other.boxes)
        assert len(one.boxes) <= 2 * 8  # a box a class from each proposal
    alone = found.predict(test, proposals=[each[:1] for each in proposed])
    assert all(len(each.boxes) <= 2 for each in alone)
    none = found.predict(test, proposals=[[] for _ in proposed])
    assert all(len(each.boxes) == 0 for each in none)
    with pytest.raises(UnlabeledError, match="needs proposals to predict"):
        found.predict(test)
    found.save(tmp_path / "detector")
    with pytest.raises(UnlabeledError, match="needs proposals to predict"):
        Detector.load(tmp_path / "detector").predict(test)


def test_a_mapping_may_leave_out_all_pictures_of_a_batch(squares, encoder):
    test = VOC(squares, "test")
    found = detection(encoder, test, proposals=some_boxes(test), epochs=1, random_state=0, batch_size=2)
    by_name = {test.ids[3]: some_boxes(test)[3]}
    boxes = [len(each.boxes) for each in found.predict(test, proposals=by_name)]
    assert boxes[3] > 0
    assert sum(boxes) == boxes[3]
    for count in (7, 9):
        with pytest.raises(UnlabeledError, match=f"{count} pictures, and 8 pictures"):
            found.predict(test, proposals=[[[0, 0, 9, 9]]] * count)


def test_a_batch_without_objects_and_proposals_teaches_nothing(squares, encoder):
    data = VOC(squares, "test")
    data.objects[2] = Objects.of([], [])
    given = {name: boxes for name, boxes in zip(data.ids, some_boxes(data), strict=True) if name != data.ids[2]}
    found = detection(encoder, data, proposals=given, epochs=1, random_state=0, batch_size=1)
    assert np.isfinite(found.history_[0]["loss"])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([[[0, 0, 97, 10]]] * 8, "is not inside the picture of 96 × 64"),
        ([[[5, 5, 5, 10]]] * 8, "has no area"),
        ([[[5, 5, np.nan, 10]]] * 8, "has no area"),
        ([[[0, 0, 9, 9]]] * 3, "3 pictures, and 8 pictures"),
        ({"elsewhere": [[0, 0, 9, 9]]}, "no picture has proposals"),
    ],
)
def test_proposals_that_are_no_boxes_of_the_pictures_are_refused(squares, encoder, given, says):
    with pytest.raises(UnlabeledError, match=says):
        detection(encoder, squares, split="test", proposals=given, epochs=1)


def test_a_folder_is_learnt_from_and_measured_on_by_its_path(squares, encoder):
    by_path = Detector(encoder=encoder, epochs=1, random_state=0, progress=False).fit(str(squares))
    by_data = Detector(encoder=encoder, epochs=1, random_state=0, progress=False).fit(VOC(squares))
    assert by_path.history_ == by_data.history_
    assert by_path.evaluate(squares) == by_data.evaluate(VOC(squares))
    for wrong in ([1, 2], None, np.zeros((2, 8, 8))):
        with pytest.raises(UnlabeledError, match="a folder in the layout of Pascal VOC"):
            Detector(encoder=encoder).fit(wrong)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("out of memory"), RuntimeError("not enough memory")])
def test_only_an_encoder_without_maps_is_said_to_have_none(model, squares, monkeypatch, error):
    features = type(model.encoder_).features

    def of_few(self, values):
        if len(values) > 1:
            raise error
        return features(self, values)

    monkeypatch.setattr(type(model.encoder_), "features", of_few)
    with pytest.raises(RuntimeError, match="memory"):
        model.predict(VOC(squares, "test"))


def test_a_loaded_detector_is_on_the_device_that_it_names(model, tmp_path, monkeypatch):
    # "meta" stands for a GPU, which the machine that tests may not have.
    model.save(tmp_path / "detector")
    monkeypatch.setattr(detector, "choose_device", lambda name: torch.device("meta"))
    found = Detector.load(tmp_path / "detector")
    assert {each.device.type for each in (*found.encoder_.parameters(), *found.head_.parameters())} == {"meta"}
    monkeypatch.undo()
    about = json.loads((tmp_path / "detector" / "detector.json").read_text())
    about["settings"]["device"] = "cuda:77"  # of another machine
    (tmp_path / "detector" / "detector.json").write_text(json.dumps(about))
    assert Detector.load(tmp_path / "detector").head_.mean.device.type != "meta"


def test_the_tower_of_images_of_an_encoder_of_pairs_is_a_trunk(squares):
    pairs = [(np.full((16, 16, 3), shade, np.uint8), f"shade {shade}") for shade in (0, 100, 200, 250)]
    with warnings.catch_warnings(action="ignore"):  # one step teaches nothing, which CLIP says
        towers = CLIP(epochs=1, batch_size=4, random_state=0, progress=False).fit(pairs).encoder_
    found = Detector(encoder=towers, size=32, epochs=1, random_state=0, progress=False).fit(VOC(squares, "test"))
    assert found.encoder_.architecture == towers.image.architecture
    assert len(found.history_) == 1


def test_changes_bring_boxes_to_their_targets():
    torch.manual_seed(0)
    corners = torch.rand(20, 2) * 50
    boxes, targets = (torch.cat((corners, corners + 5 + 30 * torch.rand(20, 2)), 1) for _ in range(2))
    assert torch.allclose(decoded(boxes, encoded(boxes, targets)), targets, atol=1e-4)


def test_anchors_stand_in_the_middle_of_their_places():
    anchors = all_anchors(2, 4, 64).view(2, 4, 12, 4)
    centres = (anchors[..., :2] + anchors[..., 2:]) / 2
    assert torch.allclose(centres[1, 2], torch.tensor([40.0, 48.0]).expand(12, 2), atol=1e-4)
    sides = anchors[..., 2:] - anchors[..., :2]
    assert torch.allclose(sides.prod(-1).sqrt()[0, 0, ::3], 64 * torch.tensor([0.12, 0.25, 0.5, 0.85]))


def test_rows_are_drawn_with_few_positives():
    positive = torch.arange(100) < 80
    rows = sampled(positive, ~positive, 40, 0.25)
    assert int(positive[rows].sum()) == 10
    assert len(rows.unique()) == len(rows) == 30  # there are only twenty negatives
