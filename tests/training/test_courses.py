import jax
import numpy as np
import pytest

from bcejax.data.shards import open_shards
from bcejax.training import courses, init_state
from bcejax.training.courses import Course, Reading
from bcejax.training.program import Plan


@pytest.fixture
def course(tmp_path, make_model, adam):
    """Two shards of 30 rows: blocks of 8 rows, a window each."""
    rng = np.random.default_rng(0)
    for number in range(2):
        x = rng.normal(size=(30, 3)).astype(np.float32)
        np.savez(tmp_path / f"{number}.npz", x=x, y=x[:, 0] > 0)
    shards = open_shards(tmp_path, label="y")
    reading, plan = Reading([0], 30, 0), Plan(8, None)
    return lambda: Course(init_state(make_model(), adam), shards, None, reading, plan)


def never():
    return 0


def test_a_course_goes_on_from_what_it_saved(course, monkeypatch):
    monkeypatch.setattr(courses, "_NUMBERS", 8 * 3)
    whole, first = course(), course()
    for _ in range(8):  # 7 blocks of 8 rows, and one of the 4 that are left
        assert whole.advance(1, never)
    assert whole.done == 1
    for _ in range(5):
        assert first.advance(1, never)
    assert first.number == 5
    assert first.progress[0] == 40 / 60
    saved = jax.tree.map(np.array, first.saved())  # the next block consumes the arrays
    other = course()
    other.resume(jax.tree.map(jax.numpy.asarray, saved[0]), saved[1])
    assert (other.number, other.done, other.position) == (5, 0, first.position)
    assert other.progress[0] == first.progress[0]
    assert other.progress[1].loss == first.progress[1].loss
    assert other.step() == 5
    for _ in range(3):
        assert other.advance(1, never)
    jax.tree.map(np.testing.assert_array_equal, whole.run, other.run)
    np.testing.assert_array_equal(whole.figures.loss, other.figures.loss)
    assert other.progress[0] == 1
    assert other.figures.loss.shape == (1,)
    assert other.figures.validation_loss is None
    first.close()


def test_a_small_set_is_one_block(course):
    small = course()
    assert small.advance(1, never)
    assert (small.number, small.progress[0]) == (1, 56 / 60)
    assert small.advance(1, never)
    assert (small.number, small.progress[0]) == (2, 1)
