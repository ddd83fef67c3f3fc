"""The estimator every deep method is: a split, a network and a loss, with everything common to them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.data.classes import label_codes
from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.instances import Instances, Relabelled
from unlabeled.encoders.checkpoint import load_tensors, load_weights, save_tensors, write_encoder
from unlabeled.encoders.embed import embed
from unlabeled.encoders.encoder import Encoder, from_description
from unlabeled.encoders.make import make_encoder
from unlabeled.encoders.network import Network
from unlabeled.errors import UnlabeledError
from unlabeled.estimator import Estimator
from unlabeled.files import folder_written_aside, read_json, refuses_damage, write_json
from unlabeled.modalities import Modality, Preprocessing, modalities, modality_of, open_instances
from unlabeled.processes import all_or_none, gather
from unlabeled.setting_checks import refuse_idle
from unlabeled.training.control.devices import Precision, choose_device, device_here, make_fabric
from unlabeled.training.control.run_state import State
from unlabeled.training.loop import own_randomness, train
from unlabeled.training.method_pictures import Pictures
from unlabeled.training.optimizers import OptimizerName
from unlabeled.training.plan import Plan
from unlabeled.training.samplers import Sampler, Shuffled
from unlabeled.training.settings import check_settings, described_parts, restored

# Settings that say where and how a run computes and shows itself; changing them does not make it another run.
CIRCUMSTANCES = {"device", "workers", "checkpoint", "checkpoint_every", "progress"}
OF_PICTURES = ("size", "resize", "channels")
"""Settings by which pictures are brought to one form."""


class SelfSupervised(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, Estimator):
    """Base of the deep methods. A method says how to `build` its network, `split` an instance, and judge by a `loss`.

    Parameters
    ----------
    encoder : str, path or Encoder, default "auto"
        The network from instance to vector. Of images: ``"conv"``, ``"flat_conv"``, ``"vit"``, ``"timm:<model>"`` or
        ``"clip:<name>"``; of vectors: ``"mlp"``; of texts: ``"transformer"``, ``"lstm"`` or ``"transformers:<name>"``;
        of videos: ``"conv3d"``, ``"frames:<image encoder>"`` or ``"temporal:<image encoder>"``; or a folder with a
        saved encoder, or an `Encoder`. ``"auto"`` takes ``"conv"``, ``"mlp"``, ``"transformer"`` or ``"conv3d"``,
        unless the method has another one.
    epochs : int, default 100
        Passes over the data.
    batch_size : int, default 256
        Instances that meet in one loss; with several processes, over all of them.
    optimizer : {"adamw", "sgd", "lars"}, default "adamw"
        SGD and LARS have momentum 0.9.
    learning_rate : float, default 1e-3
        At its peak, after the warm-up; it then falls to zero along half a cosine.
    weight_decay : float, default 1e-4
        On weight matrices and kernels only.
    warmup : float, default 0.05
        Share of the steps in which the learning rate rises from zero.
    clip_norm : float, optional
        Largest norm of the gradient; longer ones are shortened to it.
    accumulate : int, default 1
        Batches whose gradients are averaged into one step of the optimiser.
    precision : {"auto", "bf16", "float32"}, default "auto"
        Of the arithmetic in training. ``"auto"`` takes bfloat16 where the processor has it; ``"float32"`` is the exact
        choice. Weights, losses and `transform` are float32 always.
    device : str or torch.device, default "auto"
        ``"auto"`` takes a GPU if there is one; or ``"cpu"``, ``"cuda:1"``, ``"mps"``.
    size : int, optional
        Pixels a side to which images are brought; by default their own size if that is one and small, otherwise at
        most 64, or 224 for a timm encoder.
    resize : {"crop", "squash", "pad"}, default "crop"
        How an image that is not square becomes so.
    channels : {1, 3}, optional
        Colour channels; by default 1 if all images are grey, files too, by the headers of up to 1,000 of them,
        otherwise 3.
    workers : int, optional
        Threads that decode images; by default one for each processor that the process may use, at most 8.
    random_state : int, RandomState or None, default None
        With an int, a fit is repeatable bit for bit on one machine.
    checkpoint : path, optional
        Folder in which training is saved as it goes on, for `fit(..., resume=True)`.
    checkpoint_every : int, optional
        Steps between two saves; by default an epoch's.
    progress : bool, optional
        Show a progress bar; by default on a terminal and in a notebook.

    Attributes
    ----------
    encoder_ : Encoder
        What was learnt: the network from instance to vector, without the method's own parts.
    network_ : Network
        The encoder with those parts.
    history_ : list of dict
        Loss and health as training went on; `step` and `epoch` say when. Methods that hold instances out tell their
        loss on them as `validation_loss`.
    seed_ : int
        The seed that was used.
    n_instances_ : int
        Instances seen in `fit`.
    n_learnt_ : int
        Those of them that were learnt from; a method may hold some out to measure its loss on.
    n_features_in_ : int
        Columns seen in `fit`, for vectors.
    """

    modalities: ClassVar[tuple[str, ...]] = ("image", "vector")
    auto_encoder: ClassVar[Mapping[str, str]] = {}
    """Encoders that the method takes by default in place of the modality's own."""
    minimum_rows: ClassVar[int] = 1
    uses_labels: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = False
    """Whether the method cannot learn without any label."""
    may_collapse: ClassVar[bool] = True
    """Whether vectors of few dimensions are a failure, which is warned of. A good classifier gathers each class at one
    point."""
    betas: ClassVar[tuple[float, float]] = (0.9, 0.999)

    encoder: str | os.PathLike[str] | Encoder = "auto"
    epochs: int = 100
    batch_size: int = 256
    optimizer: OptimizerName = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warmup: float = 0.05
    clip_norm: float | None = None
    accumulate: int = 1
    precision: Precision = "auto"
    device: str | torch.device = "auto"
    size: int | None = None
    resize: Literal["crop", "squash", "pad"] = "crop"
    channels: int | None = None
    workers: int | None = None
    random_state: int | None = None
    checkpoint: str | os.PathLike[str] | None = None
    checkpoint_every: int | None = None
    progress: bool | None = None

    def build(self, encoder: Encoder) -> Network:
        """Put what the method needs around the encoder."""
        return Network(encoder)

    def prepare(self, preprocessing: Preprocessing) -> None:
        """Settle what depends on the kind of data, before anything is built."""

    def measure(self, instances: Instances) -> dict[str, str]:
        """Choose what depends on the instances themselves: for each such setting, the name that it stands for."""
        return {}

    def settle(self, chosen: Mapping[str, Any]) -> None:
        """Take what `measure` chose, in `fit` before anything is built, and again when the model is loaded."""

    def idle_settings(self) -> list[tuple[tuple[str, ...], str]]:
        """Name the settings that change nothing beside the others, and say why; `fit` refuses them."""
        return []

    def training_instances(self, instances: Instances) -> Instances:
        """Give what is learnt from, where that is not the instances themselves but, for example, windows over them."""
        return instances

    def hold_out(self, instances: Instances, groups: NDArray[np.int64] | None) -> tuple[Instances, Instances | None]:
        """Part the instances into those that are learnt from and those held out to measure the loss on, if any."""
        return instances, None

    def sampler(self, plan: Plan, labels: NDArray[np.int64]) -> Sampler:
        """Say which instances meet in a batch; by default all, shuffled anew each epoch."""
        return Shuffled(plan)

    def split(self, batch: Batch) -> tuple[Any, Any]:
        """Cut instances into a part shown and a part hidden, t → (x, y)."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to split an instance")

    def loss(self, net: Network, x: Any, y: Any) -> Tensor:
        """Say how far p(y | x) is from the truth."""
        raise NotImplementedError(f"{type(self).__name__} has no loss")

    def after_step(self, net: Network, batch: Batch, done: float) -> None:
        """Do what follows a step of the optimiser; `done` is the share of the training that was over before it."""

    def state(self, net: Network) -> dict[str, Tensor]:
        """Give the tensors, beside the network's own, that a resumed run needs."""
        return {}

    def extras(self) -> dict[str, Any]:
        """Give what `build` needs beside settings and classes, in JSON's types; it is saved with the model."""
        return {}

    def restore_extras(self, saved: dict[str, Any]) -> None:
        """Take back what `extras` gave, before a loaded model is built."""

    def fit(self, X: Any, y: Any = None, *, resume: bool = False) -> Self:
        """Learn from instances.

        Parameters
        ----------
        X : array, list of paths or images, path, torch dataset, or unlabeled data object
            Images, or vectors of shape (n, d).
        y : array of shape (n,), optional
            Classes, as numbers or names; −1, None, NaN and the empty string mean unlabelled. Only methods that use
            labels (`uses_labels`) read it, or the data object's own labels in its absence; all others ignore both.
        resume : bool, default False
            Go on from the checkpoint in the folder `checkpoint`, to the same weights as without the interruption.

        Returns
        -------
        self

        Raises
        ------
        UnlabeledError
            If the data or a setting is not usable.
        KeyboardInterrupt
            After Ctrl-C; what was learnt so far is kept, and saved if `checkpoint` is set.
        """
        fabric = make_fabric(self.device, self.precision)
        seed = torch.tensor([check_random_state(self.random_state).randint(2**31)], device=fabric.device)
        self.seed_ = int(gather(seed)[0])
        with all_or_none(fabric.device):
            check_settings(self)
            if resume and self.checkpoint is None:
                raise UnlabeledError("resume=True needs the folder of the checkpoint; set checkpoint=...")
            opened, preprocessing = open_instances(X, self)
            self._check_kind(preprocessing)
            self.prepare(preprocessing)
            chosen = self._measured(opened)
            instances = self.training_instances(opened)
            self._check_rows(instances)
            instances = self._with_labels(instances, y)
            self.n_instances_ = len(instances)
            instances, held_out = self.hold_out(instances, modality_of(opened).groups(opened))
            self.n_learnt_ = len(instances)
            state = State(self.seed_, self._identity(instances))
            with own_randomness():
                torch.manual_seed(self.seed_)
                base = self._make_encoder(preprocessing)
                self._base_description = base.describe()
                net = self.build(base)
        try:
            train(self, net, instances, state, fabric, resume, held_out)
        finally:
            self.network_, self.encoder_ = net.eval(), net.encoder
            self.seed_, self.history_ = state.seed, state.history
            self.provenance_ = {
                "recipe": self.recipe(),
                "data": {"kind": opened.kind, "rows": len(opened), "fingerprint": opened.fingerprint},
                "training": {"seed": state.seed, "steps": state.step, **chosen},
            }
        return self

    def report(self, instances: Instances) -> list[dict[str, Any]]:
        """Show in words what was learnt: ``title``, ``caption`` and ``lines`` of cells; nothing by default."""
        return []

    def plan(self, rows: int, seed: int = 0) -> Plan:
        """Give the plan of a training run over so many instances."""
        return Plan(rows, int(self.epochs), self.batch_size, self.accumulate, self.warmup, seed)

    def check(self, instances: Instances, y: Any = None) -> Plan:
        """See, before a long fit, whether it can begin: build the network, and encode two instances with it.

        Parameters
        ----------
        instances : Instances
        y : as in `fit`

        Returns
        -------
        Plan
            What the fit will do.

        Raises
        ------
        UnlabeledError
            If a setting cannot be meant, or the network does not fit the data.
        """
        check_settings(self)
        opened, preprocessing = open_instances(instances, self)
        self._check_kind(preprocessing)
        self.prepare(preprocessing)
        self._measured(opened)
        instances = self.training_instances(opened)
        self._check_rows(instances)
        instances = self._with_labels(instances, y)
        self.n_instances_ = len(instances)
        with own_randomness(), torch.no_grad():
            encoder = self._make_encoder(preprocessing)
            encoder = self.build(encoder).encoder.eval()
            few = instances.gather(torch.arange(min(2, len(instances))))
            encoder(encoder.preprocessing.canonical(few.values))
        instances, _ = self.hold_out(instances, modality_of(opened).groups(opened))
        return self.plan(len(instances))

    def _measured(self, instances: Instances) -> dict[str, str]:
        chosen = self.measure(instances)
        self.settle(chosen)
        if chosen:
            self.remarks = [f'{name} is "{value}", which suits these data' for name, value in chosen.items()]
        return chosen

    def _check_rows(self, instances: Instances) -> None:
        if len(instances) < self.minimum_rows:
            raise UnlabeledError(
                f"{type(self).__name__} needs at least {self.minimum_rows} instances to learn from, "
                f"got {len(instances)} sample"
            )
        if self.batch_size < self.minimum_rows:
            raise UnlabeledError(
                f"{type(self).__name__} compares the instances of a batch, so batch_size must be at least "
                f"{self.minimum_rows}, not {self.batch_size}"
            )

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Map instances to vectors, by the same preprocessing as in `fit`.

        Parameters
        ----------
        X : as in `fit`

        Returns
        -------
        ndarray of float32, shape (n, dim)
            A row depends on its instance only.
        """
        check_is_fitted(self, "encoder_")
        instances, _ = open_instances(X, self, self.encoder_.preprocessing)
        return embed(self.encoder_, instances, batch_size=self.batch_size, device=choose_device(self.device))

    def pictures(self, X: Any) -> Pictures | None:
        """Show what the method does with some instances, such as rebuilt ones; None where there is nothing to see."""
        return None

    def _describe(self, value: Any) -> Any:
        return described_parts(value)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save as a folder of safetensors and JSON, replaced in one step if it exists.

        The folder holds the encoder alone (``encoder.*``, loadable by `unlabeled.encoders.load_encoder`) and the rest
        of the method's network beside it.
        """
        check_is_fitted(self, "encoder_")
        with folder_written_aside(folder) as aside:
            write_encoder(self.encoder_, aside, self.provenance_)
            parts = self.network_.state_dict()
            rest = {key: value for key, value in parts.items() if not key.startswith("encoder.")}
            save_tensors(rest, aside / "network.safetensors")
            write_json(
                aside / "model.json",
                {
                    **self.recipe(),
                    "base_encoder": self._base_description,
                    "history": self.history_,
                    "fitted": self._fitted(),
                    **self.provenance_,
                    "extras": self.extras(),
                },
            )

    @classmethod
    @refuses_damage
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Load what `save` wrote; the result transforms exactly as the saved one did."""
        folder = Path(folder)
        saved, preprocessing = read_json(folder / "model.json"), read_json(folder / "encoder.json")["preprocessing"]
        names = {field.name for field in dataclasses.fields(cls)}
        # The checkpoint belongs to the training that wrote it: to fit again must not replace it.
        settings = {key: value for key, value in saved.items() if key in names and key != "checkpoint"}
        self = cls(**restored(settings))
        self.device = device_here(self.device)
        for name, value in saved["fitted"].items():
            setattr(self, name, np.array(value) if isinstance(value, list) else value)
        self.restore_extras(saved["extras"])
        base = from_description(saved["base_encoder"], Preprocessing.from_dict(preprocessing))
        self.prepare(base.preprocessing)
        self._base_description = base.describe()
        self.network_ = self.build(base).eval()
        weights = folder / self.network_.encoder.weights_file
        encoder = {f"encoder.{key}": value for key, value in load_tensors(weights).items()}
        load_weights(self.network_, encoder | load_tensors(folder / "network.safetensors"), folder)
        self.encoder_, self.history_ = self.network_.encoder, saved["history"]
        self.provenance_ = {key: saved[key] for key in ("recipe", "data", "training")}
        self.seed_ = self.provenance_["training"]["seed"]
        self.settle(self.provenance_["training"])
        for name, value in self.encoder_.preprocessing.fitted().items():
            setattr(self, name, value)
        return self

    def _fitted(self) -> dict[str, Any]:
        """Give the fitted attributes that `fit` takes from the data, in JSON's types."""
        classes = {"classes_": self.classes_.tolist()} if hasattr(self, "classes_") else {}
        return {"n_instances_": self.n_instances_, "n_learnt_": self.n_learnt_, **classes}

    @property
    def _n_features_out(self) -> int:
        return self.encoder_.dim

    def _encoder_specification(self, preprocessing: Preprocessing) -> str | os.PathLike[str] | Encoder:
        if self.encoder != "auto":
            return self.encoder
        return self.auto_encoder.get(preprocessing.kind, modality_of(preprocessing).encoder)

    def _make_encoder(self, preprocessing: Preprocessing) -> Encoder:
        return make_encoder(self._encoder_specification(preprocessing), preprocessing)

    @classmethod
    def accepts(cls, kind: Modality) -> bool:
        """Tell whether the method has a meaning for a kind of data."""
        return kind.name in cls.modalities

    @classmethod
    def kinds_of_data(cls) -> tuple[str, ...]:
        """List the kinds of data that the method takes: those it names, then others that it `accepts`."""
        taken = [name for name, kind in modalities().items() if cls.accepts(kind)]
        named = [name for name in cls.modalities if name in taken]
        return (*named, *(name for name in taken if name not in named))

    def _check_kind(self, preprocessing: Preprocessing) -> None:
        """Refuse data that the method has no meaning for, and settings that the data have no use for."""
        kind = modality_of(preprocessing)
        if not self.accepts(kind):
            kinds = ", ".join(self.kinds_of_data())
            raise UnlabeledError(f"{type(self).__name__} is for {kinds} data, not {preprocessing.kind}s")
        if not kind.has_pictures:
            refuse_idle(self, OF_PICTURES, f"is for pictures, and the data are {preprocessing.kind}s")

    def _with_labels(self, instances: Instances, y: Any) -> Instances:
        """Give the instances the labels that the method may see: those of `y`, else their own, or none at all."""
        if not self.uses_labels:
            return Relabelled(instances)
        if y is not None:
            labels, self.classes_ = label_codes(y, len(instances))
            return Relabelled(instances, labels, [str(name) for name in self.classes_])
        if instances.labels is not None and instances.classes is not None:
            self.classes_ = np.array(instances.classes)
        return instances

    def _identity(self, instances: Instances) -> dict[str, Any]:
        """Say what must be the same for a resumed run to be the same run."""
        settings = {key: value for key, value in self.recipe().items() if key not in CIRCUMSTANCES}
        labels = {"labels": fingerprint([instances.labels])} if instances.labels is not None else {}
        return {**settings, "data": instances.fingerprint, **labels}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # vectors are float32 whatever came in
        return tags
