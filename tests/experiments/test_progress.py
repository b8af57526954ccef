import io

import pytest
from rich.console import Console

from experiments.progress import watch


@pytest.fixture(params=[True, False], ids=["terminal", "pipe"])
def console(request):
    return Console(file=io.StringIO(), force_terminal=request.param, width=200)


def test_steps_are_shown_while_they_last_and_gone_after(console):
    with watch(console, 2) as board:
        board.start("first")
        seen = []
        for item in board.track([1, "[b]two[/b]"], "outer"):
            for inner in board.track(range(2), "inner"):
                board._progress.refresh()
                seen.append((item, inner))
        assert len(board._progress.tasks) == 1
        board.finish("[green]done[/]")
    assert seen == [(1, 0), (1, 1), ("[b]two[/b]", 0), ("[b]two[/b]", 1)]
    shown = console.file.getvalue()
    assert "done" in shown
    assert "first" in shown
    assert ("outer [b]two[/b]" in shown) == console.is_terminal


def test_a_loop_that_is_left_takes_its_bar_away(console):
    with watch(console, 1) as board:
        for item in board.track(range(9), "numbers"):
            if item == 1:
                break
        assert len(board._progress.tasks) == 1


def test_an_exception_takes_the_bars_away(console):
    with watch(console, 1) as board, pytest.raises(ZeroDivisionError):
        [1 / item for item in board.track([1, 0], "numbers")]
    assert len(board._progress.tasks) == 1


def test_a_long_step_leaves_count_and_time_in_sight():
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with watch(console, 31) as board:
        board.start("first")
        for _ in board.track(range(2), 9 * "a long story, "):
            board._progress.refresh()
    shown = console.file.getvalue()
    assert "0/2" in shown
    assert "0:00:00" in shown.partition("0/2")[2]
    assert "…" not in shown.partition("0/2")[2].partition("0:00:00")[0]
