"""Parts of many examples: all of them, once each, in other threads, also after a fork."""

import itertools
import os
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from bcejax.solvers import side_by_side
from bcejax.solvers.side_by_side import in_parts, plain_products
from bcejax.solvers.worlds import NUMPY


@pytest.fixture(autouse=True)
def _three_threads(monkeypatch):
    monkeypatch.setattr(side_by_side, "WORTH", 10)
    monkeypatch.setattr("os.cpu_count", lambda: 3)


@pytest.mark.parametrize("count", [1, 2, 3, 10, 100])
def test_parts_cover_all_in_order(count):
    parts = in_parts(count, 10, lambda first, end: list(range(first, end)))
    assert len(parts) == 3
    assert [*itertools.chain(*parts)] == [*range(count)]


def test_few_numbers_stay_in_this_thread():
    assert in_parts(5, 9, lambda *_: threading.get_ident()) == [threading.get_ident()]
    meeting = threading.Barrier(3, timeout=10)
    in_parts(5, 10, lambda *_: meeting.wait())  # breaks unless all are there at once


def test_errors_come_back_and_overflow_is_silent():
    def part(first, end):
        return np.full(2, 1e300)[: end - first] ** 2

    assert np.isinf(np.concatenate(in_parts(6, 10, part))).all()
    with pytest.raises(ZeroDivisionError):
        in_parts(6, 10, lambda first, _: 1 / (first - 2))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:Warning")
def test_threads_are_made_anew_in_a_fork():
    in_parts(6, 10, lambda *_: None)
    child = os.fork()
    if not child:
        os._exit(len(in_parts(6, 10, lambda *_: None)))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3


def product_threads():
    """Of NumPy's products; an empty set where nobody can tell."""
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


@pytest.fixture
def two():
    """What ``product_threads`` gives outside of all parts."""
    with threadpool_limits(2, user_api="blas"):
        yield product_threads()


def test_products_have_one_thread_in_parts(two):
    inside = in_parts(6, 10, lambda *_: product_threads())
    assert inside == 3 * [{1} if two else set()]
    assert in_parts(6, 9, lambda *_: product_threads()) == [two]
    with pytest.raises(ZeroDivisionError):
        in_parts(6, 10, lambda first, _: 1 / first)
    assert product_threads() == two


def test_fits_side_by_side_give_products_their_threads_back(two):
    entered, left = threading.Event(), threading.Event()

    def stay():
        with plain_products(10):
            entered.set()
            left.wait(10)

    other = threading.Thread(target=stay)
    with plain_products(10):
        other.start()
        entered.wait(10)
        assert product_threads() == ({1} if two else set())
    assert product_threads() == two
    left.set()
    other.join()
    assert product_threads() == two


def test_without_what_sets_threads(two, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    side_by_side._products.cache_clear()
    assert in_parts(6, 10, lambda *_: product_threads()) == 3 * [two]
    side_by_side._products.cache_clear()


def test_products_of_large_matrices(monkeypatch):
    monkeypatch.setattr("bcejax.solvers.worlds.LARGE", 10)
    rng = np.random.default_rng(0)
    a = rng.integers(-9, 9, (7, 5)).astype(float)
    b, c = rng.integers(-9, 9, 5).astype(float), rng.integers(-9, 9, 7).astype(float)
    np.testing.assert_array_equal(NUMPY.matmul(a, b), a @ b)
    np.testing.assert_array_equal(NUMPY.matmul(c, a), c @ a)
    np.testing.assert_array_equal(NUMPY.matmul(np.asfortranarray(a), a.T), a @ a.T)
