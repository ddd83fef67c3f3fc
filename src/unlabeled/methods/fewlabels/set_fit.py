"""SetFit's idea: a few labelled texts make many pairs, which tune an encoder before a linear classifier."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from torch.nn import functional as F

from unlabeled.data.classes import class_name, label_codes
from unlabeled.data.instances import Subset
from unlabeled.encoders import Encoder, embed, load_encoder
from unlabeled.encoders.checkpoint import write_encoder
from unlabeled.encoders.make import own_encoder
from unlabeled.errors import UnlabeledError, diverged, unknown_name
from unlabeled.estimator import Estimator
from unlabeled.files import folder_written_aside, load_arrays, read_json, refuses_damage, save_arrays, write_json
from unlabeled.methods.fewlabels.few_labels import fitted
from unlabeled.methods.fewlabels.fine_tuning import check_given
from unlabeled.modalities import open_instances
from unlabeled.search.metric import unit_rows
from unlabeled.setting_checks import check_whole_settings
from unlabeled.training.control.devices import choose_device, device_here
from unlabeled.training.control.progress import ProgressBar
from unlabeled.training.settings import check_learning_rates, described_parts

FOLDS = 3


class SetFit(ClassifierMixin, Estimator):
    r"""An encoder learns from pairs that texts of one class are alike and others not; then comes a linear classifier.

    Split: x is a text, y another one; they are of the same class or not, t = 1 or 0. Loss, with s the cosine similarity
    of their vectors:

    .. math:: L = (s(x, y) - t)^2

    From n labelled texts come n² pairs, which is why a handful is enough. Whether tuning helps is not certain, so by
    default it is compared with the untouched encoder by cross-validation on the labels at hand.

    Parameters
    ----------
    encoder : str, path or Encoder
        A trained one, see `FineTuning`.
    tune : {"auto", "always", "never"}, default "auto"
        ``"auto"`` cross-validates both, in three parts, and keeps the better; it takes three times as long again.
    pairs : int, default 20
        Pairs of the same class, and as many of different classes, for each labelled text.
    batch_size : int, default 16
        Pairs a step.
    learning_rate : float, default 2e-5
        Of tuning, at its peak; it rises over a tenth of the steps and falls to zero linearly.
    device : str or torch.device, default "auto"
        ``"auto"`` takes a GPU if there is one; or ``"cpu"``, ``"cuda:1"``, ``"mps"``.
    random_state : int, RandomState or None, default None
        With an int, a fit is repeatable bit for bit on one machine.
    progress : bool, optional
        Show a progress bar of each tuning; by default on a terminal and in a notebook.

    Attributes
    ----------
    classes_ : ndarray
    encoder_ : Encoder
    tuned_ : bool
        Whether the encoder was tuned.
    accuracies_ : dict of str to float
        Cross-validated accuracy of ``"frozen"`` and ``"tuned"``, where they were compared.
    provenance_ : dict
        Settings, fingerprint of the data and seed; they are saved with the encoder.

    References
    ----------
    .. [1] Tunstall et al., Efficient Few-Shot Learning Without Prompts, 2022.

    Examples
    --------
    >>> from unlabeled import GPT
    >>> texts, y = ["a good day", "a bad day", "all is good", "all is bad"], [1, 0, 1, 0]
    >>> start = GPT(dim=32, layers=1, heads=2, length=16, epochs=1, random_state=0, progress=False).fit(texts * 4)
    >>> SetFit(encoder=start.encoder_, tune="always", learning_rate=1e-3, random_state=0).fit(texts, y).predict(texts)
    array([1, 0, 1, 0])
    """

    principle: ClassVar[str] = "few labels"

    modalities: ClassVar[tuple[str, ...]] = ("text",)

    encoder: str | os.PathLike[str] | Encoder = ""
    tune: Literal["auto", "always", "never"] = "auto"
    pairs: int = 20
    batch_size: int = 16
    learning_rate: float = 2e-5
    device: str | torch.device = "auto"
    random_state: int | None = None
    progress: bool | None = None

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from a few labelled texts.

        Parameters
        ----------
        X : texts
        y : sequence
            Classes; −1, None and the empty string mean unlabelled, and such texts are left out.
        """
        self._check()
        check_given(self, y)
        self.__dict__.pop("weights_", None)  # those of an earlier fit do not fit the encoder of this one
        seed = int(check_random_state(self.random_state).randint(2**31))
        start = own_encoder(self.encoder).to(choose_device(self.device))
        instances = self._opened(X, start)
        codes, self.classes_ = label_codes(y, len(instances))
        if len(self.classes_) < 2:
            raise UnlabeledError(f"a classifier needs at least two classes, got {len(self.classes_)}")
        rows = np.flatnonzero(codes >= 0)
        texts, codes = Subset(instances, rows), codes[rows]
        self.accuracies_: dict[str, float] = {}
        self.tuned_ = self.tune == "always"
        vectors = None if self.tuned_ else self._vectors(start, texts)
        counts = np.bincount(codes)
        if vectors is not None and self.tune == "auto" and counts.max() > 1:
            folds = min(FOLDS, int(counts[counts > 1].min()))
            self.accuracies_ = self._compared(start, vectors, texts, codes, folds, seed)
            self.tuned_ = self.accuracies_["tuned"] > self.accuracies_["frozen"]
        self.encoder_ = start.eval()
        if self.tuned_:
            self.encoder_ = self._tuned(start, texts, np.arange(len(texts)), codes, seed, "SetFit")
            vectors = self._vectors(self.encoder_, texts)
        model = fitted(_classifier(), vectors, codes)
        both = len(self.classes_) == 2
        self.weights_ = np.concatenate([-model.coef_, model.coef_]) / 2 if both else model.coef_
        self.bias_ = np.concatenate([-model.intercept_, model.intercept_]) / 2 if both else model.intercept_
        data = {"kind": instances.kind, "rows": len(instances), "fingerprint": instances.fingerprint}
        self.provenance_ = {"recipe": self.recipe(), "data": data, "training": {"seed": seed}}
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Give the probability of each class, shape (n, classes)."""
        check_is_fitted(self, "weights_")
        instances = self._opened(X, self.encoder_)
        scores = self._vectors(self.encoder_, instances) @ self.weights_.T + self.bias_
        shares = np.exp(scores - scores.max(1, keepdims=True))
        return np.asarray(shares / shares.sum(1, keepdims=True))

    def predict(self, X: Any) -> NDArray[Any]:
        """Give the likeliest classes."""
        check_is_fitted(self, "weights_")
        return np.asarray(self.classes_[self.predict_proba(X).argmax(1)])

    def score(self, X: Any, y: Any) -> float:
        """Give the accuracy on the texts that have a label."""
        check_is_fitted(self, "weights_")
        check_given(self, y)
        found = self.predict(X)
        if len(y) != len(found):
            raise UnlabeledError(f"there are {len(found)} texts but {len(y)} labels")
        pairs = [(class_name(a), class_name(b)) for a, b in zip(y, found, strict=True)]
        right = [a == b for a, b in pairs if a is not None]
        if not right:
            raise UnlabeledError("no text is labelled, so there is nothing to measure by")
        return float(np.mean(right))

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save as a folder of safetensors and JSON, replaced in one step if it exists."""
        check_is_fitted(self, "weights_")
        encoder = "" if isinstance(self.encoder, Encoder) else os.fspath(self.encoder)
        settings = self.recipe() | {"method": "set_fit", "encoder": encoder}
        with folder_written_aside(folder) as aside:
            write_encoder(self.encoder_, aside, self.provenance_)
            save_arrays({"weights": self.weights_, "bias": self.bias_}, aside / "head.safetensors")
            about = {"classes": self.classes_.tolist(), "tuned": self.tuned_, "accuracies": self.accuracies_}
            write_json(aside / "model.json", settings | about | self.provenance_)

    @classmethod
    @refuses_damage
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Load what `save` wrote."""
        folder = Path(folder)
        saved, arrays = read_json(folder / "model.json"), load_arrays(folder / "head.safetensors")
        if saved.get("method") != "set_fit":
            raise UnlabeledError(f"{folder} holds no model of SetFit but one of {saved.get('method')}")
        self = cls._of_recipe(saved)
        self.device = device_here(self.device)
        self._check()
        self.encoder_ = load_encoder(folder)
        self.classes_, self.tuned_, self.accuracies_ = np.array(saved["classes"]), saved["tuned"], saved["accuracies"]
        self.weights_, self.bias_ = arrays["weights"], arrays["bias"]
        self.provenance_ = {key: saved[key] for key in ("recipe", "data", "training")}
        return self

    def _check(self) -> None:
        if self.tune not in ("auto", "always", "never"):
            raise unknown_name("tune", str(self.tune), ["auto", "always", "never"])
        check_whole_settings(self, "pairs", "batch_size")

    def _opened(self, X: Any, encoder: Encoder) -> Any:
        """Cut texts as the encoder does."""
        if (kind := encoder.preprocessing.kind) not in self.modalities:
            raise UnlabeledError(f"SetFit is for texts, and the encoder is for {kind}s; take FineTuning")
        instances, _ = open_instances(X, preprocessing=encoder.preprocessing)
        if len(getattr(instances, "columns", ())) > 1:
            raise UnlabeledError("SetFit classifies single texts; for pairs that are read together take FineTuning")
        return instances

    def _compared(
        self,
        start: Encoder,
        frozen: NDArray[np.float32],
        texts: Subset,
        codes: NDArray[np.int64],
        folds: int,
        seed: int,
    ) -> dict[str, float]:
        """Cross-validate the untouched encoder, by its vectors `frozen`, and the tuned one on the same parts.

        A text that is alone in its class is never held out, since nothing else tells of that class.
        """
        right = {"frozen": 0, "tuned": 0}
        several = np.flatnonzero(np.bincount(codes)[codes] > 1)
        parts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(several, codes[several])
        for number, (_, places) in enumerate(parts, start=1):
            held = several[places]
            shown = np.setdiff1d(np.arange(len(texts)), held)
            encoder = self._tuned(start, texts, shown, codes, seed, f"SetFit, without part {number} of {folds}")
            tuned = self._vectors(encoder, texts)
            for name, vectors in (("frozen", frozen), ("tuned", tuned)):
                model = fitted(_classifier(), vectors[shown], codes[shown])
                right[name] += int((model.predict(vectors[held]) == codes[held]).sum())
        return {name: count / len(several) for name, count in right.items()}

    def _tuned(
        self,
        start: Encoder,
        texts: Subset,
        rows: NDArray[np.int64],
        codes: NDArray[np.int64],
        seed: int,
        title: str,
    ) -> Encoder:
        """Tune a copy of the encoder on pairs of some of the texts; `title` is that of the progress bar."""
        device = choose_device(self.device)
        encoder = own_encoder(start).train()
        first, second, same = pairs_of_classes(rows, codes, self.pairs, np.random.default_rng(seed))
        check_learning_rates(self, "learning_rate")
        optimizer = torch.optim.AdamW(encoder.parameters(), lr=self.learning_rate)
        steps = -(-len(first) // self.batch_size)
        begun = time.monotonic()
        with torch.random.fork_rng(), ProgressBar(title, steps, show=self.progress) as bar:
            torch.manual_seed(seed)
            for step, part in enumerate(torch.arange(len(first)).split(self.batch_size)):
                for group in optimizer.param_groups:
                    group["lr"] = self.learning_rate * min((step + 1) / max(1, steps // 10), (steps - step) / steps)
                # A text that is in several pairs of a step is encoded once.
                index, place = torch.cat([first[part], second[part]]).unique(return_inverse=True)
                vectors = encoder(texts.gather(index).to(device).values)
                one, other = vectors[place.to(device)].split(len(part))
                loss = F.mse_loss(F.cosine_similarity(one, other), same[part].to(device))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                if not loss.isfinite():
                    raise diverged(f"the loss is {loss.item()} in step {step + 1} of {steps}", self.learning_rate)
                rate = (step + 1) * self.batch_size / (time.monotonic() - begun)
                bar.show({"step": step + 1, "loss": loss.item()}, rate)
        if not all(bool(weights.isfinite().all()) for weights in encoder.parameters()):
            raise diverged(f"weights are no longer finite after {steps} steps", self.learning_rate)
        return encoder.eval()

    def _describe(self, value: Any) -> Any:
        return described_parts(value)

    def _vectors(self, encoder: Encoder, instances: Any) -> NDArray[np.float32]:
        found = embed(encoder, instances, device=choose_device(self.device))
        return unit_rows(found)


def pairs_of_classes(
    rows: NDArray[np.int64], codes: NDArray[np.int64], each: int, generator: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw, for each row, `each` rows of its class and as many of other classes, in random order.

    Rare classes have as many pairs a row as common ones. A row that is alone in its class has none of the first kind.

    Parameters
    ----------
    rows : ndarray of int64
        Numbers of instances, rising.
    codes : ndarray of int64
        The class of every instance.
    each : int
    generator : Generator

    Returns
    -------
    first, second : Tensor of int64
        Numbers of instances.
    same : Tensor of float32
        1 for a pair of one class, else 0.
    """
    groups = {code: (rows[codes[rows] == code], rows[codes[rows] != code]) for code in np.unique(codes[rows]).tolist()}
    drawn: list[tuple[int, int, float]] = []
    for row in rows.tolist():
        alike, others = groups[int(codes[row])]
        if len(alike) > 1:
            places = generator.choice(len(alike) - 1, each)
            places += places >= np.searchsorted(alike, row)  # all but the row itself
            drawn += [(row, other, 1.0) for other in alike[places].tolist()]
        if len(others):
            drawn += [(row, other, 0.0) for other in generator.choice(others, each).tolist()]
    order = generator.permutation(len(drawn))
    first, second, same_class = (np.array([pair[i] for pair in drawn])[order] for i in range(3))
    return torch.from_numpy(first), torch.from_numpy(second), torch.from_numpy(same_class).float()


def _classifier() -> LogisticRegression:
    return LogisticRegression(max_iter=1000, class_weight="balanced", C=10.0)
