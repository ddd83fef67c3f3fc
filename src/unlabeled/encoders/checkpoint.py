"""Encoders on disk: safetensors for the numbers, JSON for everything one must know to use them."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from unlabeled.encoders.encoder import Encoder, from_description
from unlabeled.errors import UnlabeledError
from unlabeled.files import folder_written_aside, read_json, refuses_damage, write_json, written_aside
from unlabeled.modalities import Preprocessing

FORMAT = 1
DESCRIPTION = "encoder.json"


def library_versions() -> dict[str, str]:
    """Give the versions of the libraries whose behaviour a checkpoint depends on."""
    found = {"python": platform.python_version()}
    for package in ("unlabeled", "torch", "timm", "transformers", "tokenizers", "numpy", "pillow", "scikit-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def save_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    """Write tensors as safetensors, whole or not at all; tensors that share storage are written apart."""
    with written_aside(path) as aside:
        try:
            copies = {key: value.detach().contiguous().cpu().clone() for key, value in tensors.items()}
            save_file(copies, aside, metadata={"format": "pt"})  # which transformers asks for
        except SafetensorError as error:
            # The writer wraps the file system's refusal in an error of its own.
            raise OSError(str(error)) from error


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file; a missing or damaged one is an error that names it."""
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except FileNotFoundError:
        raise UnlabeledError(f"{path} is missing") from None
    except (SafetensorError, OSError) as error:
        raise UnlabeledError(f"{path} cannot be read ({error}); it is damaged or not a safetensors file") from error
    return tensors


def load_weights(module: nn.Module, tensors: dict[str, Tensor], source: Path) -> None:
    """Put tensors into a module, all of them, or say what does not match.

    Raises
    ------
    UnlabeledError
        If no key matches (a file of another architecture), some are missing or unknown, or a shape differs.
    """
    wanted = module.state_dict()
    matching = wanted.keys() & tensors.keys()
    if not matching:
        raise UnlabeledError(
            f"{source}: not one of its {len(tensors)} keys matches the {len(wanted)} of {type(module).__name__}; "
            f"it holds {_few(tensors)}, where {_few(wanted)} are expected"
        )
    problems = [f"missing {_few(missing)}"] if (missing := wanted.keys() - tensors.keys()) else []
    problems += [f"unknown {_few(unknown)}"] if (unknown := tensors.keys() - wanted.keys()) else []
    for key in sorted(matching):
        if wanted[key].shape != tensors[key].shape:
            problems.append(f"{key} has shape {tuple(tensors[key].shape)}, not {tuple(wanted[key].shape)}")
    if problems:
        raise UnlabeledError(f"{source} does not fit {type(module).__name__}: {'; '.join(problems[:4])}")
    module.load_state_dict(tensors)


def _few(keys: Any) -> str:
    names = sorted(keys)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def write_encoder(encoder: Encoder, folder: Path, provenance: dict[str, Any] | None = None) -> None:
    """Write an encoder's files into an existing folder: weights, description, and what other libraries need."""
    save_tensors(encoder.state_dict(), folder / encoder.weights_file)
    encoder.write_companions(folder)
    write_json(
        folder / DESCRIPTION,
        {
            "format": FORMAT,
            "encoder": encoder.describe(),
            "dim": encoder.dim,
            "preprocessing": encoder.preprocessing.to_dict(),
            **(provenance or {}),
            "versions": library_versions(),
        },
    )


def save_encoder(encoder: Encoder, folder: str | os.PathLike[str], provenance: dict[str, Any] | None = None) -> None:
    """Save an encoder as a folder with ``encoder.safetensors`` and ``encoder.json``.

    Parameters
    ----------
    encoder : Encoder
        What to save.
    folder : path
        Replaced in one step if it exists.
    provenance : dict, optional
        Where it comes from (recipe, data), in JSON's types.
    """
    with folder_written_aside(folder, "encoder") as aside:
        write_encoder(encoder, aside, provenance)


@refuses_damage
def load_encoder(folder: str | os.PathLike[str]) -> Encoder:
    """Load an encoder, ready to embed.

    Raises
    ------
    UnlabeledError
        If a file is missing, damaged, of a newer format, or does not fit the architecture that it names.
    """
    folder = Path(folder)
    description = read_json(folder / DESCRIPTION)
    try:
        if description["format"] > FORMAT:
            raise UnlabeledError(f"{folder} was written by a newer version of unlabeled; please upgrade")
        preprocessing = Preprocessing.from_dict(description["preprocessing"])
        encoder = from_description(description["encoder"], preprocessing)
    except (KeyError, TypeError) as error:
        raise UnlabeledError(f"{folder / DESCRIPTION} does not describe an encoder ({error!r})") from error
    weights = folder / encoder.weights_file
    load_weights(encoder, load_tensors(weights), weights)
    return encoder.eval()
