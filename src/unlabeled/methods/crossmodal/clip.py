"""CLIP: images and their captions meet in one space."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from unlabeled.data.batch import Batch, map_tensors
from unlabeled.data.pairs.prepared_pairs import Encoded
from unlabeled.encoders import Encoder, Network
from unlabeled.encoders.pair.frozen_half import FrozenHalf
from unlabeled.encoders.pair.pretrained_towers import load_clip
from unlabeled.encoders.pair.two_towers import TwoTowers
from unlabeled.errors import UnlabeledError, diverged, unknown_name
from unlabeled.losses import embed_in_chunks
from unlabeled.losses.metric.partners import clip_of_partners, siglip_of_partners
from unlabeled.methods.crossmodal.zero_shot import TEMPLATES, ZeroShotClassifier
from unlabeled.modalities.image import CLIP_ENCODER
from unlabeled.setting_checks import check_whole_settings
from unlabeled.training.bases.multi_view import MultiView
from unlabeled.training.inference import evaluating

DIM = 128
"""Length of vectors where nobody says otherwise."""
LEARNT_SHARE = 0.95
"""Of the loss of guessing: a loss above it at the end says that nothing was learnt."""

CUT_SHARE = 0.1
"""Of all captions: more of them that are cut off are announced."""


class CLIP(MultiView):
    r"""An image and its caption attract each other, and repel the captions and images of the other pairs in the batch.

    Split: x is the image, y its caption. Loss, with u and v the vectors of images and captions, of length 1, and s a
    scale that is learnt:

    .. math:: L = -\frac{1}{2N} \sum_i \Big( \log \frac{\exp(s\, u_i \cdot v_i)}{\sum_j \exp(s\, u_i \cdot v_j)}
              + \log \frac{\exp(s\, u_i \cdot v_i)}{\sum_j \exp(s\, u_j \cdot v_i)} \Big)

    where the sums leave out those j ≠ i that have the same caption or the same image as i: they are no negatives.

    Parameters
    ----------
    encoder : str, path or Encoder, default "auto"
        The image tower: any encoder of images; ``"conv"`` by default. ``"clip:<folder or name>"`` takes a checkpoint of
        OpenCLIP or transformers, with its text tower and scale if `text_encoder` is ``"auto"``; see `from_pretrained`.
    text_encoder : str, path or Encoder, default "auto"
        The text tower: any encoder of texts; a transformer of two layers by default. A pre-trained one is
        ``"transformers:<folder, package or name>"``.
    objective : {"softmax", "sigmoid"}, default "softmax"
        The loss above, or SigLIP's, which asks of every image and caption by themselves whether they belong together.
    dim : int, optional
        Length of the vectors in the shared space; by default 128, or that of the checkpoint.
    frozen : {"none", "image", "text"}, default "none"
        A pre-trained tower that does not learn, as in LiT; its projection does. Its vectors are computed once, before
        the first step. A frozen image tower sees the images undistorted, unless `views` says otherwise.
    chunk : int, optional
        Pairs that are encoded at a time. The loss still sees the whole batch, and gives the same gradient, but memory
        grows with the chunk (gradient caching). Batch normalisation, as in ``"conv"``, then sees a chunk only; an
        encoder that normalises each image by itself, such as ``"conv:layer"``, does not mind.
    column : str, optional
        The column of captions in a table; several with commas between them, such as ``"title,keywords"``, are joined.
    tokenizer, vocabulary, length : str, int, int, default "auto", 8000, 32
        As for methods of texts: how captions are cut into tokens, and how many of a caption are read.

    Attributes
    ----------
    encoder_ : TwoTowers
        Both towers; `transform` gives vectors in the shared space for images, texts and pairs (of which the image).

    References
    ----------
    .. [1] Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021.
    .. [2] Zhai et al., Sigmoid Loss for Language Image Pre-Training, ICCV 2023.
    .. [3] Zhai et al., LiT: Zero-Shot Transfer with Locked-image text Tuning, CVPR 2022.

    Examples
    --------
    >>> import numpy as np
    >>> pairs = [(np.full((8, 8), 25 * i, np.uint8), f"shade number {i}") for i in range(8)]
    >>> model = CLIP(epochs=20, random_state=0, progress=False).fit(pairs)
    >>> model.transform(["shade number 3", "anything"]).shape
    (2, 128)
    """

    principle: ClassVar[str] = "contrastive"

    modalities: ClassVar[tuple[str, ...]] = ("pair",)
    minimum_rows: ClassVar[int] = 2

    text_encoder: str | os.PathLike[str] | Encoder = "auto"
    objective: Literal["softmax", "sigmoid"] = "softmax"
    dim: int | None = None
    frozen: Literal["none", "image", "text"] = "none"
    chunk: int | None = None
    column: str | None = None
    tokenizer: str | os.PathLike[str] = "auto"
    vocabulary: int = 8000
    length: int = 32

    def prepare(self, preprocessing: Any) -> None:
        """Refuse settings that cannot be meant."""
        super().prepare(preprocessing)
        self._frozen: FrozenHalf | None = None
        self._remarks: list[str] = []
        self._guessing = 0.0
        for name, known in (("objective", ("softmax", "sigmoid")), ("frozen", ("none", "image", "text"))):
            if getattr(self, name) not in known:
                raise unknown_name(name, getattr(self, name), known)
        check_whole_settings(self, "dim", "chunk", "vocabulary", "length")

    def _encoder_specification(self, preprocessing: Any) -> Encoder:
        frozen = () if self.frozen == "none" else (self.frozen,)
        if isinstance(self.encoder, str) and self.encoder.startswith(CLIP_ENCODER) and self.text_encoder == "auto":
            towers = load_clip(self.encoder.removeprefix(CLIP_ENCODER), frozen)
            if self.dim not in (None, towers.dim):
                raise UnlabeledError(
                    f"the vectors of {self.encoder} have {towers.dim} numbers, not {self.dim}; leave out dim"
                )
            return towers
        image = "conv" if self.encoder == "auto" else self.encoder
        return TwoTowers(preprocessing, image=image, text=self.text_encoder, dim=self.dim or DIM, frozen=frozen)

    def training_instances(self, instances: Any) -> Any:
        """Let a frozen tower encode its halves once; remember what is to be announced."""
        complete = getattr(instances, "complete", False)
        self._remarks = _remarks(instances) if complete else []
        negatives = _shares_of_negatives(*instances.codes) if complete else np.ones(1)
        others = min(self.batch_size, len(instances)) - 1
        self._guessing = float(np.log1p(others * negatives).mean())  # each finds its own beside its negatives
        undistorted = self.frozen == "text" or (self.frozen == "image" and self.views == "auto")
        self._frozen = FrozenHalf(instances, self.frozen) if undistorted and complete else None
        return self._frozen or instances

    def build(self, encoder: Encoder) -> Network:
        """Add the scale, and for the sigmoid loss the bias, that are learnt."""
        if self._frozen is not None:
            self._frozen.tower = getattr(encoder, self.frozen)
        scale, bias = (10.0, -10.0) if self.objective == "sigmoid" else (1 / 0.07, None)
        learnt = getattr(encoder, "learnt_scale", None)
        if learnt is not None:  # SigLIP's bias has no place in the softmax, and CLIP has none
            scale, bias = learnt[0], None if bias is None else (bias if learnt[1] is None else learnt[1])
        return Network(encoder, head=Scale(scale, bias))

    def view(self, values: Any) -> Any:
        """Distort the images; captions stay as they are, and so do images that a frozen tower encodes once."""
        return values if self._frozen is not None and self.frozen == "image" else super().view(values)

    def split(self, batch: Batch) -> tuple[Any, Any]:
        """Show the image, hide the caption."""
        values = self.view(batch.values)
        return values.image, (values.text, (values.picture, values.caption))

    def loss(self, net: Network, x: Any, y: Any) -> Tensor:
        """Find each image's caption and each caption's image."""
        texts, same = y
        towers: Any = net.encoder
        head: Any = net.head
        images, captions = self._encoded(towers.of_images, x), self._encoded(towers.of_texts, texts)
        scale = head.log_scale.exp()
        if not 0 < float(scale.detach()) < math.inf:
            raise diverged(f"the learnt scale is {float(scale.detach())}", self.learning_rate)
        if self.objective == "sigmoid":
            return siglip_of_partners(images, captions, scale, head.bias, same)
        return clip_of_partners(images, captions, scale, same)

    def _encoded(self, tower: Any, values: Any) -> Tensor:
        if self.chunk is None or (isinstance(values, Encoded)):
            vectors: Tensor = tower(values)
            return vectors
        if isinstance(values, Tensor):
            return embed_in_chunks(tower, values, self.chunk)
        return embed_in_chunks(lambda parts: tower(type(values)(*parts)), values, self.chunk)

    def fit(self, X: Any, y: Any = None, *, resume: bool = False) -> Self:
        """Learn from pairs; see `SelfSupervised.fit`.

        Announced are a loss that stayed at that of guessing, captions or images that are all the same, and captions
        that are cut off.
        """
        try:
            super().fit(X, y, resume=resume)
        finally:
            self._frozen = None
        for remark in self._remarks:
            warnings.warn(remark, UserWarning, stacklevel=2)
        losses = [entry["loss"] for entry in self.history_ if "loss" in entry]
        if self.objective == "softmax" and losses and losses[-1] > LEARNT_SHARE * self._guessing > 0:
            warnings.warn(
                f"the loss is {losses[-1]:.2f}, near {self._guessing:.2f}, that of guessing: no caption is told from "
                "the others. See whether captions belong to their images, train longer, or take a higher learning rate",
                UserWarning,
                stacklevel=2,
            )
        return self

    @classmethod
    def from_pretrained(cls, name: str, **settings: Any) -> Self:
        """Load a checkpoint of OpenCLIP or of transformers' CLIP and SigLIP, ready to use or to train further.

        Images are prepared as the checkpoint says, and vectors are those of the library that wrote it.

        Parameters
        ----------
        name : str
            A folder with ``config.json`` and ``model.safetensors`` (transformers), or ``open_clip_config.json`` and
            ``open_clip_model.safetensors``, and the tokenizer; an installed package that carries one; or a name on the
            Hugging Face hub.
        **settings
            Of the estimator, for `fit`.

        Raises
        ------
        UnlabeledError
            If there is no such checkpoint, or it is of an architecture that is not supported.
        """
        model = cls(encoder=f"{CLIP_ENCODER}{name}", **settings)
        towers = load_clip(name)
        model.prepare(towers.preprocessing)
        model._base_description = towers.describe()
        model.network_ = model.build(towers).eval()
        model.encoder_, model.history_, model.seed_ = model.network_.encoder, [], 0
        model.n_instances_ = model.n_learnt_ = 0
        model.provenance_ = {
            "recipe": model.recipe(),
            "data": {"kind": "pair", "rows": 0, "fingerprint": ""},
            "training": {"seed": 0, "steps": 0},
        }
        return model

    def similarities(self, values: Any) -> NDArray[np.float32]:
        """Give the cosine of each image with each caption of a batch of pairs, shape (n, n); images are the rows."""
        with evaluating(self) as (net, device):
            towers: Any = net.encoder
            pairs = map_tensors(lambda part: part.to(device), towers.preprocessing.canonical(values))
            cosines: Tensor = towers.of_images(pairs.image) @ towers.of_texts(pairs.text).T
        return cosines.float().cpu().numpy()

    @property
    def scale_(self) -> float:
        """The scale that was learnt, at most 100."""
        head: Any = self.network_.head
        return min(100.0, float(head.log_scale.detach().exp()))

    def zero_shot(self, names: Sequence[str], templates: Sequence[str] = TEMPLATES) -> ZeroShotClassifier:
        """Make a classifier of images from the names of classes, without a single label.

        Parameters
        ----------
        names : sequence of str
            Such as ``["cat", "dog"]``.
        templates : sequence of str, default ("a picture of a {}", "a drawing of a {}", "{}")
            What is said of a class, with ``{}`` for its name; the vectors of all templates are averaged.
        """
        check_is_fitted(self, "encoder_")
        return ZeroShotClassifier(self.transform, names, templates, self.scale_)


def _remarks(pairs: Any) -> list[str]:
    """Say what keeps pairs from teaching much."""
    found = []
    for codes, what in zip(pairs.codes, ("images", "captions"), strict=True):
        if len(np.unique(codes)) == 1 < len(pairs):
            found.append(
                f"all {len(pairs):,} {what} are the same, so there is nothing to tell apart, and nothing is learnt"
            )
    room = pairs.texts.length - pairs.texts.tokenizer.tokens_added
    full = int((pairs.texts.rows[0].lengths[pairs.kept] >= room).sum())
    if full > CUT_SHARE * len(pairs):
        found.append(
            f"{full:,} of {len(pairs):,} captions fill all {pairs.texts.length} tokens that are read; what is beyond "
            "is cut off, so captions that begin alike are one to the network: raise length"
        )
    return found


def _shares_of_negatives(pictures: NDArray[np.int64], captions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give for each pair the share of all others that share neither its image nor its caption."""
    counts = []
    for codes in (pictures, captions, np.stack([pictures, captions], 1)):
        _, places, sizes = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
        counts.append(sizes[places.reshape(-1)])
    same_picture, same_caption, same_both = counts
    return (len(pictures) - same_picture - same_caption + same_both) / max(1, len(pictures) - 1)


class Scale(nn.Module):
    """The logarithm of the scale, and a bias or none."""

    def __init__(self, scale: float, bias: float | None) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.bias = None if bias is None else nn.Parameter(torch.tensor(bias))
