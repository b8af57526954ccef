"""``python -m bcejax`` hands over, or names the extra that is missing."""

import subprocess
import sys

import bcejax.__main__ as program


def test_it_hands_over_to_the_commands():
    command = [sys.executable, "-m", "bcejax", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "bcejax audit LOSS" in done.stdout


def test_a_missing_extra_is_one_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tyro", None)
    assert program.main() == 2
    message = "error: the command line needs tyro: pip install 'bcejax[cli]'\n"
    assert capsys.readouterr().err == message


def test_an_interrupt_is_one_line(monkeypatch, capsys):
    def interrupted(words):
        raise KeyboardInterrupt

    monkeypatch.setattr("bcejax.commands.entry.enter", interrupted)
    monkeypatch.setattr("bcejax.commands.compilation.keep_programs", lambda: None)
    monkeypatch.setattr("bcejax.commands.compilation.leave_cycles", lambda: None)
    monkeypatch.setattr("bcejax.commands.interrupts.end_at_interrupt", lambda: None)
    assert program.main() == 130
    assert capsys.readouterr().err == "interrupted\n"
