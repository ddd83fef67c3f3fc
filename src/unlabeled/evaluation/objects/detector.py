"""A detector: a trained encoder whose feature maps are searched for objects."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from unlabeled.data.image.decode import pixels, scaled_sides
from unlabeled.data.image.images import Images
from unlabeled.data.image.objects import Detections, Objects
from unlabeled.data.image.proposals import checked_proposals, proposals_in_order
from unlabeled.data.image.voc import VOC
from unlabeled.encoders import Encoder, load_encoder
from unlabeled.encoders.checkpoint import load_tensors, load_weights, save_tensors, write_encoder
from unlabeled.encoders.make import own_encoder
from unlabeled.encoders.pair.two_towers import image_tower
from unlabeled.errors import UnlabeledError, diverged
from unlabeled.estimator import Estimator, described
from unlabeled.evaluation.objects.average_precision import (
    COCOResult,
    VOCResult,
    coco_average_precision,
    voc_average_precision,
)
from unlabeled.evaluation.objects.region_head import RegionHead, torchvision_ops
from unlabeled.files import folder_written_aside, read_json, refuses_damage, write_json
from unlabeled.memory import check_memory
from unlabeled.modalities import check_modality
from unlabeled.setting_checks import check_whole_settings
from unlabeled.training.control.devices import choose_device, device_here
from unlabeled.training.control.progress import ProgressBar
from unlabeled.training.optimizers import set_linear_rate
from unlabeled.training.settings import check_learning_rates

FORMAT = "detector"
Proposals = Sequence[Any] | Mapping[str, Any]


class Detector(Estimator):
    """A head for boxes on the feature maps of a trained encoder, learnt from a folder in the layout of Pascal VOC.

    Pictures are scaled so that the longer side is `size`, and the rest of the square is filled with their mean colour.
    They are all held in memory, `size`² × 3 bytes each, and half of them are mirrored in each pass.

    Parameters
    ----------
    encoder : str, path or Encoder
        A run, a folder with a saved encoder, or an `Encoder` of images that has feature maps; it is copied. Of an
        encoder of images with captions, such as CLIP's, the tower of images.
    fine_tune : bool, default False
        Train the encoder too. Batch normalisation keeps its statistics.
    size : int, optional
        Side of the square, in pixels. By default the one that the encoder was made for. Convolutional encoders take
        any; small objects need a large one.
    epochs : int, default 30
    batch_size : int, default 8
    learning_rate : float, default 1e-3
        Of the head, at its peak; it rises over a tenth of the steps and falls to zero linearly.
    encoder_learning_rate : float, default 1e-4
    weight_decay : float, default 1e-4
    device : str or torch.device, default "auto"
    random_state : int, optional
    progress : bool, optional
        Show a progress bar; by default on a terminal and in a notebook.

    Attributes
    ----------
    encoder_ : Encoder
    head_ : RegionHead
    classes_ : list of str
    given_ : bool
        Whether proposals were given, and must be.
    history_ : list of dict
        The mean loss of each epoch.
    provenance_ : dict
        Settings, fingerprint of the pictures and their boxes, and seed; they are saved with the encoder.
    """

    encoder: str | os.PathLike[str] | Encoder = ""
    fine_tune: bool = False
    size: int | None = None
    epochs: int = 30
    batch_size: int = 8
    learning_rate: float = 1e-3
    encoder_learning_rate: float = 1e-4
    weight_decay: float = 1e-4
    device: str | torch.device = "auto"
    random_state: int | None = None
    progress: bool | None = None

    def fit(self, X: VOC | str | os.PathLike[str], y: None = None, *, proposals: Proposals | None = None) -> Self:
        """Learn from pictures with marked objects.

        Parameters
        ----------
        X : VOC or path
            Pictures with marked objects, or the folder that holds them; of a folder all are learnt from.
        proposals : sequence or mapping of arrays of shape (k, 4), optional
            Boxes of each picture where objects may be: left, top, right, bottom, in pixels. By default the detector
            proposes boxes itself; with proposals it learns to classify and correct them, and needs some to predict.

        Raises
        ------
        UnlabeledError
            If a setting, the encoder or a picture is not usable.
        MissingExtraError
            If torchvision is not installed.
        """
        X = _marked(X)
        torchvision_ops()
        check_whole_settings(self, "epochs", "batch_size", "size")
        device = choose_device(self.device)
        seed = int(check_random_state(self.random_state).randint(2**31))
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.encoder_ = image_tower(own_encoder(self.encoder)).to(device).eval()
            wanted = self.encoder_.preprocessing
            check_modality(wanted, "image", f"the encoder is for {wanted.kind}s, and boxes are in images")
            self.size_ = int(self.size or self.encoder_.preprocessing.shape[-1])
            self.classes_ = list(X.classes)
            shape = (len(X), wanted.shape[0], self.size_, self.size_)
            pictures = f"holding {len(X):,} pictures of {self.size_} pixels a side"
            check_memory(math.prod(shape), pictures, "take a smaller size, or learn from fewer pictures")
            values = np.empty(shape, np.uint8)
            for i in range(len(X)):
                values[i] = self._square(X.decode(i))
            targets = [self._targets(objects, size) for objects, size in zip(X.objects, X.sizes, strict=True)]
            self.given_ = proposals is not None
            regions = None if proposals is None else self._proposed(proposals, X.ids, X.sizes)
            self._train(torch.from_numpy(values), targets, regions, device)
        self.encoder_.eval()
        self.head_.eval()
        data = {"kind": "image", "rows": len(X), "fingerprint": X.fingerprint}
        self.provenance_ = {"recipe": self.recipe(), "data": data, "training": {"seed": seed}}
        return self

    def predict(self, X: Any, *, proposals: Proposals | None = None) -> list[Detections]:
        """Find objects in images.

        Parameters
        ----------
        X : VOC, Images, or anything `Images` takes
        proposals : sequence or mapping of arrays of shape (k, 4), optional
            Boxes of each picture where objects may be, as in `fit`.

        Returns
        -------
        list of Detections
            Of each image, in its own pixels, the surest first; at most 100, and none of a score below 0.01.
        """
        check_is_fitted(self, "head_")
        data = X if hasattr(X, "ids") else Images(X)
        if self.given_ and proposals is None:
            raise UnlabeledError("the detector was learnt with proposals, so it needs proposals to predict")
        boxes_of = None if proposals is None else proposals_in_order(proposals, data.ids)
        found = []
        device = self.head_.mean.device
        for start in range(0, len(data), self.batch_size):
            rows = range(start, min(start + self.batch_size, len(data)))
            pictures = [data.decode(i) for i in rows]
            values = torch.from_numpy(np.stack([self._square(each) for each in pictures]))
            regions = None
            if boxes_of is not None:
                part, sizes = [boxes_of[i] for i in rows], [each.size for each in pictures]
                regions = [each.to(device) for each in self._proposed(part, [data.ids[i] for i in rows], sizes)]
            with torch.no_grad():
                results = self.head_.detect(self._maps(values.to(device)), proposals=regions)
            for picture, (boxes, kinds, scores) in zip(pictures, results, strict=True):
                scale, offset = self._place(picture.size)
                sides = np.tile(picture.size, 2)
                edges = ((boxes.cpu().double().numpy() - offset) / scale).clip(0, sides)
                names = [self.classes_[kind - 1] for kind in kinds.tolist()]
                inside = (edges[:, 2:] > edges[:, :2]).all(1)  # the rest lies in the filled margin
                kept = np.flatnonzero(inside)
                found.append(Detections.of(edges[kept], [names[i] for i in kept], scores.cpu().numpy()[kept]))
        return found

    def evaluate(
        self,
        X: VOC | str | os.PathLike[str],
        measure: Literal["voc", "voc11", "coco"] = "voc",
        overlap: float = 0.5,
        *,
        proposals: Proposals | None = None,
    ) -> VOCResult | COCOResult:
        """Give the average precision on pictures with marked objects, which should have chosen nothing.

        Parameters
        ----------
        X : VOC or path
        measure : {"voc", "voc11", "coco"}, default "voc"
            See `voc_average_precision` and `coco_average_precision`.
        overlap : float, default 0.5
            For VOC's measures.
        proposals : sequence or mapping of arrays of shape (k, 4), optional
            As in `predict`.

        Raises
        ------
        UnlabeledError
            If a class is marked that the detector does not know.
        """
        check_is_fitted(self, "head_")
        X = _marked(X)
        unknown = sorted({str(name) for each in X.objects for name in each.labels} - set(self.classes_))
        if unknown:
            raise UnlabeledError(
                f"{X.folder} has objects of the class {unknown[0]!r}, which the detector has not learnt; "
                f"it knows {', '.join(self.classes_)}"
            )
        if measure not in ("voc", "voc11", "coco"):
            raise UnlabeledError(f"measure is 'voc', 'voc11' or 'coco', got {measure!r}")
        found = self.predict(X, proposals=proposals)
        if measure == "coco":
            return coco_average_precision(X.objects, found)
        return voc_average_precision(X.objects, found, overlap=overlap, points=11 if measure == "voc11" else "all")

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save as a folder of safetensors and JSON."""
        check_is_fitted(self, "head_")
        encoder = "" if isinstance(self.encoder, Encoder) else os.fspath(self.encoder)
        settings = {name: described(value) for name, value in self.get_params(deep=False).items()}
        with folder_written_aside(folder, FORMAT) as aside:
            write_encoder(self.encoder_, aside, self.provenance_)
            save_tensors(self.head_.state_dict(), aside / "head.safetensors")
            about = {
                "format": FORMAT,
                "settings": settings | {"encoder": encoder},
                "size": self.size_,
                "classes": self.classes_,
                "given": self.given_,
                "history": self.history_,
            }
            write_json(aside / "detector.json", about | self.provenance_)

    @classmethod
    @refuses_damage
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Load what `save` wrote."""
        folder = Path(folder)
        if not (folder / "detector.json").exists():
            raise UnlabeledError(f"{folder} holds no detector; one is made by: unlabeled learn-detector")
        saved = read_json(folder / "detector.json")
        tensors = load_tensors(folder / "head.safetensors")
        self = cls(**saved["settings"])
        check_whole_settings(self, "epochs", "batch_size")
        self.device = device_here(self.device)
        device = choose_device(self.device)
        self.encoder_ = load_encoder(folder).to(device)
        self.size_, self.classes_, self.history_ = int(saved["size"]), saved["classes"], saved["history"]
        self.given_ = saved["given"]
        self.provenance_ = {key: saved[key] for key in ("recipe", "data", "training")}
        self.head_ = RegionHead(tensors["mean"].shape[1], len(self.classes_), self.size_)
        load_weights(self.head_, tensors, folder / "head.safetensors")
        self.head_.to(device).eval()
        return self

    def _square(self, picture: Any) -> NDArray[np.uint8]:
        return pixels(picture, self.size_, "pad", self.encoder_.preprocessing.shape[0])

    def _place(self, sides: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give factor and offset, each of shape (4,), from edges in a picture to edges in the square."""
        scaled = np.array(scaled_sides(sides, self.size_, "pad"))
        return np.tile(scaled / sides, 2), np.tile((self.size_ - scaled) // 2, 2).astype(np.float64)

    def _targets(self, objects: Objects, sides: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        scale, offset = self._place(sides)
        kinds = [self.classes_.index(str(name)) + 1 for name in objects.labels]
        boxes = torch.from_numpy(objects.boxes * scale + offset).float()
        return boxes, torch.tensor(kinds, dtype=torch.int64), torch.from_numpy(objects.difficult)

    def _proposed(self, given: Proposals, ids: Sequence[str], sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
        """Give proposals of pictures in pixels of the square; boxes under two pixels there are too small to see."""
        found = []
        for boxes, size in zip(checked_proposals(given, ids, sizes), sizes, strict=True):
            scale, offset = self._place(size)
            placed = torch.from_numpy(boxes * scale + offset).float()
            found.append(placed[(placed[:, 2:] - placed[:, :2]).min(1).values >= 2] if len(placed) else placed)
        return found

    def _maps(self, values: Tensor) -> Tensor:
        canonical = self.encoder_.preprocessing.part(self.size_).canonical(values)
        try:
            return self.encoder_.features(canonical).maps().float()
        except torch.OutOfMemoryError:
            raise
        except (AssertionError, RuntimeError) as error:
            if self._has_maps(canonical):
                raise  # it is not the size of the pictures
            raise UnlabeledError(
                f"encoder {self.encoder_.architecture!r} gives no maps of pictures of {self.size_} pixels ({error}); "
                f"leave size out, or use a convolutional encoder"
            ) from error

    def _has_maps(self, pictures: Tensor) -> bool:
        """Tell whether the encoder gives maps of one of these pictures alone."""
        try:
            with torch.no_grad():
                self.encoder_.features(pictures[:1]).maps()
        except (AssertionError, RuntimeError):
            return False
        return True

    def _train(
        self,
        values: Tensor,
        targets: Sequence[tuple[Tensor, Tensor, Tensor]],
        regions: list[Tensor] | None,
        device: torch.device,
    ) -> None:
        with torch.no_grad():
            sample = self._maps(values[torch.randperm(len(values))[:64]].to(device))
        self.head_ = RegionHead(sample.shape[1], len(self.classes_), self.size_).to(device)
        # Maps of any encoder come to the head in the same units, so that none is favoured by its scale.
        self.head_.mean.copy_(sample.mean((0, 2, 3), keepdim=True))
        self.head_.deviation.copy_(sample.std((0, 2, 3), keepdim=True).clamp(min=1e-6))
        for parameter in self.encoder_.parameters():
            parameter.requires_grad_(self.fine_tune)
        groups: list[dict[str, Any]] = [{"params": list(self.head_.parameters()), "peak": self.learning_rate}]
        if self.fine_tune:
            groups.append({"params": list(self.encoder_.parameters()), "peak": self.encoder_learning_rate})
        check_learning_rates(self, "learning_rate", "encoder_learning_rate")
        optimizer = torch.optim.AdamW(groups, weight_decay=self.weight_decay)
        parameters = [parameter for group in groups for parameter in group["params"]]
        steps, done = self.epochs * math.ceil(len(values) / self.batch_size), 0
        self.history_: list[dict[str, float]] = []
        begun = time.monotonic()
        with ProgressBar(type(self).__name__, steps, show=self.progress) as bar:
            for epoch in range(self.epochs):
                total = 0.0
                batches = torch.randperm(len(values)).split(self.batch_size)
                for index in batches:
                    set_linear_rate(optimizer, done, steps)
                    batch, boxes, kinds, hard, proposed = values[index].to(device), [], [], [], []
                    mirrored = torch.rand(len(index)) < 0.5
                    for place, i in enumerate(index.tolist()):
                        own, kind, difficult = (part.to(device) for part in targets[i])
                        given = None if regions is None else regions[i].to(device)
                        if mirrored[place]:
                            batch[place] = batch[place].flip(-1)
                            own = self._mirrored(own)
                            given = None if given is None else self._mirrored(given)
                        boxes.append(own)
                        if given is not None:
                            proposed.append(given)
                        kinds.append(kind)
                        hard.append(difficult)
                    with torch.set_grad_enabled(self.fine_tune):
                        maps = self._maps(batch)
                    loss = self.head_.loss(maps, boxes, kinds, hard, None if regions is None else proposed)
                    optimizer.zero_grad()
                    loss.backward()
                    torch.nn.utils.clip_grad_norm_([p for p in parameters if p.grad is not None], 5.0)
                    optimizer.step()
                    total, done = total + float(loss.detach()), done + 1
                    bar.advance(done)
                if not math.isfinite(total):
                    raise diverged(
                        f"the loss is {total} in epoch {epoch + 1}",
                        max(group["peak"] for group in optimizer.param_groups),
                    )
                self.history_.append({"epoch": epoch + 1, "loss": total / len(batches)})
                rate = (epoch + 1) * len(values) / (time.monotonic() - begun)
                bar.show({"step": done, "loss": total / len(batches)}, rate)

    def _mirrored(self, boxes: Tensor) -> Tensor:
        return torch.stack((self.size_ - boxes[:, 2], boxes[:, 1], self.size_ - boxes[:, 0], boxes[:, 3]), 1)


def _marked(X: Any) -> VOC:
    """Give pictures with marked objects; a path is opened."""
    if isinstance(X, VOC):
        return X
    if isinstance(X, (str, os.PathLike)):
        return VOC(X)
    raise UnlabeledError(
        f"a detector takes pictures with marked boxes, a folder in the layout of Pascal VOC or VOC(folder), not "
        f"{type(X).__name__}"
    )
