"""Siamese network: pairs that are alike come together, others keep a distance."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from unlabeled.encoders import Encoder, Network, projection_head
from unlabeled.losses import batch_contrastive, contrastive
from unlabeled.losses.blockwise.distances import Distance
from unlabeled.losses.blockwise.embedding_checks import unit
from unlabeled.training.bases.tuples import TupleViews, checked_tuples


class SiameseNetwork(TupleViews):
    r"""Pairs that are alike come together, and pairs that are not keep a distance of a margin.

    Split: x is a view of each of two instances, and y whether they are alike. Pairs are given, or made: all pairs of
    views in a batch, alike if they are of one class or, without labels, of one instance. Loss, with z the projections
    at unit length and D their distance:

    .. math:: L = \begin{cases} D(z_i, z_j)^2 & \text{alike} \\
              \max(0, \varepsilon - D(z_i, z_j))^2 & \text{not} \end{cases}

    Of the pairs of a batch, the mean over alike and that over other pairs are added up.

    Of images with texts, the views are the image and the text, each encoded by a tower of its own; pairs that share an
    image or a text are alike. Given pairs compare the image of the first with the text of the second. There is no
    projection, so images and texts lie in one space.

    Parameters
    ----------
    margin : float, default 1.0
        ε, in units of the distance. Unit vectors are at most 2 apart.
    distance : {"euclidean", "squared", "cosine"}, default "euclidean"
        D.
    projection_dim : int, default 128
        Length of the projection z. Users get the encoder's vector before it.
    per_class : int, optional
        Instances of each class in a batch, for many classes of few instances, of which a shuffled batch rarely holds
        two. It divides `batch_size`, and needs labels and no given pairs; instances without a label then never come.
        Classes and instances are drawn at random, in as many steps as without it. By default all instances are
        shuffled.

    See Also
    --------
    unlabeled.losses.contrastive : The loss.

    References
    ----------
    .. [1] Hadsell, Chopra & LeCun, Dimensionality Reduction by Learning an Invariant Mapping, CVPR 2006.
    .. [2] Bromley, Guyon, LeCun, Säckinger & Shah, Signature Verification using a Siamese Time Delay Neural Network,
       NeurIPS 1993.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images, labels = load_digits(return_X_y=True)
    >>> images = images[:64].reshape(-1, 8, 8) / 16
    >>> model = SiameseNetwork(encoder="conv", epochs=1, random_state=0, progress=False).fit(images, labels[:64])
    >>> model.transform(images).shape
    (64, 192)
    """

    principle: ClassVar[str] = "contrastive"

    minimum_rows: ClassVar[int] = 2

    margin: float = 1.0
    distance: Distance = "euclidean"
    projection_dim: int = 128
    per_class: int | None = None

    def fit(self, X: Any, y: Any = None, *, pairs: Any = None, resume: bool = False) -> Self:
        """Learn from pairs of instances.

        Parameters
        ----------
        X : array, list of paths or images, path, torch dataset, or unlabeled data object
            The instances.
        y : array of shape (n,), optional
            Their classes, −1 or None where unknown, from which pairs are made.
        pairs : array of int, shape (m, 3), optional
            Given pairs instead: the positions of two instances, and 1 if they are alike or 0 if not. Views of both are
            compared. An epoch is then a pass over the pairs, and a batch holds half as many of them as `batch_size`.
        resume : bool, default False
            Go on from the checkpoint.

        Returns
        -------
        self
        """
        self.given_ = checked_tuples(pairs, 2, "pairs")
        return super().fit(X, y, resume=resume)

    def build(self, encoder: Encoder) -> Network:
        """Add a projection head; two towers have projections of their own."""
        if self.two_kinds_:
            return Network(encoder, projector=nn.Identity())
        return Network(encoder, projector=projection_head(encoder.dim, self.projection_dim))

    def loss(self, net: Network, x: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
        """Compare the pairs."""
        first, second = (unit(net.project(view)) for view in x)
        if self.given_ is not None:
            return contrastive(first, second, y, margin=self.margin, distance=self.distance)
        z, classes = torch.cat([first, second]), y.repeat(2)
        return batch_contrastive(z, classes, margin=self.margin, distance=self.distance, balanced=True)
