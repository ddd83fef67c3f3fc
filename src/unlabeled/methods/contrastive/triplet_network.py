"""Triplet network: an anchor is nearer to its positive than to its negative."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from unlabeled.encoders import Encoder, Network, projection_head
from unlabeled.losses import batch_triplet, triplet
from unlabeled.losses.blockwise.distances import Distance
from unlabeled.losses.blockwise.embedding_checks import unit
from unlabeled.losses.metric.triplets import Negatives
from unlabeled.training.bases.tuples import TupleViews, checked_tuples


class TripletNetwork(TupleViews):
    r"""An anchor comes nearer to its positive than to each negative, by a margin.

    Split: x is a view of each of three instances: anchor a, positive p and negative n. y says that p belongs to a and n
    does not. Triplets are given, or made: all triplets of views in a batch whose p is of a's class and n of another
    one; without labels every instance is a class. Loss, with z the projections at unit length and D their distance:

    .. math:: L = \sum_n \max\big(0, D(z_a, z_p) - D(z_a, z_n) + m\big)

    Parameters
    ----------
    margin : float, default 0.2
        m, in units of the distance.
    distance : {"euclidean", "squared", "cosine"}, default "euclidean"
        D.
    negatives : {"sum", "hardest"}, default "sum"
        Of made triplets, let all negatives of an anchor count, or the nearest alone.
    projection_dim : int, default 128
        Length of the projection z. Users get the encoder's vector before it.
    per_class : int, optional
        Instances of each class in a batch, for many classes of few instances, of which a shuffled batch rarely holds
        two. It divides `batch_size`, and needs labels and no given triplets; instances without a label then never come.
        Classes and instances are drawn at random, in as many steps as without it. By default all instances are
        shuffled.

    See Also
    --------
    unlabeled.losses.triplet : The loss.

    References
    ----------
    .. [1] Schroff, Kalenichenko & Philbin, FaceNet: A Unified Embedding for Face Recognition and Clustering, CVPR 2015.
    .. [2] Hoffer & Ailon, Deep Metric Learning Using Triplet Network, SIMBAD 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images, labels = load_digits(return_X_y=True)
    >>> images = images[:64].reshape(-1, 8, 8) / 16
    >>> model = TripletNetwork(encoder="conv", epochs=1, random_state=0, progress=False).fit(images, labels[:64])
    >>> model.transform(images).shape
    (64, 192)
    """

    principle: ClassVar[str] = "contrastive"

    minimum_rows: ClassVar[int] = 2
    members: ClassVar[int] = 3

    margin: float = 0.2
    distance: Distance = "euclidean"
    negatives: Negatives = "sum"
    projection_dim: int = 128
    per_class: int | None = None

    def fit(self, X: Any, y: Any = None, *, triplets: Any = None, resume: bool = False) -> Self:
        """Learn from triplets of instances.

        Parameters
        ----------
        X : array, list of paths or images, path, torch dataset, or unlabeled data object
            The instances.
        y : array of shape (n,), optional
            Their classes, −1 or None where unknown, from which triplets are made.
        triplets : array of int, shape (m, 3), optional
            Given triplets instead: the positions of anchor, positive and negative. Views of all three are compared.
            An epoch is then a pass over the triplets, and a batch holds a third as many of them as `batch_size`.
        resume : bool, default False
            Go on from the checkpoint.

        Returns
        -------
        self
        """
        self.given_ = checked_tuples(triplets, 3, "triplets")
        return super().fit(X, y, resume=resume)

    def build(self, encoder: Encoder) -> Network:
        """Add a projection head."""
        return Network(encoder, projector=projection_head(encoder.dim, self.projection_dim))

    def loss(self, net: Network, x: tuple[Tensor, ...], y: Tensor) -> Tensor:
        """Compare the triplets."""
        z = [unit(net.project(view)) for view in x]
        if self.given_ is not None:
            return triplet(*z, margin=self.margin, distance=self.distance)
        return batch_triplet(
            torch.cat(z), y.repeat(2), margin=self.margin, distance=self.distance, negatives=self.negatives
        )
