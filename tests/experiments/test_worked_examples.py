"""Every number of the worked examples, from Python's decimal arithmetic and by hand."""

import importlib.util
import math
from decimal import Decimal, localcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.data import draw_logistic
from bcejax.losses import bce_with_probs
from experiments.worked_examples import (
    EXPERIMENT,
    convexity,
    edges,
    epsilon,
    network,
    printed,
    separable,
    traps,
)

TINY = EXPERIMENT.tiny


@pytest.fixture(scope="module")
def tables(tiny):
    return {table.name: table.columns for table in tiny.tables}


def in_decimal(probs, labels, epsilon=0.0):
    """The mean loss to 40 digits, each probability as it is in binary."""
    with localcontext() as context:
        context.prec = 40
        seen = [Decimal(p) if y else 1 - Decimal(p) for p, y in zip(probs, labels, strict=True)]
        return -sum((q + Decimal(epsilon)).ln() for q in seen) / len(seen)


def ulps(got, truth):
    with localcontext() as context:
        context.prec = 40
        return abs(float((Decimal(float(got)) - truth) / Decimal(math.ulp(float(truth)))))


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_every_claim_is_another(tiny):
    assert len({claim.text for claim in tiny.verdict.claims}) == len(tiny.verdict.claims) > 40


def test_printed_digits_are_those_of_the_articles():
    assert [example.mean for example in printed.EXAMPLES] == [
        0.2656183105130591,
        0.20273661557656092,
        2.3025850929940455,
        0.16251892949777494,
        0.10536051565782628,
    ]
    assert epsilon.KERAS == 0.2027364925606956
    for example in printed.EXAMPLES:
        assert ulps(example.mean, in_decimal(example.probs, example.labels)) <= 1


def test_figures_of_every_form_and_precision(tables):
    columns = tables["figures"]
    assert len(columns["mean"]) == 5 * 3 * 2
    truths = {e.name: in_decimal(e.probs, e.labels) for e in printed.EXAMPLES}
    for name, dtype, mean in zip(columns["figure"], columns["in"], columns["mean"], strict=True):
        assert abs(mean / float(truths[name]) - 1) <= 3 * np.finfo(dtype).eps
    assert {math.isnan(off) for off in columns["off the printed digits (ulp)"] if off} <= {False}


def test_epsilon_inside_both_logs_gives_the_figure_of_keras(tables):
    p, y = np.array(printed.FIVE.probs), np.array(printed.FIVE.labels)
    in_numpy = -np.mean(y * np.log(p + 1e-7) + (1 - y) * np.log(1 - p + 1e-7))
    assert abs(in_numpy - epsilon.KERAS) <= math.ulp(epsilon.KERAS)
    means = dict(zip(*tables["keras"].values(), strict=True))
    assert means["1e-7 inside both logs"] == epsilon.KERAS
    exactly = in_decimal(p, y, 1e-7)
    assert ulps(means["1e-7 inside both logs, 120 bits"], exactly) <= 0.5
    assert f"{means['clip to [1e-7, 1 - 1e-7], float32']:.9f}" == "0.202736616"
    assert ulps(means["clip to [1e-7, 1 - 1e-7]"], in_decimal(p, y)) <= 2


def test_gap_is_the_mean_of_1_over_q():
    assert epsilon.first_order() == pytest.approx(
        1e-7 * (2 / 0.9 + 2 / 0.8 + 1 / 0.7) / 5, rel=1e-14
    )


def test_keras_itself(tables):
    pytest.importorskip("keras")
    means = dict(zip(*tables["keras"].values(), strict=True))
    assert f"{means['Keras itself, float32']:.9f}" == "0.202736616"


def test_without_keras_the_answer_says_so(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with jax.enable_x64(True):
        result = epsilon.other_figure()
    assert result.verdict.holds
    assert "Keras is not installed here" in result.verdict.details[0]
    assert "Keras itself, float32" not in result.tables[0].columns["way"]


def test_slip_adds_a_quarter_of_ln_9(tables):
    columns = tables["slip"]
    assert columns["its loss"] == pytest.approx([0.10536051565782628, 2.302585092994046], rel=1e-15)
    for form in printed.FORMS:
        right, wrong = columns[f"mean from {form}"]
        assert right == pytest.approx(0.2656183105130591, rel=1e-15)
        assert wrong - right == pytest.approx(math.log(9) / 4, rel=1e-14)


def test_least_curvature_of_each_form(tables):
    in_p, in_logit, in_log_p, in_weights = tables["convexity"]["smallest curvature"]
    largest = 1 - 1 / (TINY.points - 1)  # the last p of the grid below 1
    assert in_p == pytest.approx(1 / largest**2, rel=1e-14)
    assert in_logit == pytest.approx(largest * (1 - largest), rel=1e-13)
    assert in_log_p == 0
    assert in_weights > 0


def test_network_by_hand(tables):
    solution = math.log1p(math.exp(-4))
    expected = [solution, solution, solution + 2, math.log(2)]
    assert tables["network"]["mean loss (nats)"] == pytest.approx(expected, rel=1e-15)


def test_units_of_the_network_in_the_other_order_are_the_same_function():
    inputs = np.random.default_rng(0).normal(size=(20, 2))

    def logits(name):
        (kernel, hidden_bias), (readout, bias) = network.layers(network.POINTS[name])
        return np.maximum(inputs @ kernel + hidden_bias, 0) @ readout + bias

    np.testing.assert_array_equal(logits("a solution"), logits("its twin"))
    middle = (network.POINTS["a solution"] + network.POINTS["its twin"]) / 2
    np.testing.assert_array_equal(middle, network.POINTS["half way between them"])


def test_curvature_of_the_network_agrees_with_differences():
    start, end = network.POINTS["a solution"], network.POINTS["its twin"]
    at = start + network.BENT * (end - start)
    with jax.enable_x64(True):
        smallest = network.smallest_curvature(at)
        mean = jax.jit(network.network_mean)
        direction = np.linalg.eigh(jax.jit(jax.hessian(mean))(at))[1][:, 0]
        step = 1e-4 * direction
        ahead, here, behind = (float(mean(weights)) for weights in (at + step, at, at - step))
    assert (ahead - 2 * here + behind) / 1e-8 == pytest.approx(smallest, rel=1e-4)


def test_the_network_is_traced_in_either_precision():
    kept = []  # while jax 0.10 has the program, it has what it made of the program's arrays
    for flag, dtype in ((False, "float32"), (True, "float64")):
        with jax.enable_x64(flag):
            kept.append(jax.make_jaxpr(network.network_mean)(network.POINTS["a solution"]))
        assert {each.dtype.name for each in kept[-1].consts} == {dtype}


def test_descent_by_hand():
    inputs, labels = np.array([[1.0], [2.0], [-1.0]]), np.array([1.0, 1.0, 0.0])
    design, weights = np.column_stack([inputs, np.ones(3)]), np.zeros(2)
    for _ in range(101):
        probs = 1 / (1 + np.exp(-design @ weights))
        loss = -np.mean(np.log(np.where(labels == 1, probs, 1 - probs)))
        before, gradient = weights, design.T @ (probs - labels) / 3
        weights = weights - gradient
    with jax.enable_x64(True):
        run = separable.descend(separable.Batch(jnp.array(inputs), jnp.array(labels)), 100)
    found = run.loss[100], run.weights[100], run.gradient[100]
    expected = loss, np.linalg.norm(before), np.linalg.norm(gradient)
    assert found == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(run.reached, weights, rtol=1e-12)


def test_values_at_the_edges(tables):
    columns, most = tables["edges"], np.finfo(float).max
    assert list(zip(columns["p"], columns["label"], strict=True)) == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]
    np.testing.assert_array_equal(columns["loss"], [0, np.inf, np.inf, 0])
    np.testing.assert_array_equal(columns["gradient in p"], [1, -most, most, -1])
    np.testing.assert_array_equal(columns["gradient in the logit"], [0, -1, 1, 0])
    np.testing.assert_array_equal(columns["the formula"], [np.nan, np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(columns["gradient of the clipped"], np.zeros(4))
    assert columns["clipped"][1] == pytest.approx(16.11809565095832, rel=1e-15)
    assert columns["clipped, float32"][2] == pytest.approx(15.942385152878742, rel=1e-7)


def test_values_of_the_traps(tables):
    _, by_case, formula, loss, said = tables["traps"].values()
    assert by_case[:2] == pytest.approx([0.0705810742857073, -4.442651256490317], rel=1e-14)
    assert formula[0] == by_case[0]
    assert loss[0] / by_case[0] == pytest.approx(math.log(10), rel=1e-15)
    assert formula[3] == pytest.approx(-2.0918640616783932, rel=1e-15)
    assert np.isnan([*formula[1:3], *loss[1:]]).all()
    assert said[0] is None
    assert "divide percentages by 100" in said[1]
    assert "optax.softmax_cross_entropy" in said[3]


def _naive(probs, labels):
    return -(labels * jnp.log(probs) + (1 - labels) * jnp.log(1 - probs))


def _upside_down(probs, labels):
    return -bce_with_probs(probs, labels)


def _slightly_wrong(probs, labels):
    return bce_with_probs(probs, labels) * (1 + 2e-15)


def _flat(weights):
    return jnp.sum(weights**2)


@pytest.mark.parametrize(
    ("owner", "name", "wrong", "part", "broken"),
    [
        (printed, "FORMS", {"probs": (_slightly_wrong, lambda p: p)},
         lambda: printed.figures_of_articles(5), "error of a figure"),
        (printed, "FOUR", printed.FOUR._replace(probs=(0.1, 0.2, 0.8, 0.4)),
         printed.slipped_row, "in four digits"),
        (epsilon, "EPSILON", 1e-8, epsilon.other_figure, "1e-7 inside both logs, in float64"),
        (convexity, "FORMS", {**printed.FORMS, "probs": (_upside_down, lambda p: p)},
         lambda: convexity.bowls(5, 20, 5, 0), "smallest second derivative in probs"),
        (network, "network_mean", _flat,
         lambda: network.ridge_between_solutions(5, 0), "off 2 nats"),
        (separable, "draw_separable", draw_logistic,
         lambda: separable.endless_descent(50, 10_000, 0), "growth of the weights"),
        (edges, "FORMS", {**printed.FORMS, "probs": (_naive, lambda p: p)},
         edges.certain_answers, "off their limits"),
        (traps, "check_labels", lambda labels: labels,
         traps.silent_errors, "refused with advice"),
    ],
    ids=["figures", "slip", "epsilon", "convexity", "network", "separable", "edges", "traps"],
)  # fmt: skip
def test_each_part_can_fail(monkeypatch, owner, name, wrong, part, broken):
    monkeypatch.setattr(owner, name, wrong)
    with jax.enable_x64(True):
        verdict = part().verdict
    assert any(broken in claim.text for claim in verdict.claims if not claim.holds)
