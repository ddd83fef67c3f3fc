"""BERT: predict hidden tokens from both sides, and whether one text follows another."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.data.batch import Batch, map_tensors
from unlabeled.data.instances import Instances
from unlabeled.data.text.text_columns import as_texts
from unlabeled.data.text.text_windows import SegmentPairs, Segments, Windows
from unlabeled.data.text.tokenization.tokens import Tokens, compacted, padded
from unlabeled.encoders import Encoder, Network
from unlabeled.errors import UnlabeledError
from unlabeled.methods.language.gpt import check_scores_tokens, token_logits
from unlabeled.methods.language.masking import mask_tokens
from unlabeled.setting_checks import check_whole_number
from unlabeled.training.bases.text_method import TextMethod
from unlabeled.training.inference import evaluating
from unlabeled.training.loop import own_randomness
from unlabeled.views import draw

SHOWN = 8
"""Texts in a report."""
NOTHING_TO_ORDER = (
    "No text goes on after its first segment, so next-sentence prediction has nothing to order, and only hidden tokens "
    "teach: give whole documents (--unit paragraph or file), or leave it out (--next-sentence false)"
)


class Hidden(NamedTuple):
    """What BERT is to find out.

    Attributes
    ----------
    ids : Tensor of int64, shape (n, length)
        The tokens before any was hidden.
    chosen : Tensor of bool, shape (n, length)
        Which of them are to be predicted.
    follows : Tensor of int64, shape (n,)
        1 where the second text follows the first, 0 where it is from another document, −1 where there is no second.
    """

    ids: Tensor
    chosen: Tensor
    follows: Tensor


class BERT(TextMethod):
    r"""A network sees a text with some tokens hidden and predicts these from both sides.

    Split: 15 % of the tokens are chosen, anew every time. x is the text in which 80 % of these are replaced by a mask,
    10 % by a random token, and 10 % are left as they are. y are the chosen tokens C:

    .. math:: L = -\frac{1}{|C|} \sum_{i \in C} \log p(t_i \mid x)

    With `next_sentence`, x is a segment of whole sentences, and a second one that fills the window. Half of the time it
    is what follows the first (class 1), and half of the time it is from another document (class 0); the cross-entropy
    of that decision is added. A segment at the end of its document stands alone, and nothing is asked about it.

    Parameters
    ----------
    mask_share : float, default 0.15
        Share of the tokens that are chosen.
    next_sentence : bool, default True
        Whether to learn which segments follow each other. It needs texts of several sentences.

    Attributes
    ----------
    tokenizer_ : SubwordTokenizer

    References
    ----------
    .. [1] Devlin, Chang, Lee & Toutanova, BERT: Pre-training of Deep Bidirectional Transformers for Language
       Understanding, NAACL 2019.

    Examples
    --------
    >>> texts = ["The dog barks. The cat runs away.", "It rains. The street is wet."] * 8
    >>> model = BERT(dim=32, layers=1, heads=2, length=24, epochs=2, random_state=0, progress=False).fit(texts)
    >>> len(model.fill("the [MASK] barks", k=3))
    3
    """

    principle: ClassVar[str] = "generative"

    mask_share: float = 0.15
    next_sentence: bool = True

    needs_mask: ClassVar[bool] = True

    def prepare(self, preprocessing: Any) -> None:
        """Take the window of the encoder, which may be a trained one with another length than `length`."""
        super().prepare(preprocessing)
        if not 0 < self.mask_share <= 1:
            raise UnlabeledError(f"mask_share is a share of the tokens, above 0 and at most 1, got {self.mask_share!r}")
        self._window: int = preprocessing.length

    def build(self, encoder: Encoder) -> Network:
        """Add a head that predicts tokens, and one that says whether texts follow each other."""
        check_scores_tokens(encoder, "BERT")
        width = encoder.dim
        hidden = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width, eps=1e-12))
        follows = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 2))
        return Network(encoder, head=hidden, **({"predictor": follows} if self.next_sentence else {}))

    def training_instances(self, instances: Any) -> Instances:
        """Learn from pairs of neighbouring segments, or from windows over the stream of all texts."""
        if not self.next_sentence:
            return Windows(self.all_texts(instances), instances.tokenizer, instances.length)
        pairs = SegmentPairs(self.all_texts(instances), instances.tokenizer, instances.length)
        self.remarks = [] if pairs.several else [NOTHING_TO_ORDER]
        return pairs

    def split(self, batch: Batch) -> tuple[Tokens, Hidden]:
        """Choose tokens and hide them; with pairs, exchange half of the second segments."""
        values, follows = batch.values, torch.full_like(batch.index, -1)
        if isinstance(values, Segments):
            values, follows = pairs_of(values, self.tokenizer_, self._window)
        shown, chosen = mask_tokens(values, self.tokenizer_, self.mask_share)
        return shown, Hidden(values.ids, chosen, follows)

    def loss(self, net: Network, x: Tokens, y: Hidden) -> Tensor:
        """Add the losses of the hidden tokens, a row's averaged first, and of the order of the segments."""
        vectors = net.encoder.features(x).vectors
        losses = F.cross_entropy(self._logits(net, vectors[y.chosen]), y.ids[y.chosen], reduction="none")
        counts = y.chosen.sum(1)
        rows = (counts > 0).sum().clamp_min(1)
        weights = (1 / (counts.clamp_min(1) * rows)).repeat_interleave(counts)
        loss = (losses * weights).sum()
        if self.next_sentence:
            order = F.cross_entropy(net.predictor(vectors[:, 0]), y.follows, ignore_index=-1, reduction="sum")
            loss = loss + order / len(y.follows)
        return loss

    def fill(self, text: str, k: int = 5) -> list[list[tuple[str, float]]] | list[tuple[str, float]]:
        """Say what may stand at each ``[MASK]`` of a text.

        Parameters
        ----------
        text : str
            Of a text longer than the window, the part around the first mask is read.
        k : int, default 5
            Tokens to name.

        Returns
        -------
        list of (str, float)
            The likeliest tokens and their probabilities, likeliest first; a list of these lists if there are several
            masks.
        """
        self.check_fitted()
        check_whole_number("k", k)
        tokenizer = self.tokenizer_
        text = as_texts([text], "the list of texts to fill")[0]
        cut, mask = tokenizer.encode_marked(text), tokenizer.special_id("mask")
        if mask not in cut:
            name = tokenizer.special["mask"]
            raise UnlabeledError(f"there is nothing to fill in {text!r:.80}: write {name} where a word is to be found")
        preprocessing: Any = self.encoder_.preprocessing
        room = preprocessing.length - tokenizer.tokens_added
        begin = max(0, min(int((cut == mask).argmax()) - room // 2, len(cut) - room))
        row = tokenizer.with_special_tokens(cut[begin:], preprocessing.length)
        values = padded([row], tokenizer.pad)
        places = (values.ids[0] == mask).nonzero()[:, 0]
        with evaluating(self) as (net, device):
            vectors = net.encoder.features(map_tensors(lambda part: part.to(device), values)).vectors
            logits = self._logits(net, vectors[0, places.to(device)]).float()
        logits[:, tokenizer.special_ids] = -torch.inf
        best = logits.softmax(1).topk(min(k, logits.shape[1] - len(tokenizer.special_ids)), dim=1)
        found = [
            [(tokenizer.token(i), p) for i, p in zip(ids, ps, strict=True)]
            for ids, ps in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
        return found[0] if len(found) == 1 else found

    def report(self, instances: Any) -> list[dict[str, Any]]:
        """Show the share of hidden tokens that are found, and some texts with a word filled in."""
        names = {
            "masked_accuracy": "of hidden tokens are found",
            "unigram_accuracy": "would be found by always naming the commonest",
            "order_accuracy": "of pairs of segments are told right: the one follows the other, or is from elsewhere",
        }
        shares = [["", f"{100 * share:.1f} %", names[name]] for name, share in self.figures(instances).items()]
        lines = []
        for text in self.all_texts(instances)[:: max(1, len(instances) // SHOWN)][:SHOWN]:
            words = text.split()[: self.length // 3]
            if len(words) > 2:
                hidden = words[len(words) // 2]
                words[len(words) // 2] = self.tokenizer_.special["mask"]
                found: Any = self.fill(" ".join(words), k=3)
                best = found if isinstance(found[0], tuple) else found[0]
                lines.append(["", " ".join(words), hidden, ", ".join(f"{token} {p:.2f}" for token, p in best)])
        caption = "On the texts that were learnt from; tokens are hidden at random."
        filled = "A text, the word that was hidden, and what the model puts there, with probabilities."
        return [
            {"title": "Prediction", "caption": caption, "lines": shares},
            {"title": "Filled masks", "caption": filled, "lines": lines},
        ]

    def score(self, X: Any, y: Any = None) -> float:
        """Give the share of hidden tokens that are found, with tokens hidden as in training; see `figures`."""
        return self.figures(X)["masked_accuracy"]

    def figures(self, X: Any) -> dict[str, float]:
        """Measure, on texts: the share of hidden tokens found (``masked_accuracy``), what always naming the commonest
        token would find (``unigram_accuracy``), and the share of segment orders told right (``order_accuracy``), where
        segments of several documents were exchanged."""
        self.check_fitted()
        instances = self.training_instances(self.open(X))
        right, total, order, orders, exchanged = 0, 0, 0, 0, 0
        counts = torch.zeros(len(self.tokenizer_), dtype=torch.int64)
        with evaluating(self) as (net, device), own_randomness():
            torch.manual_seed(0)
            for batch in instances.batches(torch.randperm(len(instances)).split(32)):
                x, y = self.split(batch.to(device))
                vectors = net.encoder.features(x).vectors
                truth = y.ids[y.chosen]
                right += int((self._logits(net, vectors[y.chosen]).argmax(1) == truth).sum())
                total += len(truth)
                counts += truth.cpu().bincount(minlength=len(counts))
                if self.next_sentence:
                    asked = y.follows >= 0
                    predicted = net.predictor(vectors[:, 0]).argmax(1)
                    order += int((predicted == y.follows)[asked].sum())
                    orders += int(asked.sum())
                    exchanged += int((y.follows == 0).sum())
        figures = {"masked_accuracy": right / max(total, 1), "unigram_accuracy": int(counts.max()) / max(total, 1)}
        # Of a single document nothing is exchanged, and always saying that the second follows would be right.
        return figures | ({"order_accuracy": order / orders} if exchanged else {})

    def _logits(self, net: Network, vectors: Tensor) -> Tensor:
        return token_logits(net.encoder, net.head(vectors))


def pairs_of(segments: Segments, tokenizer: Any, length: int) -> tuple[Tokens, Tensor]:
    """Put segments and what follows them into one row, half of the followers exchanged.

    Whether it was exchanged or not, the second segment ends where the window does.

    Parameters
    ----------
    segments : Segments
    tokenizer : SubwordTokenizer
    length : int
        Tokens of a row, special ones included.

    Returns
    -------
    values : Tokens
        ``[CLS] first [SEP] second [SEP]``.
    follows : Tensor of int64, shape (n,)
        1 where the second segment follows the first, 0 where it follows another one in another document, −1 where there
        is no second. Where all rows are of one document nothing is exchanged.
    """
    first, second, document = segments
    n, device = len(document), document.device
    follows = second.mask.any(1)
    elsewhere = ((document[:, None] != document[None, :]) & follows).float()
    exchanged = draw.bernoulli(n, 0.5).to(device) & follows & (elsewhere.sum(1) > 0)
    partner = draw.weighted_choice(elsewhere + (elsewhere.sum(1, keepdim=True) == 0)).to(device)
    source = torch.where(exchanged, partner, torch.arange(n, device=device))
    room = length - tokenizer.tokens_added_to_pair - first.mask.sum(1, keepdim=True)
    fits = torch.arange(second.ids.shape[1], device=device) < room
    after = Tokens(second.ids[source], second.mask[source] & fits)
    one = torch.ones(n, 1, dtype=torch.int64, device=device)
    cls, sep = (one * tokenizer.special_id(role) for role in ("cls", "sep"))
    ids = torch.cat([cls, first.ids, sep, after.ids, sep], 1)
    mask = torch.cat([one > 0, first.mask, one > 0, after.mask, follows[:, None]], 1)
    labels = torch.where(follows, (~exchanged).long(), -1)
    return compacted(Tokens(ids, mask), tokenizer.pad), labels
