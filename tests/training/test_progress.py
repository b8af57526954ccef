import numpy as np
import pytest

from bcejax.training import progress
from bcejax.training.progress import shown_progress
from bcejax.training.records import Figures

SEEN = Figures(*(np.array([9.0, value]) for value in (0.5, 0.75, 0.625, 0.25)))
UNSEEN = SEEN._replace(validation_loss=None, validation_accuracy=None)


def test_silent_if_not_asked(capfd):
    with shown_progress(False, 3) as show:
        show(1, SEEN)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("figures", "line"),
    [
        (
            SEEN,
            "epoch 3/3  loss 0.5000  accuracy 0.7500  validation loss 0.6250  accuracy 0.2500\n",
        ),
        (UNSEEN, "epoch 3/3  loss 0.5000  accuracy 0.7500\n"),
    ],
)
def test_a_short_run_leaves_one_line_in_a_log(capfd, figures, line):
    with shown_progress(True, 3) as show:
        for done in (1, 2, 3):
            show(done, figures)
    assert capfd.readouterr() == ("", line)


def test_a_long_run_writes_ever_rarer_lines(capfd, monkeypatch):
    clock = iter(np.arange(0, 10**4, 0.5))  # half a second from one look to the next
    monkeypatch.setattr(progress.time, "monotonic", clock.__next__)
    with shown_progress(True, 500) as show:
        for done in range(1, 501):
            show(done, UNSEEN)
    epochs = [int(line.split()[1].split("/")[0]) for line in capfd.readouterr().err.splitlines()]
    assert epochs[0] == 4
    assert epochs[-1] == 500
    gaps = np.diff(epochs[:-1])
    assert (np.diff(gaps) > 0).all()
    assert 8 < len(epochs) < 20


def test_nothing_to_tell_before_the_first_epoch(capfd):
    with shown_progress(True, 3):
        pass
    assert capfd.readouterr() == ("", "")


def test_a_bar_on_a_terminal(capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    with shown_progress(True, 3) as show:
        show(3, SEEN)
    out, err = capfd.readouterr()
    assert out == ""
    for part in ("epoch", "3/3", "━━", "loss 0.5000", "validation loss 0.6250"):
        assert part in err


def test_an_error_is_not_hidden(capfd):
    with pytest.raises(ZeroDivisionError), shown_progress(True, 3):
        raise ZeroDivisionError
    assert capfd.readouterr() == ("", "")
