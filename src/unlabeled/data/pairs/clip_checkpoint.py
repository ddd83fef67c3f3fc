"""What a folder of a CLIP or SigLIP checkpoint says beside its weights: the networks, images and texts it takes."""

from __future__ import annotations

import gzip
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

from unlabeled.data.image.decode import Fit
from unlabeled.data.text.tokenization.checkpoint_folder import find_checkpoint
from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.errors import UnlabeledError
from unlabeled.files import read_json, refuses_damage

OPEN_CLIP, TRANSFORMERS = "open_clip_config.json", "config.json"
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the pixels that CLIP was trained on, where a checkpoint does not say."""
BICUBIC = 3
"""Pillow's number of the resampling filter."""

_ENTITIES = {"&amp;amp;": "&", "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&nbsp;": " "}
_TYPOGRAPHY = {"[\u02bc\u2018-\u201b]": "'", "[\u201c-\u201f]": '"', "\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl"}
"""What OpenCLIP writes plainly in a text before it is cut: usual entities of HTML, curved quotes and ligatures."""

_SINGLE = "*.json", "*.txt", "tokenizer.model"
# The settings of OpenCLIP's own networks that are carried over; anything else must be as it is by default.
_VISION = {"image_size", "layers", "width", "head_width", "patch_size", "mlp_ratio", "patch_dropout", "output_tokens"}
_TEXT = {"context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio", "pad_id", "output_tokens"}
_TEXT |= {"hf_tokenizer_name", "tokenizer_kwargs", "tokenizer_mode", "eos_id"}
_DEFAULTS = {"pool_type": ("tok", "argmax"), "proj_type": ("linear",), "pos_embed_type": ("learnable",)}


class ClipCheckpoint(NamedTuple):
    """A checkpoint of two towers, before its weights are read.

    Attributes
    ----------
    place : Path
        Its folder.
    library : {"open_clip", "transformers"}
        The library that wrote it.
    config : dict
        The configuration of `transformers.CLIPModel` or `SiglipModel`, also for a checkpoint of OpenCLIP.
    size : int
        Pixels a side of an image.
    fit : str
        How an image becomes a square of that size, see `unlabeled.data.image.decode.pixels`.
    mean, deviation : tuple of float
        Subtracted from pixels in [0, 1], and what they are divided by, a number a channel.
    length : int
        Tokens of a text at most.
    """

    place: Path
    library: Literal["open_clip", "transformers"]
    config: dict[str, Any]
    size: int
    fit: Fit
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    length: int

    @property
    def tokenizer(self) -> SubwordTokenizer:
        """The tokenizer that lies in the folder; for OpenCLIP without one, that of CLIP from the open_clip package."""
        if self.library == "open_clip" and not (self.place / "tokenizer.json").exists():
            return SubwordTokenizer.from_transformers(_clip_tokenizer(), str(self.place))
        return SubwordTokenizer.from_folder(self.place)


@cache
@refuses_damage
def read_clip_checkpoint(name: str) -> ClipCheckpoint:
    """Read what a checkpoint says of itself.

    Parameters
    ----------
    name : str
        A folder; an installed package that carries a model; or a name on the Hugging Face hub, from which it is
        fetched.

    Raises
    ------
    UnlabeledError
        If there is none, it is of another kind, or asks for a network or images that are not supported.
    """
    place = _folder(name)
    if (place / TRANSFORMERS).exists() and read_json(place / TRANSFORMERS).get("model_type") in ("clip", "siglip"):
        return _of_transformers(place)
    if (place / OPEN_CLIP).exists():
        return _of_open_clip(place)
    raise UnlabeledError(
        f"{name} holds no CLIP: neither {OPEN_CLIP} nor a {TRANSFORMERS} of a model of type clip or siglip"
    )


def _folder(name: str) -> Path:
    place = find_checkpoint(name)
    if isinstance(place, Path):
        return place
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, allow_patterns=list(_SINGLE)))
        ours = "model*.safetensors" if (folder / TRANSFORMERS).exists() else "open_clip_model.safetensors"
        return Path(snapshot_download(name, allow_patterns=[*_SINGLE, ours]))
    except Exception as error:  # the hub's client fails in many ways: no network, no such name, no permission
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UnlabeledError(
            f"there is no folder {name!r}, and no such model could be fetched from the Hugging Face hub: {reason}"
        ) from error


def _of_transformers(place: Path) -> ClipCheckpoint:
    config = read_json(place / TRANSFORMERS)
    processor: dict[str, Any] = {}
    for file in ("processor_config.json", "preprocessor_config.json"):
        if (place / file).exists():
            found = read_json(place / file)
            processor = found.get("image_processor", found)
    siglip = config["model_type"] == "siglip"
    size = int(config.get("vision_config", {}).get("image_size", 224))
    fit = _fit(place, processor, size, "stretch" if siglip else "transformers_crop")
    neutral = (0.5, 0.5, 0.5)
    mean = tuple(processor.get("image_mean", neutral if siglip else MEAN))
    deviation = tuple(processor.get("image_std", neutral if siglip else DEVIATION))
    if not processor.get("do_normalize", True):
        mean, deviation = (0.0,) * 3, (1.0,) * 3
    length = int(config.get("text_config", {}).get("max_position_embeddings", 64 if siglip else 77))
    return ClipCheckpoint(place, "transformers", config, size, fit, mean, deviation, length)


def _fit(place: Path, processor: dict[str, Any], size: int, usual: Fit) -> Fit:
    """Give the geometry that an image processor of transformers asks for."""
    if not processor:
        return usual
    asked, crop = processor.get("size", {}), processor.get("crop_size", {})
    asked = {"shortest_edge": asked} if isinstance(asked, int) else asked
    crop = {"height": crop, "width": crop} if isinstance(crop, int) else crop
    square = {"height": size, "width": size}
    cropped = bool(processor.get("do_center_crop", usual == "transformers_crop"))
    if processor.get("do_resize", True) and processor.get("resample", BICUBIC) == BICUBIC:
        if cropped and asked.get("shortest_edge") == size and (crop or square) == square:
            return "transformers_crop"
        if not cropped and {key: asked.get(key) for key in square} == square:
            return "stretch"
    raise UnlabeledError(
        f"{place} prepares images in a way that is not supported: size {asked}, crop {crop if cropped else 'none'}, "
        f"filter {processor.get('resample')}, for a network of {size} pixels; supported is bicubic resizing of the "
        "shorter side with a crop of the middle, or of both sides"
    )


def _of_open_clip(place: Path) -> ClipCheckpoint:
    description = read_json(place / OPEN_CLIP)
    model, prepare = description["model_cfg"], description.get("preprocess_cfg", {})
    vision, text = model["vision_cfg"], model["text_cfg"]
    _refuse_unknown(place, "vision_cfg", vision, _VISION)
    _refuse_unknown(place, "text_cfg", text, _TEXT)
    if isinstance(vision.get("layers", 12), list):
        raise UnlabeledError(
            f"{place} has a residual network for images, which is not supported; vision transformers are"
        )
    size = vision.get("image_size", 224)
    modes = {"shortest": "torchvision_crop", "squash": "stretch"}
    mode, filter_ = prepare.get("resize_mode", "shortest"), prepare.get("interpolation", "bicubic")
    if mode not in modes or filter_ != "bicubic" or not isinstance(size, int):
        raise UnlabeledError(
            f"{place} prepares images of {size} pixels by {mode!r} and {filter_!r}, which is not supported; supported "
            "are squares, by 'shortest' or 'squash' and 'bicubic'"
        )
    width, text_width = vision.get("width", 768), text.get("width", 512)
    activation = "quick_gelu" if model.get("quick_gelu", False) else "gelu"
    common = {"hidden_act": activation, "projection_dim": model["embed_dim"]}
    length = text.get("context_length", 77)
    ends = {"bos_token_id": None, "eos_token_id": text.get("vocab_size", 49408) - 1}
    config = {
        "model_type": "clip",
        "projection_dim": model["embed_dim"],
        "vision_config": {
            **common,
            "hidden_size": width,
            "intermediate_size": int(width * vision.get("mlp_ratio", 4.0)),
            "num_hidden_layers": vision.get("layers", 12),
            "num_attention_heads": width // vision.get("head_width", 64),
            "image_size": size,
            "patch_size": vision.get("patch_size", 16),
        },
        "text_config": {
            **common,
            "hidden_size": text_width,
            "intermediate_size": int(text_width * text.get("mlp_ratio", 4.0)),
            "num_hidden_layers": text.get("layers", 12),
            "num_attention_heads": text.get("heads", 8),
            "max_position_embeddings": length,
            "vocab_size": text.get("vocab_size", 49408),
            **ends,
        },
    }
    mean, deviation = tuple(prepare.get("mean", MEAN)), tuple(prepare.get("std", DEVIATION))
    fit: Any = modes[mode]
    return ClipCheckpoint(place, "open_clip", config, size, fit, mean, deviation, length)


def _refuse_unknown(place: Path, part: str, settings: dict[str, Any], known: set[str]) -> None:
    """Refuse a setting that changes the network and is not carried over."""
    for name, value in settings.items():
        if name not in known and value not in (None, False, *_DEFAULTS.get(name, ())):
            raise UnlabeledError(f"{place}: {part} asks for {name} = {value!r:.60}, which is not supported")


def _clip_tokenizer() -> Any:
    """Make CLIP's tokenizer from the vocabulary that the open_clip package carries; none of its code is run."""
    from tokenizers import Regex, normalizers
    from transformers import CLIPTokenizer

    package = find_spec("open_clip")
    root = Path(package.origin).parent if package is not None and package.origin else Path()
    file = root / "bpe_simple_vocab_16e6.txt.gz"
    if not file.exists():
        raise UnlabeledError(
            "the checkpoint has no tokenizer.json; lay that of CLIP into the folder, or install open_clip, which "
            "carries it: pip install open_clip_torch"
        )
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        merges = [tuple(line.split()) for line in lines.read().split("\n")[1 : 49152 - 256 - 2 + 1]]
    letters = list(_letters_of_bytes())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    made = CLIPTokenizer(vocab={token: number for number, token in enumerate(tokens)}, merges=merges)
    backend = made.backend_tokenizer
    cleaning = [normalizers.Replace(Regex(old), new) for old, new in (_ENTITIES | _TYPOGRAPHY).items()]
    backend.normalizer = normalizers.Sequence([*cleaning, backend.normalizer])
    return made


def _letters_of_bytes() -> str:
    """Give the character that stands for each byte, in the order of CLIP's vocabulary: printable ones first."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = range(256, 256 + 256 - len(printable))
    return "".join(map(chr, [*printable, *others]))
