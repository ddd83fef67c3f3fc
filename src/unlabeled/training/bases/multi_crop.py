"""Methods that compare large and local views of an instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unlabeled.data.batch import Batch
from unlabeled.modalities import Preprocessing, modality_of
from unlabeled.setting_checks import check_whole_number
from unlabeled.training.bases.multi_view import MultiView, choose_view
from unlabeled.views import View

LARGE = 2
"""Large views of an instance."""


class MultiCrop(MultiView):
    """Base of methods whose split is several views, of which the first two are large and the others local.

    Parameters
    ----------
    local_views : int, default 2
        Local views of an instance, beside the two large ones.
    local : str or View, default "local"
        How local views are made: ``"local"``, crops of 5 to 40 % of an image, in its own size (for other kinds of data,
        and for grey images with an empty margin, as large views are); or a view of your own.
        ``unlabeled.views.local(16)`` makes crops of 16 pixels, which cost less.
    """

    local_views: int = 2
    local: str | View = "local"

    def prepare(self, preprocessing: Preprocessing) -> None:
        """Settle on the views for this kind of data."""
        super().prepare(preprocessing)
        check_whole_number("local_views", self.local_views, least=0)
        kind = modality_of(preprocessing)
        named = self.local != "local" or "local" in kind.views
        self.local_view_ = choose_view(self.local if named else self.views, kind)

    def settle(self, chosen: Mapping[str, Any]) -> None:
        """Take the view that the instances want for local views too: of a shape, a small part shows nothing."""
        super().settle(chosen)
        if "views" in chosen and self.local == "local":
            self.local_view_ = self.view_

    def split(self, batch: Batch) -> tuple[Any, Any]:
        """Show all views, hide the large ones among them."""
        large = [self.view(batch.values) for _ in range(LARGE)]
        return large + [self.local_view_(batch.values) for _ in range(self.local_views)], large
