"""Fine-tuning: train a trained encoder further, for a task with labels."""

from __future__ import annotations

import json
import math
import os
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import ClassifierTags, RegressorTags, check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.text.tokenization.tokenized import bucketed, by_length
from unlabeled.encoders import Encoder, embed, load_encoder
from unlabeled.encoders.checkpoint import load_tensors, load_weights, save_tensors, write_encoder
from unlabeled.encoders.make import own_encoder
from unlabeled.encoders.network import ready_convolutions
from unlabeled.errors import UnlabeledError, diverged, unknown_name
from unlabeled.estimator import Estimator
from unlabeled.files import folder_written_aside, read_json, refuses_damage, write_json
from unlabeled.methods.fewlabels.tasks import TASKS, Scores, TaskName
from unlabeled.setting_checks import check_whole_number, check_whole_settings, refuse_idle
from unlabeled.training.bases.self_supervised import CIRCUMSTANCES
from unlabeled.training.bases.stages import stages
from unlabeled.training.control.devices import Precision, choose_device, device_here, has_bf16
from unlabeled.training.control.interrupt import StopRequest
from unlabeled.training.control.progress import ProgressBar
from unlabeled.training.control.run_state import State, checkpoint_in, stopped_message
from unlabeled.training.control.training_state import load_checkpoint, save_checkpoint
from unlabeled.training.optimizers import set_linear_rate
from unlabeled.training.settings import check_learning_rates, described_parts

NAMED_LAYERS = ("all", "last", "none")
SAMPLE = 256
"""Instances on which the scale of the encoder's vectors is measured."""
FEWEST_HELD = 10
"""Held-out instances below which what they say of an epoch is chance."""
PATIENCE_OF_A_HEAD = 20
"""What `patience` is by default where the head alone learns, whose epochs cost little."""


class FineTuning(Estimator):
    r"""A head is put on a trained encoder, and both are trained for a task with labels.

    Split: x is an instance, y its label. Loss: cross-entropy for classes, tags and answers, and the squared error for
    numbers. With d the `layer_decay`, a layer k steps before the last has the learning rate η d^k.

    Parameters
    ----------
    encoder : str, path or Encoder
        A trained one: a run, a folder with a saved encoder, ``"transformers:<name>"``, or an `Encoder`, which is
        copied.
    task : {"class", "score", "tags", "span"}, default "class"
        ``"class"``: a class an instance, of images, vectors, texts or pairs of texts. ``"score"``: a number.
        ``"tags"``: a tag a word; X are lists of words and y lists of tags. ``"span"``: X are (question, context)
        pairs, y (answer, beginning) or None.
    layers : {"all", "last", "none"} or int, default "all"
        Which of the encoder's layers are trained: all, the last, none, or the last so many.
    layer_decay : float, default 1.0
        Factor of the learning rate from a layer to the one before it.
    epochs : int, default 4
        Passes over the data at most.
    batch_size : int, default 16
        Instances in a step of the optimiser; of tags and answers, rows: a long text is cut into several.
    learning_rate : float, default 5e-5
        Of the last layer, at its peak; it rises over a tenth of the steps and falls to zero linearly.
    head_learning_rate : float, default 1e-3
        Of the head, at its peak; it rises and falls alike.
    weight_decay : float, default 0.01
        Of matrices; biases and normalisation have none.
    dropout : float, default 0.1
        Of what the head reads.
    validation : float, default 0.1
        Share of the labelled instances that is not trained on but says after each epoch how good the model is; the best
        epoch is kept. Where the share is fewer than 10 instances, by default of fewer than 95, none is held out: all
        are trained on, and the last epoch is kept, as with 0.
    patience : int, default 2
        Epochs without improvement on the held-out instances after which training stops; where none is held out, it
        does not.
    precision : {"auto", "bf16", "float32"}, default "auto"
        Of the arithmetic in training. ``"auto"`` takes bfloat16 where the processor has it. Weights and predictions are
        float32 always.
    device : str or torch.device, default "auto"
        ``"auto"`` takes a GPU if there is one; or ``"cpu"``, ``"cuda:1"``, ``"mps"``.
    random_state : int, RandomState or None, default None
        With an int, a fit is repeatable bit for bit on one machine.
    checkpoint : path, optional
        Folder in which training is saved after each epoch, for `fit(..., resume=True)`.
    progress : bool, optional
        Show a progress bar; by default on a terminal and in a notebook.

    Attributes
    ----------
    encoder_ : Encoder
    head_ : Linear
    classes_ : ndarray or list
        For classes and tags.
    history_ : list of dict
        For each epoch its loss and, on the validation part, the task's measure.
    provenance_ : dict
        Settings, fingerprint of the data, seed and steps; they are saved with the encoder.

    References
    ----------
    .. [1] Howard & Ruder, Universal Language Model Fine-tuning for Text Classification, ACL 2018.

    Examples
    --------
    >>> from unlabeled import GPT
    >>> texts, y = ["a good day", "a bad day"] * 8, ["good", "bad"] * 8
    >>> start = GPT(dim=32, layers=1, heads=2, length=16, epochs=1, random_state=0, progress=False).fit(texts)
    >>> model = FineTuning(encoder=start.encoder_, learning_rate=1e-2, epochs=8, random_state=0).fit(texts, y)
    >>> model.predict(["a good day"]).tolist()
    ['good']
    """

    principle: ClassVar[str] = "few labels"

    modalities: ClassVar[tuple[str, ...]] = ("image", "vector", "text")

    encoder: str | os.PathLike[str] | Encoder = ""
    task: TaskName = "class"
    layers: str | int = "all"
    layer_decay: float = 1.0
    epochs: int = 4
    batch_size: int = 16
    learning_rate: float = 5e-5
    head_learning_rate: float = 1e-3
    weight_decay: float = 0.01
    dropout: float = 0.1
    validation: float = 0.1
    patience: int = 2
    precision: Precision = "auto"
    device: str | torch.device = "auto"
    random_state: int | None = None
    checkpoint: str | os.PathLike[str] | None = None
    progress: bool | None = None

    def fit(self, X: Any, y: Any, *, resume: bool = False) -> Self:
        """Train on labelled instances.

        Parameters
        ----------
        X : anything `unlabeled.modalities.open_source` takes; lists of words for tags, pairs of strings for answers
        y : sequence
            Labels. None, NaN, ``pandas.NA`` and the empty string mean unlabelled, and such instances are left out. −1
            in place of a class or of a list of tags means the same; for task ``"score"`` it is a number like others.
            For task ``"span"`` None and an empty answer mean that the context holds no answer, which is learnt too.
        resume : bool, default False
            Go on from the checkpoint in the folder `checkpoint`, to the same weights as without the interruption.

        Raises
        ------
        UnlabeledError
            If data, labels or settings do not fit.
        KeyboardInterrupt
            After Ctrl-C, once the step at hand is finished. The model is then that of the best epoch so far, or of the
            last whole one where none is judged. Before the first epoch is over there is no model.
        """
        self._check()
        self._check_effects()
        check_given(self, y)
        if resume and self.checkpoint is None:
            raise UnlabeledError("resume=True needs the folder of the checkpoint; set checkpoint=...")
        self.history_: list[dict[str, float]] = []
        try:
            with torch.random.fork_rng():
                self._learn(X, y, resume)
        finally:
            if not self.history_:  # also if an earlier fit left a head, which is of another encoder
                self.__dict__.pop("head_", None)
        return self

    def predict(self, X: Any) -> Any:
        """Give classes or numbers (arrays), tags (lists), or answers (strings).

        Parameters
        ----------
        X : as in `fit`
        """
        check_is_fitted(self, "head_")
        instances, made = self.task_.prepare(X, self.encoder_)
        return self.task_.read(self._scores(instances), made)

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Give the probability of each class, shape (n, classes); for classes only."""
        check_is_fitted(self, "head_")
        if self.task != "class":
            raise UnlabeledError(f"probabilities are for task 'class', not {self.task!r}")
        instances, _ = self.task_.prepare(X, self.encoder_)
        scores = [row for row in self._scores(instances) if row is not None]
        return torch.from_numpy(np.stack(scores)).softmax(1).numpy()

    def score(self, X: Any, y: Any) -> float:
        """Give the accuracy of classes, Spearman's correlation of numbers, F1 of whole chunks, or F1 of answers."""
        check_is_fitted(self, "head_")
        check_given(self, y)
        instances, made = self.task_.prepare(X, self.encoder_)
        truth = TASKS[self.task]().learn(y, X, made)[2]  # by a task of its own, so that this one keeps its classes
        if all(label is None for label in truth):
            raise UnlabeledError("no instance is labelled, so there is nothing to measure by")
        found = self.task_.read(self._scores(instances), made)
        pairs = [(a, b) for a, b in zip(truth, found, strict=True) if a is not None]
        return self.task_.score([a for a, _ in pairs], [b for _, b in pairs])

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save as a folder of safetensors and JSON, replaced in one step if it exists."""
        check_is_fitted(self, "head_")
        encoder = "" if isinstance(self.encoder, Encoder) else os.fspath(self.encoder)
        settings = self.recipe() | {"method": "fine_tuning", "encoder": encoder}
        with folder_written_aside(folder) as aside:
            write_encoder(self.encoder_, aside, self.provenance_)
            save_tensors(self.head_.state_dict(), aside / "head.safetensors")
            learnt = {"state": self.task_.state(), "history": self.history_, **self.provenance_}
            write_json(aside / "model.json", settings | learnt)

    @classmethod
    @refuses_damage
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Load what `save` wrote."""
        folder = Path(folder)
        saved = read_json(folder / "model.json")
        if saved.get("method") != "fine_tuning":
            raise UnlabeledError(f"{folder} holds no fine-tuned model but one of {saved.get('method')}")
        # The checkpoint belongs to the training that wrote it: to fit again must not replace it.
        self = cls._of_recipe(saved | {"checkpoint": None})
        self.device = device_here(self.device)
        self._check()
        device = choose_device(self.device)
        self.encoder_ = load_encoder(folder).to(device)
        ready_convolutions(self.encoder_)
        self.task_ = TASKS[self.task]()
        self.task_.restore(saved["state"])
        if hasattr(self.task_, "classes"):
            self.classes_ = self.task_.classes
        self.head_ = nn.Linear(self.encoder_.dim, self.task_.outputs)
        load_weights(self.head_, load_tensors(folder / "head.safetensors"), folder / "head.safetensors")
        self.head_.to(device)
        self.history_ = saved["history"]
        self.provenance_ = {key: saved[key] for key in ("recipe", "data", "training")}
        return self

    def _learn(self, X: Any, y: Any, resume: bool) -> None:
        """Read instances and labels, and train."""
        device = choose_device(self.device)
        self.encoder_ = own_encoder(self.encoder).to(device)
        ready_convolutions(self.encoder_)
        self.task_ = TASKS[self.task]()
        instances, made = self.task_.prepare(X, self.encoder_)
        targets, owner, known = self.task_.learn(y, X, made)
        if hasattr(self.task_, "classes"):
            self.classes_ = self.task_.classes
        self.task_.check(known)
        data = {"kind": instances.kind, "rows": len(known), "fingerprint": instances.fingerprint}
        state = State(int(check_random_state(self.random_state).randint(2**31)), {})
        if self._folder is not None:
            state.identity = self._identity(targets, data)
            if resume:  # the seed is needed here already; weights and optimiser follow once there are some
                saved = load_tensors(checkpoint_in(self._folder))["state"]
                state.resume(self._folder, bytes(saved.tolist()), longer=True)
        torch.manual_seed(state.seed)
        self.head_: Any = nn.Linear(self.encoder_.dim, self.task_.outputs).to(device)
        nn.init.normal_(self.head_.weight, std=0.02)
        nn.init.zeros_(self.head_.bias)
        chosen, held = self._hold_out(np.flatnonzero([label is not None for label in known]))
        try:
            self._train(instances, targets, owner, chosen, held, known, made, state, resume)
        finally:
            training = {"seed": state.seed, "steps": state.step}
            self.provenance_ = {"recipe": self.recipe(), "data": data, "training": training}

    def _check(self) -> None:
        if self.task not in TASKS:
            raise unknown_name("task", self.task, TASKS)
        if not isinstance(self.layers, int) and self.layers not in NAMED_LAYERS:
            try:
                int(self.layers)
            except ValueError:
                raise unknown_name("layers", self.layers, [*NAMED_LAYERS, "a whole number"]) from None
        if self.layers not in NAMED_LAYERS:
            check_whole_number("layers", int(self.layers), least=0)
        check_whole_settings(self, "epochs", "batch_size", "patience")
        if not 0 <= self.validation < 1:
            raise UnlabeledError(f"validation is a share, at least 0 and below 1, got {self.validation!r}")
        if not 0 <= self.dropout < 1:
            raise UnlabeledError(f"dropout is a share, at least 0 and below 1, got {self.dropout!r}")
        if not self.weight_decay >= 0:
            raise UnlabeledError(f"weight_decay must not be negative, got {self.weight_decay!r}")
        if self.precision not in get_args(Precision):
            raise unknown_name("precision", self.precision, get_args(Precision))
        if not 0 < self.layer_decay <= 1:
            raise UnlabeledError(f"layer_decay is a factor above 0 and at most 1, got {self.layer_decay!r}")

    def _check_effects(self) -> None:
        """Refuse settings that change nothing beside `layers`."""
        if str(self.layers) in ("none", "0"):
            why = f"is for an encoder that is trained, and layers={self.layers!r} trains none of it"
            refuse_idle(self, ("layer_decay", "learning_rate", "dropout"), why)
        if str(self.layers) in ("last", "1"):
            refuse_idle(self, ("layer_decay",), f"is for several layers, and layers={self.layers!r} trains one")

    def _hold_out(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Part the labelled instances into those to train on and those to choose the epoch by."""
        held = round(self.validation * len(rows))
        if not FEWEST_HELD <= held < len(rows):
            self._warn_of_settings_without_effect(held, len(rows))
            held = 0
        order = rows[torch.randperm(len(rows)).numpy()]
        return order[held:], order[:held]

    def _warn_of_settings_without_effect(self, held: int, rows: int) -> None:
        """Say that no instance is held out, if a setting was given that has no meaning then."""
        usual = {"validation": (0, FineTuning.validation), "patience": (FineTuning.patience, PATIENCE_OF_A_HEAD)}
        given = [f"{name}={getattr(self, name)!r}" for name in usual if getattr(self, name) not in usual[name]]
        if given:
            warnings.warn(
                f"{' and '.join(given)} without effect: validation={self.validation!r} of {rows} labelled instances is "
                f"{held}, and only {FEWEST_HELD} or more, but not all, are held out. All are trained on, and the last "
                "epoch is kept; label more instances, or change validation",
                stacklevel=6,  # the call of fit
            )

    def _groups(self) -> list[dict[str, Any]]:
        """Say which parameters are trained, and how fast; all others are frozen."""
        parts = stages(self.encoder_)
        count = {"all": len(parts), "last": 1, "none": 0}.get(str(self.layers))
        count = min(int(self.layers), len(parts)) if count is None else count
        for parameter in self.encoder_.parameters():
            parameter.requires_grad_(False)
        rates = [(list(self.head_.parameters()), self.head_learning_rate)]
        for steps_before_last, part in enumerate(reversed(parts)):
            if steps_before_last < count:
                for parameter in part:
                    parameter.requires_grad_(True)
                rates.append((part, self.learning_rate * self.layer_decay**steps_before_last))
        groups = []
        for parameters, peak in rates:
            for decay, few in ((self.weight_decay, False), (0.0, True)):
                chosen = [parameter for parameter in parameters if (parameter.dim() <= 1) == few]
                groups += [{"params": chosen, "peak": peak, "weight_decay": decay}] if chosen else []
        return groups

    def _train(
        self,
        instances: Any,
        targets: Sequence[Any],
        owner: NDArray[np.int64],
        chosen: NDArray[np.int64],
        held: NDArray[np.int64],
        known: list[Any],
        made: Any,
        state: State,
        resume: bool,
    ) -> None:
        rows, asked = (torch.from_numpy(np.flatnonzero(np.isin(owner, part))) for part in (chosen, held))
        check_learning_rates(self, "learning_rate", "head_learning_rate")
        optimizer = torch.optim.AdamW(self._groups(), fused=True)
        frozen = not any(parameter.requires_grad for parameter in self.encoder_.parameters())
        # What a frozen encoder gives does not change, so it is computed once.
        vectors = self._encoded(instances) if frozen and not self.task_.of_tokens else None
        linear = self.head_
        columns = self._columns(instances, rows, vectors)
        self.head_ = nn.Sequential(columns, nn.Dropout(self.dropout), linear)
        # What changes, as one module: it is kept, saved and brought back together.
        net = nn.ModuleList([self.head_] if frozen else [self.encoder_, self.head_])
        kept = {name: value.clone() for name, value in net.state_dict().items()}
        if resume and self._folder is not None:
            load_checkpoint(self._folder, state, net, optimizer, kept)
        self.history_ = state.history
        lengths = torch.from_numpy(np.asarray(getattr(instances, "lengths", np.zeros(len(instances)))).astype(np.int64))
        size = min(self.batch_size, len(rows))
        steps, before = self.epochs * (len(rows) // size), state.step
        trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        begun = time.monotonic()
        try:
            with StopRequest() as stop, ProgressBar(type(self).__name__, steps, before, self.progress) as bar:
                while len(self.history_) < self.epochs and self._epochs_since_best() < self.patience:
                    epoch = len(self.history_) + 1
                    torch.manual_seed(state.seed + epoch)  # so that a resumed run has the same draws
                    order = rows[torch.randperm(len(rows))]
                    shuffled = torch.Generator().manual_seed(int(torch.randint(2**31, ())))
                    batches = bucketed(order, lengths, size, shuffled)
                    total = 0.0
                    self._to_training(frozen)
                    self.head_.train(not frozen)
                    for index in batches:
                        if stop.made:
                            raise KeyboardInterrupt(self._stopped_message())
                        set_linear_rate(optimizer, state.step, steps)
                        scores = self._forward(instances, index, vectors).float()
                        loss = self.task_.loss(scores, [targets[i] for i in index.tolist()])
                        optimizer.zero_grad()
                        loss.backward()
                        torch.nn.utils.clip_grad_norm_(trained, 1.0)
                        optimizer.step()
                        total, state.step = total + float(loss.detach()), state.step + 1
                        bar.advance(state.step)
                    if not math.isfinite(total) or not all(bool(weights.isfinite().all()) for weights in trained):
                        what = f"the loss is {total}" if not math.isfinite(total) else "weights are no longer finite"
                        rate = max(group["peak"] for group in optimizer.param_groups)
                        raise diverged(f"{what} in epoch {epoch}", rate)
                    figures = {"step": state.step, "loss": total / len(batches)}
                    bar.show(figures, (state.step - before) * size / (time.monotonic() - begun))
                    entry = {"epoch": epoch, "loss": total / len(batches)}
                    self.encoder_.eval()
                    self.head_.eval()
                    if len(held):
                        found = self.task_.read(self._scores(instances, vectors, asked), made)
                        entry[self.task_.measure] = self.task_.score([known[i] for i in held], [found[i] for i in held])
                    self.history_.append(entry)
                    if self._epochs_since_best() == 0:
                        for name, value in net.state_dict().items():
                            kept[name].copy_(value)
                    if self._folder is not None:
                        save_checkpoint(self._folder, state, net, optimizer, kept)
        finally:
            net.load_state_dict(kept)
            self.head_ = columns.folded_into(linear)
            self.encoder_.eval()

    def _epochs_since_best(self) -> int:
        """Count the epochs after the best one; 0 where none is judged, for then the last is kept."""
        judged = [entry[self.task_.measure] for entry in self.history_ if self.task_.measure in entry]
        return len(judged) - 1 - int(np.argmax(judged)) if judged else 0

    def _stopped_message(self) -> str:
        if not self.history_:
            return "stopped before the first epoch was over; there is no model yet"
        return stopped_message(self._folder, f"epoch {len(self.history_)} of {self.epochs}")

    @property
    def _folder(self) -> Path | None:
        """Where training is saved as it goes on."""
        return None if self.checkpoint is None else Path(self.checkpoint)

    def _identity(self, targets: Sequence[Any], data: dict[str, Any]) -> dict[str, Any]:
        """Say what must be the same for a resumed run to be the same run."""
        settings = {name: value for name, value in self.recipe().items() if name not in CIRCUMSTANCES}
        weights = (np.atleast_1d(value.cpu().numpy()) for value in self.encoder_.state_dict().values())
        labels = fingerprint([json.dumps(self.task_.state()), *map(np.atleast_1d, targets)])
        start = fingerprint(weights)
        return {**settings, "weights of the encoder": start, "data": data["fingerprint"], "labels": labels}

    def _columns(self, instances: Any, rows: Tensor, vectors: Tensor | None) -> Columns:
        """Measure what the head is to read: mean and spread of each column, or on a sample the size of all numbers.

        While the encoder learns, its dropout adds noise, so small differences of columns are not made large.
        """
        if self.task_.of_tokens:  # they come out of a normalisation
            return Columns(torch.zeros(1), torch.ones(1)).to(self._place)
        if vectors is not None:
            return Columns(vectors[rows].mean(0), vectors[rows].std(0, correction=0))
        self.encoder_.eval()
        sample = rows[:: -(-len(rows) // SAMPLE)]
        with torch.no_grad():
            seen = torch.cat([self._read(instances, index).float() for index in sample.split(32)])
        return Columns(torch.zeros_like(seen[0]), seen.square().mean().sqrt())

    def _to_training(self, frozen: bool) -> None:
        """Switch dropout and batch statistics on where there is something to train, and nowhere else."""
        self.encoder_.train(not frozen)
        for module in self.encoder_.modules():
            parameters = list(module.parameters())
            if parameters and not any(parameter.requires_grad for parameter in parameters):
                module.eval()

    def _forward(self, instances: Any, index: Tensor, vectors: Tensor | None) -> Tensor:
        """Give the head's scores of some rows."""
        with torch.autocast(self._place.type, torch.bfloat16, enabled=self._half()):
            scores: Tensor = self.head_(self._read(instances, index) if vectors is None else vectors[index])
        return scores

    def _read(self, instances: Any, index: Tensor) -> Tensor:
        """Give what the head reads of some rows: a vector each, or one for each of their tokens."""
        values = self.encoder_.preprocessing.canonical(instances.gather(index).to(self._place).values)
        seen: Tensor = self.encoder_.features(values).vectors if self.task_.of_tokens else self.encoder_(values)
        return seen

    @torch.no_grad()
    def _scores(self, instances: Any, vectors: Tensor | None = None, rows: Tensor | None = None) -> list[Scores]:
        """Give the head's scores of all rows, or of some, in float32; for tokens one array a row."""
        found: list[Scores] = [None] * len(instances)
        rows = torch.arange(len(instances)) if rows is None else rows
        lengths = getattr(instances, "lengths", np.zeros(len(instances), np.int64))
        for part in by_length(lengths[rows.numpy()], max(32, self.batch_size)):
            index = rows[part]
            scores = self.head_(self._read(instances, index) if vectors is None else vectors[index])
            for place, row in zip(index.tolist(), scores.float().cpu().numpy(), strict=True):
                found[place] = row[: lengths[place]] if self.task_.of_tokens else row
        return found

    @property
    def _place(self) -> torch.device:
        """Where head and encoder are."""
        place: torch.device = next(self.head_.parameters()).device
        return place

    def _encoded(self, instances: Any) -> Tensor:
        return torch.from_numpy(embed(self.encoder_, instances, device=self._place)).to(self._place)

    def _half(self) -> bool:
        return self.precision == "bf16" or (self.precision == "auto" and has_bf16(self._place))

    def _describe(self, value: Any) -> Any:
        return described_parts(value)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        if self.task == "class":
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        elif self.task == "score":
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        return tags


class Columns(nn.Module):
    """Shifts and scales the encoder's vectors, so that the head learns at the same pace whatever their length is.

    Parameters
    ----------
    mean : Tensor, shape (dim,) or (1,)
    scale : Tensor, shape (dim,) or (1,) or ()
        Where it is 0, nothing is scaled.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", torch.where(scale > 0, scale, 1.0))

    def forward(self, vectors: Tensor) -> Tensor:
        """Give vectors of the same shape."""
        return (vectors - self.mean) / self.scale

    def folded_into(self, linear: nn.Linear) -> nn.Linear:
        """Make this and the layer after it one linear layer."""
        with torch.no_grad():
            linear.weight.div_(self.scale)
            linear.bias.sub_(linear.weight @ self.mean.expand(linear.in_features))
        return linear


def check_given(model: Any, y: Any) -> None:
    """Refuse to learn, or to measure, without labels."""
    if y is None:
        raise UnlabeledError(
            f"{type(model).__name__} requires y to be passed, but the target y is None: give a label for each instance"
        )
