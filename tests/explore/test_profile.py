import numpy as np
import pytest

from unlabeled.data.tabular.table import Table
from unlabeled.explore.profile import Trait, traits, typical


@pytest.fixture
def table():
    age = np.array([70.0, 80, 75, 20, 30, 25])
    cities = np.array(["Oslo", "Oslo", "Oslo", "Oslo", "Bern", "Bern"])
    return Table({"age": age, "income": np.array([2e4, 8e4] * 3)}, {"city": cities}, list("abcdef"))


def test_traits_are_means_shares_and_deviations(table):
    found = {(trait.column, trait.value): trait for trait in traits(table, np.arange(6) < 3)}
    assert found.keys() == {("age", None), ("income", None), ("city", "Oslo"), ("city", "Bern")}
    age = found["age", None]
    assert (age.here, age.overall) == (75, 50)
    assert age.deviations == pytest.approx(25 / np.std([70, 80, 75, 20, 30, 25]))
    oslo = found["city", "Oslo"]
    assert (oslo.here, oslo.overall) == (1, pytest.approx(2 / 3))
    assert oslo.deviations == pytest.approx((1 / 3) / np.sqrt(2 / 3 * 1 / 3))
    assert found["city", "Bern"].deviations == pytest.approx(-oslo.deviations)


def test_the_most_unusual_comes_first(table):
    found = traits(table, np.arange(6) < 3)
    sizes = [abs(trait.deviations) for trait in found]
    assert sizes == sorted(sizes, reverse=True)
    assert found[0].column == "age"


def test_what_is_told_names_a_column_once_and_nothing_that_is_rare(table):
    told = typical(traits(table, np.arange(6) >= 3), 5)
    assert [(trait.column, trait.value) for trait in told] == [("age", None), ("city", "Bern"), ("income", None)]
    assert len(typical(told, 2)) == 2


def test_they_read_well():
    assert str(Trait("income", None, 80266.7, 45255.1, 1.3)) == "income 80,267 (45,255)"
    assert str(Trait("rate", None, 0.01234, -0.5, 1.3)) == "rate 0.0123 (-0.5)"
    assert str(Trait("plan", "pro", 0.923, 0.34, 1.2)) == "plan pro 92% (34%)"
