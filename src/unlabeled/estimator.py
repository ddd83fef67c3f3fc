"""The estimator contract: a keyword-only dataclass whose fields are its hyper-parameters."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Self, dataclass_transform

from unlabeled.errors import unknown_name
from unlabeled.setting_checks import after_check


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(dataclasses.field,))
@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class Estimator:
    """Base of every method: a class whose annotated fields are its hyper-parameters.

    A subclass only lists its fields; the constructor, `get_params`, `set_params`, `clone`, the command line's options
    and recipe files all follow from them. The constructor assigns and does nothing else; fitted attributes end in
    an underscore; `fit` changes neither parameters nor input.

    It is a scikit-learn estimator by its methods and not by its base class, because importing scikit-learn takes more
    than a second, which a command that only reads text need not wait for. Methods that take arrays, and so use
    scikit-learn's checks anyway, are a `BaseEstimator` as well.

    Examples
    --------
    >>> class Shift(Estimator):
    ...     by: float = 1.0
    >>> Shift(by=2.0)
    Shift(by=2.0)
    >>> Shift(by=2.0).set_params(by=3.0).get_params()
    {'by': 3.0}
    """

    modalities: ClassVar[tuple[str, ...]] = ()
    principle: ClassVar[str] = ""
    """What makes it learn, such as ``"contrastive"``."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "fit" in vars(cls):
            cls.fit = after_check(vars(cls)["fit"])  # type: ignore[attr-defined]  # not every estimator has one
        dataclasses.dataclass(kw_only=True, eq=False, repr=False)(cls)

    def __new__(cls, *_args: Any, **settings: Any) -> Self:
        """Refuse a setting that there is not, as Python would, but suggest the nearest."""
        known = _names(cls)
        for name in settings:
            if name not in known:
                raise TypeError(str(unknown_name(f"parameter of {cls.__name__}", name, known)))
        return super().__new__(cls)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Give the hyper-parameters by name.

        Parameters
        ----------
        deep : bool, default True
            Give those of a hyper-parameter that is an estimator too, as ``name__its_name``.
        """
        found: dict[str, Any] = {}
        for name in _names(type(self)):
            value = getattr(self, name)
            found[name] = value
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                found |= {f"{name}__{key}": inner for key, inner in value.get_params().items()}
        return found

    def set_params(self, **params: Any) -> Self:
        """Set hyper-parameters by name; ``name__its_name`` sets one of a hyper-parameter that is an estimator.

        Raises
        ------
        UnlabeledError
            For a name that is not known; nothing has been set then.
        """
        known = _names(type(self))
        for name in params:
            if name.partition("__")[0] not in known:
                raise unknown_name(f"parameter of {type(self).__name__}", name, known)
        for name, value in sorted(params.items(), key=lambda item: "__" in item[0]):
            own, nested, inner = name.partition("__")
            if nested:
                getattr(self, own).set_params(**{inner: value})
            else:
                setattr(self, own, value)
        return self

    @classmethod
    def kinds_of_data(cls) -> tuple[str, ...]:
        """List the kinds of data that the method takes."""
        return cls.modalities

    def recipe(self) -> dict[str, Any]:
        """Give the method and its settings in JSON's types: what a recipe file holds."""
        return {"method": name_of(type(self))} | {
            field.name: self._describe(getattr(self, field.name)) for field in dataclasses.fields(self)
        }

    def _describe(self, value: Any) -> Any:
        """Describe the value of a setting in JSON's types."""
        return described(value)

    @classmethod
    def _of_recipe(cls, recipe: dict[str, Any]) -> Self:
        """Make an estimator of a recipe's settings; what is no setting is left out."""
        return cls(**{name: recipe[name] for name in _names(cls) if name in recipe})

    def __repr__(self) -> str:
        changed = [
            f"{field.name}={value!r}"
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) is not field.default and repr(value) != repr(field.default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def _repr_html_(self) -> str:
        from sklearn.utils import estimator_html_repr

        return str(estimator_html_repr(self))

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(estimator_type=None, target_tags=TargetTags(required=False), input_tags=InputTags())


def _names(cls: type[Estimator]) -> list[str]:
    return sorted(field.name for field in dataclasses.fields(cls))


def name_of(cls: type[Estimator]) -> str:
    """Give a method's name on the command line."""
    return cls.__module__.rpartition(".")[2]


def described(value: Any) -> Any:
    """Describe a value in JSON's types: numbers and text as they are, lists by their parts, others by their name.

    A generator of random numbers is None: one that was saved and loaded would begin somewhere else.

    Examples
    --------
    >>> described((1, None, len))
    [1, None, 'len']
    """
    import numpy as np

    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return None
    value = as_array(value) if is_array(value) else value
    if isinstance(value, np.ndarray) and value.dtype.kind not in "OU":
        return f"an array of shape {value.shape}"
    if isinstance(value, list | tuple | np.ndarray):
        return [described(part) for part in value]
    if isinstance(value, set | frozenset):
        return sorted(map(described, value), key=str)
    plain = value is None or isinstance(value, str | int | float | bool | dict)
    return value if plain else getattr(value, "__qualname__", None) or str(value)


def is_array(value: Any) -> bool:
    """Tell whether a value is an array or gives one, as data frames and tensors do."""
    return hasattr(value, "__array__") and getattr(value, "shape", ()) != () and not isinstance(value, type)


def as_array(value: Any) -> Any:
    """Give what `is_array` as an array."""
    import numpy as np

    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
