"""The estimator contract: a keyword-only dataclass whose fields are its hyper-parameters."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, dataclass_transform

from sklearn.base import BaseEstimator


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(dataclasses.field,))
class Estimator(BaseEstimator):
    """Base of every method: a class whose annotated fields are its hyper-parameters.

    A subclass only lists its fields; the constructor, `get_params`, `set_params`, `clone`, the command line's options
    and recipe files all follow from them. The constructor assigns and does nothing else; fitted attributes end in
    an underscore; `fit` changes neither parameters nor input.

    Examples
    --------
    >>> class Shift(Estimator):
    ...     by: float = 1.0
    >>> Shift(by=2.0).get_params()
    {'by': 2.0}
    """

    modalities: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(kw_only=True, eq=False, repr=False)(cls)
