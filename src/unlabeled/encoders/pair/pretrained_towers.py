"""The towers of CLIP and SigLIP checkpoints of the transformers and OpenCLIP libraries."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from unlabeled.data.pairs.clip_checkpoint import ClipCheckpoint, read_clip_checkpoint
from unlabeled.data.text.tokenization.tokens import Tokens
from unlabeled.encoders.checkpoint import load_tensors, load_weights
from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.features import Features
from unlabeled.encoders.pair.two_towers import TwoTowers
from unlabeled.encoders.text.pretrained_text import load_model, quiet
from unlabeled.encoders.text.text_encoder import TextEncoder
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.modalities.pair import PairPreprocessing, clip_preprocessing


class ClipImage(Encoder):
    """The image tower of a CLIP or SigLIP, built by the transformers library from its configuration.

    It takes images in [0, 1] and itself subtracts the mean and divides by the deviation.

    Parameters
    ----------
    preprocessing : ImagePreprocessing
        Of the checkpoint.
    config : dict
        The configuration of `transformers.CLIPVisionModel` or `SiglipVisionModel`.
    mean, deviation : sequence of float
        Of the pixels, a number a channel.
    """

    architecture: ClassVar[str] = "clip"
    modalities: ClassVar[tuple[str, ...]] = ("image",)
    usage: ClassVar[str] = "clip:<folder or name>"
    mean: Tensor
    deviation: Tensor

    def __init__(
        self, preprocessing: ImagePreprocessing, *, config: dict[str, Any], mean: list[float], deviation: list[float]
    ) -> None:
        super().__init__(preprocessing)
        self.config = config
        self.body = _model(config)
        self.dim = int(config["hidden_size"])
        for name, values in (("mean", mean), ("deviation", deviation)):
            self.register_buffer(name, torch.tensor(values).view(-1, 1, 1), persistent=False)

    @classmethod
    def named(cls, rest: str, preprocessing: Any) -> Any:
        """Load the image tower of the checkpoint that is named after the colon."""
        if not rest:
            raise UnlabeledError("write which checkpoint: encoder='clip:<folder or name>'")
        tower = load_clip(rest).image
        if tower.preprocessing.shape != preprocessing.shape:
            raise UnlabeledError(
                f"{rest} takes images of shape {tower.preprocessing.shape}, not {preprocessing.shape}; "
                "leave out size and channels"
            )
        return tower

    def settings(self) -> dict[str, Any]:
        """Give the configuration, and what pixels are brought to."""
        return {
            "config": self.config,
            "mean": self.mean.flatten().tolist(),
            "deviation": self.deviation.flatten().tolist(),
        }

    def features(self, values: Tensor) -> Features:
        """Give the vectors of the patches, shape (n, patches, dim)."""
        tokens = self._encoded(values).last_hidden_state
        return Features(tokens[:, 1:] if self.config["model_type"] == "clip_vision_model" else tokens)

    def forward(self, values: Tensor) -> Tensor:
        """Map images in [0, 1] to vectors, shape (n, dim)."""
        vectors: Tensor = self._encoded(values).pooler_output
        return vectors

    def _encoded(self, values: Tensor) -> Any:
        return self.body(pixel_values=(values - self.mean) / self.deviation)


class ClipText(TextEncoder):
    """The text tower of a CLIP or SigLIP, built by the transformers library from its configuration.

    CLIP's vector of a text is that of its last token. SigLIP sees the padding, so its texts are filled up to the full
    length, and takes the vector of the last place.

    Parameters
    ----------
    preprocessing : TextPreprocessing
        Of the checkpoint.
    config : dict
        The configuration of `transformers.CLIPTextModel` or `SiglipTextModel`.
    """

    architecture: ClassVar[str] = "clip_text"
    usage: ClassVar[str] = "clip_text:<folder or name>"

    def __init__(self, preprocessing: Any, *, config: dict[str, Any]) -> None:
        super().__init__(preprocessing, pooling="last")
        self.config = config
        self.body = _model(config)
        self.padded = config["model_type"] == "siglip_text_model"
        self.dim = int(config["projection_size"] if self.padded else config["hidden_size"])

    @classmethod
    def named(cls, rest: str, preprocessing: Any) -> Any:
        """Load the text tower of the checkpoint that is named after the colon."""
        if not rest:
            raise UnlabeledError("write which checkpoint: text_encoder='clip_text:<folder or name>'")
        tower: Any = load_clip(rest).text
        if tower.preprocessing.tokenizer != preprocessing.tokenizer:
            raise UnlabeledError(f"the texts were cut by another tokenizer than that of {rest!r}; use tokenizer='auto'")
        return tower

    def settings(self) -> dict[str, Any]:
        """Give the configuration."""
        return {"config": self.config}

    def hidden_states(self, values: Tokens) -> list[Tensor]:
        """Give the vectors of all tokens before the first layer and after each."""
        ids, mask = self._filled(values)
        found = self.body(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        return [*found.hidden_states[:-1], found.last_hidden_state]

    def features(self, values: Tokens) -> Features:
        """Give the vectors of all tokens after the last layer, and the mask of those that are real."""
        ids, mask = self._filled(values)
        vectors = self.body(input_ids=ids, attention_mask=mask).last_hidden_state
        return Features(vectors, torch.ones_like(ids, dtype=torch.bool) if self.padded else values.mask)

    def forward(self, values: Any) -> Tensor:
        """Map texts to vectors, shape (n, dim)."""
        if not self.padded:
            return super().forward(values)
        vectors: Tensor = self.body(input_ids=self._filled(values)[0]).pooler_output
        return vectors

    def _filled(self, values: Tokens) -> tuple[Tensor, Tensor | None]:
        if not self.padded:
            return values.ids, values.mask.long()
        room = int(self.config["max_position_embeddings"]) - values.ids.shape[1]
        return F.pad(values.ids, (0, room), value=self.preprocessing.tokenizer.pad), None


def load_clip(name: str, frozen: tuple[str, ...] = ()) -> TwoTowers:
    """Load a CLIP or SigLIP checkpoint, which gives the same vectors as in the library that wrote it.

    Parameters
    ----------
    name : str
        A folder that transformers' `CLIPModel.save_pretrained` or OpenCLIP wrote, with its configuration of images and
        its tokenizer; an installed package that carries one; or a name on the Hugging Face hub. Only safetensors are
        read, and no code of the checkpoint is run.
    frozen : tuple of str, optional
        Towers that do not learn.

    Raises
    ------
    UnlabeledError
        If there is no such checkpoint, or it is not supported.
    """
    checkpoint = read_clip_checkpoint(name)
    model = _loaded(checkpoint)
    preprocessing: PairPreprocessing = clip_preprocessing(name)
    of_image, of_text = (_described(half) for half in (model.config.vision_config, model.config.text_config))
    rows = of_text["vocab_size"]
    if len(preprocessing.text.tokenizer) > rows:
        raise UnlabeledError(
            f"the tokenizer of {name!r} has {len(preprocessing.text.tokenizer)} tokens, but the network only {rows}"
        )
    image = ClipImage(
        preprocessing.image, config=of_image, mean=list(checkpoint.mean), deviation=list(checkpoint.deviation)
    )
    text = ClipText(preprocessing.text, config=of_text)
    image.body, text.body = model.vision_model, model.text_model
    siglip = checkpoint.config["model_type"] == "siglip"
    towers = TwoTowers(
        preprocessing,
        image=image,
        text=text,
        dim=text.dim if siglip else int(model.config.projection_dim),
        frozen=frozen,
    )
    with torch.no_grad():
        for projection, own in (
            (towers.image_projection, None if siglip else model.visual_projection),
            (towers.text_projection, None if siglip else model.text_projection),
        ):
            projection.weight.copy_(torch.eye(towers.dim) if own is None else own.weight)  # SigLIP has none
    bias = model.logit_bias.item() if siglip else None
    towers.learnt_scale = (model.logit_scale.exp().item(), bias)
    return towers.eval()


def _loaded(checkpoint: ClipCheckpoint) -> Any:
    """Give the model of transformers with the weights of a checkpoint."""
    if checkpoint.library == "open_clip":
        model = _model(checkpoint.config)
        weights = checkpoint.place / "open_clip_model.safetensors"
        load_weights(model, of_open_clip(load_tensors(weights)), weights)
        return model
    return load_model(str(checkpoint.place), checkpoint.place)


def of_open_clip(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give the weights of OpenCLIP's transformers the names and shapes that `transformers.CLIPModel` has for them."""
    found: dict[str, Tensor] = {}
    for key, value in tensors.items():
        if key in ("visual.proj", "text_projection", "text.text_projection"):
            found["visual_projection.weight" if key == "visual.proj" else "text_projection.weight"] = value.T
            continue
        if key.endswith("attn_mask"):
            continue
        tower = "vision_model" if key.startswith("visual.") else "text_model"
        name = key.removeprefix("visual.").removeprefix("text.")
        for theirs, ours in _OPEN_CLIP_NAMES:
            name = name.replace(theirs, ours)
        if name.endswith(("in_proj_weight", "in_proj_bias")):
            stem, _, kind = name.rpartition("in_proj_")
            for part, rows in zip("qkv", value.chunk(3), strict=True):
                found[f"{tower}.{stem}{part}_proj.{kind}"] = rows
            continue
        found[name if name == "logit_scale" else f"{tower}.{name}"] = value
    return found


_OPEN_CLIP_NAMES = (
    ("transformer.resblocks", "encoder.layers"),
    ("ln_1", "layer_norm1"),
    ("ln_2", "layer_norm2"),
    ("mlp.c_fc", "mlp.fc1"),
    ("mlp.c_proj", "mlp.fc2"),
    ("attn.", "self_attn."),
    ("token_embedding", "embeddings.token_embedding"),
    ("class_embedding", "embeddings.class_embedding"),
    ("positional_embedding", "embeddings.position_embedding.weight"),
    ("conv1.", "embeddings.patch_embedding."),
    ("ln_pre", "pre_layrnorm"),  # the misspelling is the library's
    ("ln_post", "post_layernorm"),
    ("ln_final", "final_layer_norm"),
)


_CLASSES = {
    "clip": "CLIPModel",
    "clip_vision_model": "CLIPVisionModel",
    "clip_text_model": "CLIPTextModel",
    "siglip_vision_model": "SiglipVisionModel",
    "siglip_text_model": "SiglipTextModel",
}


def _model(config: dict[str, Any]) -> Any:
    """Build a network of transformers from a configuration, without weights."""
    import transformers

    if config.get("model_type") not in _CLASSES:
        raise UnlabeledError(f"a tower of type {config.get('model_type')!r} is not supported")
    made = transformers.AutoConfig.for_model(**config)
    with quiet():
        return getattr(transformers, _CLASSES[config["model_type"]])._from_config(made)


def _described(config: Any) -> dict[str, Any]:
    """Give a whole configuration in JSON's types."""
    found: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    return found
