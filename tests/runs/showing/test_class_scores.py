from types import SimpleNamespace

import numpy as np
import torch

from unlabeled.encoders import Conv
from unlabeled.evaluation import transfer
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.runs.showing.inside.class_scores import class_head


def test_the_head_of_a_model_is_on_the_processor_as_the_images_are(tmp_path, monkeypatch):
    encoder = Conv(ImagePreprocessing(16, 1), width=4)
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16), dtype=np.uint8)
    transfer(encoder, images, ["cat", "dog"] * 4, epochs=1, random_state=0).save(tmp_path / "model")
    # "meta" stands for a GPU, on which a model is loaded where there is one. It holds no values.
    monkeypatch.setattr("unlabeled.methods.fewlabels.fine_tuning.choose_device", lambda name: torch.device("meta"))
    monkeypatch.setattr(torch.nn.Module, "cpu", lambda module: module.to_empty(device="cpu"))
    head = class_head(SimpleNamespace(encoder=encoder, folder=tmp_path), tmp_path / "model")
    assert {each.device.type for each in (*head.encoder.parameters(), head.weights, head.bias)} == {"cpu"}
    assert head.likeliest(torch.zeros(1, 1, 16, 16)) in ("cat", "dog")
