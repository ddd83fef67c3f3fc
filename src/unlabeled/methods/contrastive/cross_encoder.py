"""Cross-encoder: one network with two inputs says whether they belong together."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.data.batch import Batch, joined, map_tensors, rows_of
from unlabeled.encoders import Encoder, Network, Paired, projection_head
from unlabeled.encoders.encoder import from_description
from unlabeled.encoders.make import brings_weights
from unlabeled.encoders.pair.joint_towers import JointTowers
from unlabeled.encoders.pair.two_towers import TwoTowers
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.losses.blockwise.embedding_checks import unit
from unlabeled.processes import gather, rank
from unlabeled.training.bases.tuples import TupleViews, checked_tuples
from unlabeled.training.inference import canonical_instances, evaluating

FORMS = ("joint", "two_towers")
SIMILARITIES = {"inner_product": (1.0, 0.0), "euclidean": (1.0, 1.0), "correlation": (5.0, 0.0)}
"""Of each similarity the scale a and offset b that learning starts from, which let both answers be given."""


class CrossEncoder(TupleViews):
    r"""Of two instances, say whether they belong together: by one network that sees both, or by two towers.

    Split: x is a view of each of two instances, and y whether they are alike. Pairs are given, or made: two views of an
    instance are alike, and a view is paired with one of another instance, which is alike if it is of the same class.
    The joint form lays both on each other and gives them to one encoder. In the form of two towers the same encoder
    sees each by itself, and a similarity s compares the projections: their inner product over √d, minus their Euclidean
    distance, or their correlation. Loss, with ℓ the network's logit, or a s + b with a and b learnt:

    .. math:: L = -y \log \sigma(\ell) - (1 - y) \log(1 - \sigma(\ell))

    Of images with texts, the views are the image and the text. The joint form is then a transformer in which the places
    of the image and the tokens of the text attend to each other, and the form of two towers has one for each kind.

    An encoder that has learnt already is taken over with its weights; in the joint form its first layer sees the mean
    of both instances to begin with.

    The joint form can compare details; but it has no vector of one instance that could be searched for. Its `transform`
    gives the vector of an instance paired with itself. With two towers n instances cost n passes and not n².

    Parameters
    ----------
    form : {"joint", "two_towers"}, default "joint"
        One network with two inputs, or one a tower.
    similarity : {"inner_product", "euclidean", "correlation"}, default "inner_product"
        s, of two towers.
    projection_dim : int, default 128
        d, the length of a tower's projection. Users get the encoder's vector before it.

    References
    ----------
    .. [1] Zagoruyko & Komodakis, Learning to Compare Image Patches via Convolutional Neural Networks, CVPR 2015.
    .. [2] Humeau, Shuster, Lachaux & Weston, Poly-encoders, ICLR 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images, labels = load_digits(return_X_y=True)
    >>> images = images[:64].reshape(-1, 8, 8) / 16
    >>> model = CrossEncoder(encoder="conv", epochs=1, random_state=0, progress=False).fit(images, labels[:64])
    >>> model.predict_pairs(images[:5], images[5:10]).shape
    (5,)
    """

    principle: ClassVar[str] = "contrastive"

    modalities: ClassVar[tuple[str, ...]] = ("image", "vector", "pair")
    minimum_rows: ClassVar[int] = 2

    form: Literal["joint", "two_towers"] = "joint"
    similarity: Literal["inner_product", "euclidean", "correlation"] = "inner_product"
    projection_dim: int = 128

    def idle_settings(self) -> list[tuple[tuple[str, ...], str]]:
        """Name the settings of two towers, where there is one network."""
        idle = super().idle_settings()
        if self.form == "joint":
            idle.append((("similarity", "projection_dim"), "is for two towers, and form='joint' has one network"))
        return idle

    def fit(self, X: Any, y: Any = None, *, pairs: Any = None, resume: bool = False) -> Self:
        """Learn from pairs of instances.

        Parameters
        ----------
        X : array, list of paths or images, path, torch dataset, or unlabeled data object
            The instances.
        y : array of shape (n,), optional
            Their classes, −1 or None where unknown, from which pairs are made.
        pairs : array of int, shape (m, 3), optional
            Given pairs instead: the positions of two instances, and 1 if they are alike or 0 if not. An epoch is
            then a pass over the pairs, and a batch holds half as many of them as `batch_size`.
        resume : bool, default False
            Go on from the checkpoint.

        Returns
        -------
        self
        """
        self.given_ = checked_tuples(pairs, 2, "pairs")
        return super().fit(X, y, resume=resume)

    def build(self, encoder: Encoder) -> Network:
        """Build the encoder of pairs with a head, or a tower with a projection, scale and offset."""
        if self.form not in FORMS:
            raise unknown_name("form", self.form, FORMS)
        if self.similarity not in SIMILARITIES:
            raise unknown_name("similarity", self.similarity, SIMILARITIES)
        if self.form == "joint" and self.two_kinds_:
            if not isinstance(encoder, TwoTowers):
                raise UnlabeledError(f"of pairs, the encoder is one of both halves, not {encoder.architecture!r}")
            joint = JointTowers(encoder.preprocessing, image=encoder.image, text=encoder.text)
            return Network(joint, head=projection_head(joint.dim, 1))
        if self.form == "joint":
            inner = from_description(encoder.describe(), encoder.preprocessing.doubled())
            if brings_weights(self.encoder):
                take_over(inner, encoder)
            return Network(Paired(encoder.preprocessing, encoder=inner), head=projection_head(inner.dim, 1))
        head, (scale, offset) = nn.Linear(1, 1), SIMILARITIES[self.similarity]
        nn.init.constant_(head.weight, scale)
        nn.init.constant_(head.bias, offset)
        return Network(encoder, projector=projection_head(encoder.dim, self.projection_dim), head=head)

    def split(self, batch: Batch) -> tuple[Any, Any]:
        """Show pairs, hide which are alike; to each made pair of one instance comes one with another instance."""
        views, y = super().split(batch)
        if self.given_ is not None:
            return views, y
        first, second = views
        if self.two_kinds_:  # texts of other processes have other lengths, so the other one is of this process
            others, classes = map_tensors(lambda part: part.roll(1, 0), second), y.roll(1, 0)
        else:
            mine = slice(rank() * len(y), (rank() + 1) * len(y))
            others, classes = (gather(part).roll(1, 0)[mine] for part in (second, y))
        alike = torch.cat([torch.ones_like(y, dtype=torch.bool), classes == y])
        return (joined([first, first]), joined([second, others])), alike

    def loss(self, net: Network, x: tuple[Any, Any], y: Tensor) -> Tensor:
        """Binary cross-entropy of the answers."""
        return F.binary_cross_entropy_with_logits(self._logits(net, *x).float(), y.float())

    def predict_pairs(self, A: Any, B: Any) -> NDArray[np.float32]:
        """Give the probability that the instances at the same place in A and B belong together.

        Parameters
        ----------
        A, B : as `X` in `fit`, n instances each
            Of images with texts, A are images and B texts.

        Returns
        -------
        ndarray of float32, shape (n,)
            The same whichever of the two comes first, where both are of one kind.

        Raises
        ------
        UnlabeledError
            If there are more of one than of the other.
        """
        found: list[Tensor] = []
        with evaluating(self) as (net, device):
            first, second = (canonical_instances(self, part, device) for part in (A, B))
            counts = [len(Batch.unlabelled(part)) for part in (first, second)]
            if counts[0] != counts[1]:
                raise UnlabeledError(f"A and B must hold as many instances, not {counts[0]} and {counts[1]}")
            for rows in torch.arange(counts[0], device=device).split(self.batch_size):
                a, b = rows_of(first, rows), rows_of(second, rows)
                ways = [(a, b)] if self.two_kinds_ else [(a, b), (b, a)]
                found.append(torch.stack([self._logits(net, *way).sigmoid() for way in ways]).mean(0))
        return torch.cat(found).float().cpu().numpy()

    def _logits(self, net: Network, first: Any, second: Any) -> Tensor:
        """Give log-odds that pairs are alike."""
        if self.form == "joint":
            assert isinstance(net.encoder, (Paired, JointTowers))
            joint: Tensor = net.head(net.encoder.pair(first, second))
            return joint.squeeze(1)
        u, v = net.project(first), net.project(second)
        if self.similarity == "inner_product":
            s = (u * v).sum(dim=1) / self.projection_dim**0.5
        elif self.similarity == "euclidean":
            s = -((u - v).square().sum(dim=1) + 1e-12).sqrt()  # finite slope where both are the same
        else:
            s = (unit(u - u.mean(dim=1, keepdim=True)) * unit(v - v.mean(dim=1, keepdim=True))).sum(dim=1)
        scaled: Tensor = net.head(s[:, None])
        return scaled.squeeze(1)


def take_over(pair: Encoder, single: Encoder) -> None:
    """Give an encoder of pairs what one of single instances has learnt.

    The first layer, which has twice the inputs, gets half of the weights for each of both. So an instance paired with
    itself has the vector that it has alone.

    Raises
    ------
    UnlabeledError
        If there is a layer that this does not fit.
    """
    wanted, found = pair.state_dict(), {}
    for name, weight in single.state_dict().items():
        if wanted[name].shape != weight.shape:
            weight = torch.cat([weight, weight], dim=1) / 2 if weight.dim() > 1 else weight
        if wanted[name].shape != weight.shape:
            raise UnlabeledError(
                f"what encoder {single.architecture!r} has learnt does not fit the joint form, which sees two "
                "instances at once; take form='two_towers', or an untrained encoder by its name"
            )
        found[name] = weight
    pair.load_state_dict(found)
