"""kernel.c, compiled here and now for this processor, where there is a C compiler."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.speed_of_losses.setting import BOTH, GRADIENT, TRAFFIC, VALUE, Call, Data, Way

SOURCE = Path(__file__).with_name("kernel.c")
FLAGS = (
    *("-O3", "-march=native", "-mprefer-vector-width=512", "-fopenmp", "-shared", "-fPIC"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffinite-math-only", "-fno-signed-zeros"),
)
VECTORS = {16: "AVX-512", 8: "AVX2", 4: "4 lanes"}


class Kernel(NamedTuple):
    """The compiled functions on some data."""

    name: str
    ways: dict[str, Way]  # by hand, into one buffer again and again; and the traffic alone
    fresh: Call  # value and gradient, into a new buffer each time


def compile_kernel(data: Data) -> tuple[Kernel | None, str]:
    """The kernel on this data, or None and why not."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None, "there is no C compiler"
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "kernel.so"
        command = [compiler, *FLAGS, str(SOURCE), "-o", str(library), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return None, "the C compiler takes not all of the flags"
        functions = ctypes.CDLL(str(library))  # stays loaded when its file is gone
    return _kernel(functions, data), ""


def _kernel(functions: ctypes.CDLL, data: Data) -> Kernel:
    gradient = np.zeros_like(data.logits)

    def call(name: str, *out: np.ndarray) -> float:
        function = getattr(functions, name)
        function.restype = ctypes.c_double  # where a function has none, nobody looks at it
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (data.logits, data.labels, *out)]
        threads = ctypes.c_int(os.cpu_count() or 1)
        mean: float = function(ctypes.c_int64(gradient.size), *pointers, threads)
        return mean

    name = f"C by hand, {VECTORS[functions.lanes()]}"
    write = partial(call, "read_both_write_one", gradient)
    ways: dict[str, Way] = {
        name: {
            VALUE: partial(call, "mean_loss"),
            BOTH: lambda: (call("mean_and_gradient", gradient), gradient),
            GRADIENT: lambda: (call("gradient_of_mean", gradient), gradient)[1],
        },
        TRAFFIC: {VALUE: partial(call, "read_both"), BOTH: write, GRADIENT: write},
    }
    return Kernel(name, ways, partial(call, "mean_and_fresh_gradient"))
