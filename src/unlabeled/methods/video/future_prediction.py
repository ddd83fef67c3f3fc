"""Future prediction: the embedding of what comes next, from what has been seen."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder, Network
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.losses import info_nce
from unlabeled.methods.video.video_learning import VideoMethod


class FuturePrediction(VideoMethod):
    r"""A clip is cut into blocks of frames; from the first ones the network predicts the embeddings of the last ones.

    Split: x is the past, y the future, both as blocks of frames. A recurrent network (GRU) makes one context c of the
    embeddings of the past, and a linear map for each step k predicts from it. The right block must be told from all
    future blocks in the batch, of this clip and of others, by InfoNCE with s the cosine similarity and z the embeddings
    of blocks:

    .. math:: L = -\frac{1}{NK} \sum_{i=1}^{N} \sum_{k=1}^{K} \log
              \frac{\exp(s(W_k c_i, z_{i,k}) / \tau)}{\sum_{j=1}^{N} \sum_{l=1}^{K} \exp(s(W_k c_i, z_{j,l}) / \tau)}

    A loss that stays at ln(N K) says that nothing is learnt. Where `clip_stride` is less than `steps` · `block`, clips
    of one video share frames of their futures, which then are wrong answers of each other. Larger strides share none.

    Parameters
    ----------
    block : int, default 2
        Frames in a block.
    steps : int, default 2
        K, the blocks that are predicted; all others of the clip are the past.
    direction : {"future", "past"}, default "future"
        With ``"past"``, clips are read backwards: the past is predicted from the present.
    temperature : float, default 0.1
        τ.

    References
    ----------
    .. [1] van den Oord, Li & Vinyals, Representation Learning with Contrastive Predictive Coding, 2018.
    .. [2] Han, Xie & Zisserman, Video Representation Learning by Dense Predictive Coding, 2019.

    Examples
    --------
    >>> import torch
    >>> clips = torch.rand(6, 8, 16, 16, 1).numpy()
    >>> model = FuturePrediction(epochs=1, random_state=0, progress=False).fit(clips)
    >>> model.transform(clips).shape
    (6, 192)
    """

    principle: ClassVar[str] = "contrastive"

    minimum_rows: ClassVar[int] = 2

    block: int = 2
    steps: int = 2
    direction: Literal["future", "past"] = "future"
    temperature: float = 0.1

    def prepare(self, preprocessing: Any) -> None:
        """Refuse clips without a past or a future."""
        super().prepare(preprocessing)
        if self.direction not in ("future", "past"):
            raise unknown_name("direction", self.direction, ["future", "past"])
        if self.block < 1 or self.steps < 1 or preprocessing.length // self.block <= self.steps:
            raise UnlabeledError(
                f"clips of {preprocessing.length} frames have no {self.steps} blocks of {self.block} frames to predict "
                "and one to predict from; choose a longer clip_length, or fewer steps"
            )

    def build(self, encoder: Encoder) -> Network:
        """Add the recurrent network that makes a context, and a linear map a step."""
        predictors = nn.Linear(encoder.dim, self.steps * encoder.dim)
        return Network(encoder, predictor=Context(encoder.dim, predictors))

    def split(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Show the past, hide the future; blocks of shape (n, blocks, frames, c, h, w)."""
        clips = self.view_(batch.values)
        blocks = clips.unfold(1, self.block, self.block).movedim(-1, 2)
        if self.direction == "past":  # the clip is read backwards, the frames of a block too
            blocks = blocks.flip(1, 2)
        return blocks[:, : -self.steps], blocks[:, -self.steps :]

    def loss(self, net: Network, x: Tensor, y: Tensor) -> Tensor:
        """Tell the predicted blocks from all others."""
        n, past = x.shape[:2]
        # In two passes: the statistics of batch normalisation would tell the past of the future.
        seen, hidden = net.encoder(x.flatten(0, 1)), net.encoder(y.flatten(0, 1))
        predicted = net.predictor(seen.view(n, past, -1)).view(n * self.steps, -1)
        return info_nce(predicted, hidden, self.temperature)


class Context(nn.Module):
    """A GRU over the embeddings of blocks, shape (n, blocks, dim), and linear maps of its last state."""

    def __init__(self, dim: int, predictors: nn.Linear) -> None:
        super().__init__()
        self.recurrent = nn.GRU(dim, dim, batch_first=True)
        self.predictors = predictors

    def forward(self, blocks: Tensor) -> Tensor:
        """Predict from the past; shape (n, steps · dim)."""
        states, _ = self.recurrent(blocks)
        predicted: Tensor = self.predictors(states[:, -1])
        return predicted
