"""Rows as scikit-learn checks them: what holds texts is refused by the name of its column."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from unlabeled import GaussianMixture, KMeans, LabelPropagation, LatentDirichletAllocation, MixedMixture, SimCLR
from unlabeled.errors import UnlabeledError

COLUMNS = {"a": [1.0, 2.0, 5.0], "size": ["7", "8", "9"], "b": ["x", "y", "z"]}
QUICK = {"epochs": 1, "progress": False}
FITS = {
    "k_means": lambda X: KMeans(2).fit(X),
    "gaussian_mixture": lambda X: GaussianMixture(2).fit(X),
    "label_propagation": lambda X: LabelPropagation().fit(X, [0, 1, -1]),
    "topics": lambda X: LatentDirichletAllocation(2).fit(X),
    "simclr": lambda X: SimCLR(**QUICK).fit(X),
}


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
def test_the_column_that_holds_texts_is_named(fit):
    with pytest.raises(UnlabeledError, match=r"column 'b' of the data frame holds 'x', which is no .* X\['b'\]"):
        fit(pd.DataFrame(COLUMNS))


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
@pytest.mark.parametrize("X", [pa.table(COLUMNS), [[1.0, "x"], [2.0, "y"], [3.0, "z"]]], ids=["arrow", "lists"])
def test_texts_among_numbers_are_told(fit, X):
    with pytest.raises(UnlabeledError, match="text"):
        fit(X)


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
def test_rows_of_different_lengths_are_told(fit):
    with pytest.raises(UnlabeledError, match="lists of numbers of one length"):
        fit([[1.0, 2.0], [3.0], [4.0, 5.0]])


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32])
def test_tensors_of_any_type_are_rows(kind):
    X = torch.arange(12.0).reshape(6, 2)
    model = KMeans(2, random_state=0).fit(X.to(kind, copy=True).requires_grad_())
    assert np.array_equal(model.predict(X), KMeans(2, random_state=0).fit_predict(X.numpy()))


def test_a_mapping_is_no_rows():
    for method in (KMeans(2), MixedMixture(2)):
        with pytest.raises(UnlabeledError, match=r"X is a dict, and rows come as .* pandas.DataFrame\(X\)"):
            method.fit({"a": [1.0, 2.0, 5.0]})


def test_a_table_of_arrow_is_rows():
    table = pa.table({"a": [1.0, 2.0, 5.0, 9.0], "b": [0.0, 1.0, 0.0, 4.0]})
    X = np.column_stack([table["a"], table["b"]])
    by_table, by_array = (KMeans(2, random_state=0).fit(each) for each in (table, X))
    assert np.array_equal(by_table.cluster_centers_, by_array.cluster_centers_)
    mixed = pa.table({"a": [1.0, 2.0, 5.0, 9.0], "b": ["x", "y", "x", "y"]})
    assert MixedMixture(2, random_state=0).fit(mixed).categorical_ == [1]
