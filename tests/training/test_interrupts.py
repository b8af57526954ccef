import os
import signal
import threading

import jax.numpy as jnp
import pytest

from bcejax.training.interrupts import delayed_interrupts, held_interrupts, wait


def press():
    os.kill(os.getpid(), signal.SIGINT)


def test_a_press_is_held_until_the_end():
    counts = []

    def body():
        with held_interrupts() as pressed:
            counts.append(pressed())
            press()
            counts.append(pressed())

    with pytest.raises(KeyboardInterrupt):
        body()
    assert counts == [0, 1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_a_press_nothing_happens():
    with held_interrupts() as pressed:
        pass
    assert pressed() == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_comes_through_and_the_handler_back():
    with pytest.raises(ZeroDivisionError), held_interrupts():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_handler_that_stood_there_gets_the_press():
    seen = []
    old = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        with held_interrupts() as pressed:
            press()
            press()
            assert (pressed(), seen) == (2, [])
        assert seen == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, old)


def test_a_program_that_ignores_the_signal_goes_on_ignoring_it():
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with held_interrupts() as pressed:
            press()
        assert pressed() == 0
    finally:
        signal.signal(signal.SIGINT, old)


def test_other_threads_hold_nothing():
    counts = []

    def body():
        with held_interrupts() as pressed:
            counts.append(pressed())

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert counts == [0]


def test_a_press_before_arrays_are_in_flight_is_counted_there_and_sent_at_the_end():
    counts = []

    def body():
        with delayed_interrupts():
            press()
            with held_interrupts() as pressed:
                press()
                counts.append(pressed())
            counts.append("after")

    with pytest.raises(KeyboardInterrupt):
        body()
    assert counts == [2, "after"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_press_before_arrays_are_in_flight_does_not_wait():
    counts = []

    def body():
        with delayed_interrupts():
            press()
            counts.append("once")
            press()
            counts.append("twice")

    with pytest.raises(KeyboardInterrupt):
        body()
    assert counts == ["once"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_let_through_is_not_sent_again():
    seen = []
    old = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        with delayed_interrupts():
            press()
            press()
            assert seen == [signal.SIGINT]
        assert seen == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, old)


class Slow:
    """An array that is there once it is told so."""

    def __init__(self):
        self.there = threading.Event()

    def is_ready(self):
        return self.there.is_set()

    def block_until_ready(self):
        self.there.wait()


@pytest.mark.parametrize("asleep", [False, True])
@pytest.mark.parametrize("seconds", [0.003, 0.05])  # before and after it has a thread wait
def test_waits_until_the_array_is_there(asleep, seconds):
    assert wait(jnp.zeros(3), lambda: 0, asleep=asleep)
    slow = Slow()
    timer = threading.Timer(seconds, slow.there.set)
    timer.start()
    assert wait(slow, lambda: 1, asleep=asleep)
    assert slow.is_ready()
    timer.join()


def test_gives_up_at_the_second_press():
    slow = Slow()
    assert not wait(slow, iter([0, 1, 1, 2]).__next__)
    slow.there.set()


def test_presses_are_counted_while_it_waits():
    slow, counts = Slow(), []

    def body():
        with held_interrupts() as pressed:
            press()
            threading.Timer(0.05, press).start()
            counts.extend([wait(slow, pressed), pressed()])

    with pytest.raises(KeyboardInterrupt):
        body()
    assert counts == [False, 2]
    slow.there.set()


def test_what_fails_is_there():
    class Failed(Slow):
        def block_until_ready(self):
            raise RuntimeError

    assert wait(Failed(), lambda: 0)
