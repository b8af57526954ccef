import signal
import subprocess
import sys

import pytest

WAIT_FOR_A_THREAD = """
import threading, time
from bcejax.commands.interrupts import end_at_interrupt
end_at_interrupt()
busy = threading.Thread(target=time.sleep, args=(60,))
busy.start()
print("ready", flush=True)
busy.join()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there Ctrl-C goes to whole consoles")
def test_an_interrupt_is_one_line_and_waits_for_no_thread():
    process = subprocess.Popen(
        [sys.executable, "-c", WAIT_FOR_A_THREAD],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == ("", "interrupted\n")
    assert process.returncode == 130
