"""Views of texts: some tokens deleted, or a stretch cut out."""

from unlabeled.views.text.token_crop import TokenCrop
from unlabeled.views.text.token_deletion import TokenDeletion

__all__ = ["TokenCrop", "TokenDeletion"]
