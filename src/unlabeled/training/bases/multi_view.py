"""Methods that compare distorted copies of an instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.data.instances import Instances
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.modalities import Modality, Preprocessing, modality_of
from unlabeled.training.bases.self_supervised import SelfSupervised
from unlabeled.views import View


class MultiView(SelfSupervised):
    """Base of methods whose split is two views: x and y are distorted copies of the same instance.

    Parameters
    ----------
    views : str or View, default "auto"
        How copies are distorted: ``"simclr"``, ``"weak"`` or ``"strong"`` for images and videos, ``"gentle"``,
        ``"shift"`` or ``"local"`` for images, ``"crop"``, ``"deletion"``, ``"weak"`` or ``"strong"`` for texts,
        ``"corruption"`` for vectors, or a view of your own (see `unlabeled.views`). ``"auto"`` takes SimCLR's for
        images and videos, but for grey images with an empty margin, such as digits, the gentle view; ``"crop"`` for
        texts; and column corruption for vectors.
    """

    views: str | View = "auto"

    @classmethod
    def accepts(cls, kind: Modality) -> bool:
        """Take every kind of data that has views, unless the method narrows it down."""
        every = cls.modalities == MultiView.modalities and not kind.halves
        return super().accepts(kind) or (every and bool(kind.views))

    def prepare(self, preprocessing: Preprocessing) -> None:
        """Settle on the view for this kind of data."""
        super().prepare(preprocessing)
        self._modality = modality_of(preprocessing)
        self.view_ = choose_view(self.views, self._modality)

    def measure(self, instances: Instances) -> dict[str, str]:
        """Choose the view that the instances want, where none was asked for."""
        name = self._modality.view_for(instances, "auto") if self.views == "auto" else "auto"
        return super().measure(instances) | ({} if name == "auto" else {"views": name})

    def settle(self, chosen: Mapping[str, Any]) -> None:
        """Take that view."""
        super().settle(chosen)
        if "views" in chosen:
            self.view_ = choose_view(chosen["views"], self._modality)

    def view(self, values: Any) -> Any:
        """Make a distorted copy of instances in canonical units; of pairs the images are distorted."""
        return self._modality.distort(values, self.view_)

    def split(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Show one view, hide another."""
        return self.view(batch.values), self.view(batch.values)


def choose_view(views: str | View, kind: Modality) -> View:
    """Give the view that a name stands for, for a kind of data; a view stands for itself.

    Raises
    ------
    UnlabeledError
        If there is no such view for that kind.
    """
    if isinstance(views, str):
        if views not in kind.views:
            raise unknown_name(f"view for {kind.name}s", views, kind.views)
        return kind.views[views]()
    if views.kind not in ("", kind.name, *kind.halves):  # of a pair one half is distorted
        raise UnlabeledError(f"the view {type(views).__name__} distorts {views.kind}s and no {kind.name}s")
    return views
