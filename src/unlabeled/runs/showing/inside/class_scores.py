"""The score of a class as a function of images, for attributions: by a fine-tuned model, or by a probe of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unlabeled.encoders import Encoder
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.evaluation.probes.linear_classifier import LinearClassifier
from unlabeled.explore.inside.attributions import Score, class_score
from unlabeled.methods.fewlabels.fine_tuning import FineTuning
from unlabeled.runs.run import Run


@dataclass(frozen=True)
class ClassHead:
    """A linear classifier on an encoder.

    Attributes
    ----------
    encoder : Encoder
    weights : Tensor, shape (classes, dim)
    bias : Tensor, shape (classes,)
    classes : list of str
    source : str
        What it is, in words.
    """

    encoder: Encoder
    weights: Tensor
    bias: Tensor
    classes: list[str]
    source: str

    @torch.no_grad()
    def likeliest(self, image: Tensor) -> str:
        """Name the class that an image, shape (1, c, h, w), is taken for."""
        scores = torch.nn.functional.linear(self.encoder(image), self.weights, self.bias)
        return self.classes[int(scores[0].argmax())]

    def score(self, name: str) -> Score:
        """Give the score of a class.

        Raises
        ------
        UnlabeledError
            If there is no such class.
        """
        if name not in self.classes:
            raise unknown_name("class", name, self.classes)
        return class_score(self.encoder, self.weights, self.bias, self.classes.index(name))


def class_head(run: Run, classifier: Path | None = None) -> ClassHead | None:
    """Give the head of a fine-tuned model, or else a linear probe of the run's own labels.

    Parameters
    ----------
    run : Run
    classifier : Path, optional
        A folder that ``unlabeled finetune`` wrote.

    Returns
    -------
    ClassHead or None
        None if no model is given and the run has no labels of two classes.

    Raises
    ------
    UnlabeledError
        If the model is of another task, or takes other images than the run.
    """
    if classifier is not None:
        model = FineTuning.load(classifier)
        if model.task != "class":
            raise UnlabeledError(f"{classifier} is a model for {model.task!r}; attributions are of classes")
        wanted, given = run.encoder.preprocessing, model.encoder_.preprocessing
        if wanted != given:
            raise UnlabeledError(f"{classifier} takes other images than {run.folder}; fine-tune the encoder of the run")
        names = [str(name) for name in model.classes_]
        head, encoder = model.head_.cpu(), model.encoder_.cpu()  # where the encoders of runs are, not on a GPU
        weights, bias = head.weight.detach(), head.bias.detach()
        return ClassHead(encoder.eval(), weights, bias, names, f"the model {classifier}")
    labels, classes = run.embeddings.labels, run.embeddings.classes
    if labels is None or classes is None or len(np.unique(labels[labels >= 0])) < 2:
        return None
    vectors = run.embeddings.vectors[labels >= 0]
    mean, scale = vectors.mean(0), np.maximum(vectors.std(0), 1e-6)
    probe = LinearClassifier().fit((vectors - mean) / scale, labels[labels >= 0])
    weights = probe.weights_[:-1].T / scale
    bias = probe.weights_[-1] - weights @ mean
    names = [classes[code] for code in probe.classes_]
    return ClassHead(run.encoder.eval(), _tensor(weights), _tensor(bias), names, "a linear probe of the run's labels")


def _tensor(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
