"""Tiny CLIP and SigLIP checkpoints, made from a configuration and saved by the library they belong to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

WORDS = ["a picture of a cat", "two dogs, sleeping", "Ärger mit dem Zug!", "x" * 90, "don't 42 👍"]


def clip_tokenizer(vocabulary: Any = None, merges: Any = None) -> Any:
    from transformers import CLIPTokenizer

    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(code) for code in [*printable, *range(256, 512 - len(printable))]]
    merges = [("c", "a"), ("ca", "t</w>"), ("d", "o")]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: number for number, token in enumerate(tokens)}, merges=merges)


def save_transformers_clip(folder: Path, **vision: Any) -> tuple[Any, Any]:
    """Give the model and its processor of the Pillow backend."""
    from transformers import CLIPConfig, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tokenizer = clip_tokenizer()
    torch.manual_seed(1)
    common = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    end = tokenizer.eos_token_id
    text = {**common, "vocab_size": len(tokenizer), "max_position_embeddings": 24, "eos_token_id": end}
    config = CLIPConfig(
        text_config=text, vision_config={**common, "image_size": 32, "patch_size": 8, **vision}, projection_dim=20
    )
    model = CLIPModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))  # biases begin at zero, and would hide a mistake
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    images = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    images.save_pretrained(folder)
    return model, images


def save_siglip(folder: Path) -> tuple[Any, Any]:
    from transformers import SiglipConfig, SiglipModel
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    tokenizer = clip_tokenizer()
    torch.manual_seed(2)
    common = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = {**common, "vocab_size": len(tokenizer), "max_position_embeddings": 24, "projection_size": 32}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config={**common, "image_size": 32, "patch_size": 8}))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    images = SiglipImageProcessorPil(size={"height": 32, "width": 32})
    images.save_pretrained(folder)
    return model, images


def save_open_clip(folder: Path, *, quick_gelu: bool = True, **prepare: Any) -> Any:
    """Save as OpenCLIP's `save_for_hf` does, but for the tokenizer, which its folder may lack."""
    import open_clip
    from safetensors.torch import save_file

    torch.manual_seed(3)
    model_cfg = {
        "embed_dim": 20,
        "quick_gelu": quick_gelu,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 8, "patch_size": 8},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
    }
    model = open_clip.CLIP(**model_cfg).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    folder.mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    description = {"model_cfg": model_cfg, "preprocess_cfg": {"interpolation": "bicubic", **prepare}}
    (folder / "open_clip_config.json").write_text(json.dumps(description))
    return model
