"""Methods that compare distorted copies of an instance."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.encoders.preprocessing import Preprocessing
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.training.self_supervised import SelfSupervised
from unlabeled.views import ImageView, TableCorruption, View, simclr, strong, weak

RECIPES: dict[str, dict[str, Callable[[], View]]] = {
    "image": {"auto": simclr, "simclr": simclr, "weak": weak, "strong": strong},
    "vector": {"auto": TableCorruption, "corruption": TableCorruption},
}


class MultiView(SelfSupervised):
    """Base of methods whose split is two views: x and y are distorted copies of the same instance.

    Parameters
    ----------
    views : str or View, default "auto"
        How copies are distorted: ``"simclr"``, ``"weak"`` or ``"strong"`` for images, ``"corruption"`` for vectors, or
        a view of your own (see `unlabeled.views`). ``"auto"`` takes SimCLR's for images and column corruption for
        vectors.
    """

    views: str | View = "auto"

    def prepare(self, preprocessing: Preprocessing) -> None:
        """Settle on the view for this kind of data."""
        super().prepare(preprocessing)
        self.view_ = choose_view(self.views, preprocessing.kind)

    def view(self, values: Tensor) -> Tensor:
        """Make a distorted copy of instances in canonical units."""
        return self.view_(values)

    def split(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Show one view, hide another."""
        return self.view(batch.values), self.view(batch.values)


def choose_view(views: str | View, kind: str) -> View:
    """Give the view that a name stands for, for data of a kind; a view stands for itself.

    Raises
    ------
    UnlabeledError
        If there is no such view for that kind.
    """
    if isinstance(views, str):
        if views not in RECIPES[kind]:
            raise unknown_name(f"view for {kind}s", views, RECIPES[kind])
        return RECIPES[kind][views]()
    if isinstance(views, ImageView) != (kind == "image"):
        raise UnlabeledError(f"the view {type(views).__name__} cannot distort {kind}s")
    return views
