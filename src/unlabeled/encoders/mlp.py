"""A multilayer perceptron, for vectors."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from unlabeled.encoders.encoder import Encoder
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import Preprocessing


class MLP(Encoder):
    """Fully connected layers with ReLU, from a vector (or the pixels of an image) to a vector.

    Parameters
    ----------
    preprocessing : Preprocessing
        Of vectors, or of images, whose pixels are then read as one vector.
    dim : int, default 128
        Length of the result.
    width : int, default 256
        Units of each hidden layer.
    layers : int, default 2
        Number of hidden layers.
    """

    architecture = "mlp"
    modalities: ClassVar[tuple[str, ...]] = ("image", "vector")

    def __init__(self, preprocessing: Preprocessing, *, dim: int = 128, width: int = 256, layers: int = 2) -> None:
        super().__init__(preprocessing)
        self.dim, self.width, self.layers = dim, width, layers
        inputs = 1
        for length in preprocessing.shape:
            inputs *= length
        parts: list[nn.Module] = [nn.Flatten()]
        for _ in range(layers):
            parts += [nn.Linear(inputs, width), nn.ReLU()]
            inputs = width
        self.body = nn.Sequential(*parts, nn.Linear(inputs, dim))

    def settings(self) -> dict[str, Any]:
        """Give dim, width and layers."""
        return {"dim": self.dim, "width": self.width, "layers": self.layers}

    def forward(self, batch: Tensor) -> Tensor:
        """Map (n, ...) to (n, dim)."""
        wanted = tuple(self.preprocessing.shape)
        if tuple(batch.shape[1:]) != wanted:
            hint = "; for views of another size take 'conv'" if len(wanted) > 1 else ""
            raise UnlabeledError(
                f"encoder 'mlp' was made for data of shape {wanted}, not {tuple(batch.shape[1:])}{hint}"
            )
        vectors: Tensor = self.body(batch)
        return vectors
