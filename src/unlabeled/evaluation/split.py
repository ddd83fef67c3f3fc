"""Splits of partly labelled data that keep the classes' shares and put up with rare classes."""

from __future__ import annotations

from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from unlabeled.data.arrays import as_array
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.inputs import Labels, check_labels, check_some_labelled


class Split(NamedTuple):
    """Row numbers of the two parts, each in rising order; unlabelled rows are in neither."""

    train: Labels
    test: Labels


def stratified_split(labels: ArrayLike, test_size: float = 0.2, seed: int = 0) -> Split:
    """Split the labelled rows into a training and a test part, class by class.

    Of a class with c rows, c · `test_size` go to the test part, rounded, but at least one and at most c − 1; a class
    with a single row goes to the training part, where it can do no harm.

    Parameters
    ----------
    labels : array of int or str, shape (n,)
        Classes; rows with −1, or without a name, are in neither part.
    test_size : float, default=0.2
        Share of the rows to test on, between 0 and 1.
    seed : int, default=0
        The same seed gives the same split.

    Returns
    -------
    Split
        ``train`` and ``test``, row numbers.

    Raises
    ------
    UnlabeledError
        If no class has two labelled rows, or `test_size` is not between 0 and 1.

    Examples
    --------
    >>> train, test = stratified_split([0, 0, 0, 1, 1, -1, 2], test_size=0.34)
    >>> len(train), len(test)
    (4, 2)
    """
    if not isinstance(test_size, Real) or not 0 < test_size < 1:
        raise UnlabeledError(f"test_size must be a number between 0 and 1, not {test_size!r}")
    if np.ndim(given := as_array(labels)) != 1:
        raise UnlabeledError(f"labels are one for each row, not of shape {np.shape(given)}")
    classes = check_labels(labels, len(given))
    check_some_labelled(classes)
    random = np.random.default_rng(seed)
    test: list[Labels] = []
    for label in np.unique(classes[classes >= 0]):
        members = random.permutation(np.flatnonzero(classes == label))
        wanted = max(1, round(test_size * len(members)))
        test.append(members[: min(wanted, len(members) - 1)])
    tested = np.sort(np.concatenate(test))
    if len(tested) == 0:
        raise UnlabeledError("every class has one labelled row only, so none is left to test on; label more rows")
    return Split(np.setdiff1d(np.flatnonzero(classes >= 0), tested), tested)


def grouped_split(labels: ArrayLike, groups: ArrayLike | None, test_size: float = 0.2, seed: int = 0) -> Split:
    """Split the labelled rows so that no group has rows in both parts, class by class.

    Clips of one video resemble each other more than those of any two videos; with some of them in either part, a probe
    would be judged by how well it knows the video again.

    Parameters
    ----------
    labels : array of int or str, shape (n,)
        Classes; rows with −1, or without a name, are in neither part.
    groups : array of int, shape (n,), or None
        Number of each row's group. A group is counted to the class of its first labelled row. None: every row is a
        group of its own, as in `stratified_split`.
    test_size : float, default=0.2
        Share of the groups to test on.
    seed : int, default=0
        The same seed gives the same split.

    Raises
    ------
    UnlabeledError
        If no class has two groups.

    Examples
    --------
    >>> train, test = grouped_split([0, 0, 0, 0, 1, 1], [7, 7, 8, 8, 9, 9])
    >>> len(train), len(test)
    (4, 2)
    """
    if groups is None:
        return stratified_split(labels, test_size, seed)
    classes, numbers = check_labels(labels, len(as_array(labels))), np.asarray(groups)
    if numbers.shape != classes.shape:
        raise UnlabeledError(
            f"there are {len(classes)} labels and groups of shape {numbers.shape}; give one group a row"
        )
    check_some_labelled(classes)
    known = np.flatnonzero(classes >= 0)
    names, first, group_of = np.unique(numbers[known], return_index=True, return_inverse=True)
    try:
        tested = stratified_split(classes[known][first], test_size, seed).test
    except UnlabeledError:
        raise UnlabeledError(
            f"every class has rows of one group only, {len(names)} in all, so none is left to test on; "
            "label more groups"
        ) from None
    in_test = np.isin(group_of, tested)
    return Split(known[~in_test], known[in_test])


def stratified_folds(labels: Labels, n_folds: int, seed: int = 0) -> Labels:
    """Deal the rows to folds, class by class, as cards are dealt.

    Each class's rows differ by at most one in number between folds, and so do all rows; unlike scikit-learn's folds, a
    class may have fewer rows than there are folds.

    Parameters
    ----------
    labels : array of int, shape (n,)
        Classes, all of them known.
    n_folds : int
        How many folds.
    seed : int, default=0
        The same seed gives the same folds.

    Returns
    -------
    array of int, shape (n,)
        The fold of each row, from 0.

    Examples
    --------
    >>> sorted(stratified_folds(np.array([0, 0, 0, 1, 1, 1]), 3).tolist())
    [0, 0, 1, 1, 2, 2]
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    folds = np.empty(len(labels), dtype=np.int64)
    folds[by_class] = np.arange(len(labels)) % n_folds
    return folds
