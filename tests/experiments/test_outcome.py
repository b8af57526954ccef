import math

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import Claim, Figure, Result, Table, Verdict, together
from experiments.outcome import RELATIONS

NUMBERS = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("value", "relation", "bound", "holds", "margin"),
    [
        (2.0, "<=", 3.0, True, 1.0),
        (3.0, "<=", 3.0, True, 0.0),
        (3.0, "<", 3.0, False, 0.0),
        (4.0, "<=", 3.0, False, -1.0),
        (4.0, ">=", 3.0, True, 1.0),
        (3.0, ">", 3.0, False, 0.0),
        (2.0, ">", 3.0, False, -1.0),
        (3.0, "==", 3.0, True, 0.0),
        (2.5, "==", 3.0, False, -0.5),
        (math.inf, "<=", math.inf, True, 0.0),
        (math.inf, "<=", 3.0, False, -math.inf),
    ],
)
def test_a_claim_is_computed(value, relation, bound, holds, margin):
    claim = Claim("", value, relation, bound)
    assert claim.holds is holds
    assert claim.margin == margin


@given(NUMBERS, st.sampled_from(sorted(RELATIONS)), NUMBERS)
def test_the_margin_is_negative_only_where_a_claim_fails(value, relation, bound):
    claim = Claim("", value, relation, bound)
    assert claim.margin >= 0 if claim.holds else claim.margin <= 0


@pytest.mark.parametrize("relation", sorted(RELATIONS))
def test_nan_never_holds(relation):
    assert not Claim("", math.nan, relation, 1).holds
    assert not Claim("", 1, relation, math.nan).holds
    assert math.isnan(Claim("", math.nan, relation, 1).margin)


def test_a_claim_cannot_be_set_by_hand():
    with pytest.raises(AttributeError):
        Claim("", 4, "<=", 3).holds = True


@pytest.mark.parametrize("value", [np.float32(0.5), jnp.float32(0.5), np.array(0.5), 0.5])
def test_a_claim_takes_scalars_of_any_library(value):
    claim = Claim("", value, "==", 0.5)
    assert type(claim.value) is float
    assert claim.holds


def test_a_claim_takes_one_number_and_a_known_relation():
    with pytest.raises(
        ValueError, match=r"relation '=<' is not one of \['<=', '<', '>=', '>', '=='"
    ):
        Claim("", 1, "=<", 2)
    with pytest.raises(TypeError):
        Claim("", np.zeros(2), "<=", 2)


def test_a_verdict_holds_when_every_claim_does():
    good, bad = Claim("", 1, "<=", 2), Claim("", 3, "<=", 2)
    assert Verdict((good, good), "yes").holds
    assert not Verdict((good, bad), "no").holds


def test_a_verdict_without_claims_cannot_fail_and_is_refused():
    with pytest.raises(ValueError, match="a verdict without a claim cannot fail"):
        Verdict((), "yes")


def test_a_table_has_columns_of_one_length():
    with pytest.raises(ValueError, match=r"table t: columns have lengths \{'a': 1, 'b': 2\}"):
        Table("t", "", {"a": [1], "b": [1, 2]})
    with pytest.raises(
        ValueError, match=r"table t: column 'a' has shape \(2, 1\), \(n,\) is taken"
    ):
        Table("t", "", {"a": np.zeros((2, 1))})
    with pytest.raises(ValueError, match=r"table t: columns have lengths \{\}"):
        Table("t", "", {})
    with pytest.raises(ValueError, match=r"table t: formats name no column: \['c'\]"):
        Table("t", "", {"a": [1]}, formats={"c": ".3f"})


@pytest.mark.parametrize("name", ["", "two words", "../up", "Über", "a.b"])
def test_names_of_files_are_plain(name):
    with pytest.raises(ValueError, match="takes small letters, digits and underscores"):
        Table(name, "", {"a": [1]})
    with pytest.raises(ValueError, match="takes small letters, digits and underscores"):
        Figure(name, "", "words", print)


def test_a_figure_says_in_words_what_it_shows():
    with pytest.raises(ValueError, match="figure f: alt is empty"):
        Figure("f", "A figure.", " ", print)


def test_parts_are_put_together_with_one_answer():
    claim = Claim("", 1, "==", 1)
    parts = [Result(Verdict((claim,), *words)) for words in (("Yes.",), ("", ("It took 2 s.",)))]
    assert together(parts).verdict == Verdict((claim, claim), "Yes.", ("It took 2 s.",))


def test_names_differ_within_a_result():
    table = Table("t", "", {"a": [1]})
    with pytest.raises(ValueError, match=r"names must differ, got \['t', 't'\]"):
        Result(Verdict((Claim("", 1, "==", 1),), ""), (table, table))
