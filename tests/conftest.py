import gc
import os
import shutil
from os.path import relpath
from pathlib import Path

import jax
import pytest

MAPS = Path("/proc/self/maps")
MANY = 30_000
ROOM = 2**30  # bytes of programs that runs before have left, at most
HERE = Path(__file__).parent
LIGHTLY = (
    "analysis/auditing/test_mutants.py",
    "calibration/",
    "commands/",
    "data/",
    "experiments/",
    "models/",
    "plots/",
    "recipes/",
    "solvers/",
    "training/",
    "losses/test_contrastive.py",
    "losses/test_linear_head.py",
    "test_docstrings.py",
    "test_readme.py",
)
FULLY = (  # of those
    "calibration/test_penalties.py",
    "calibration/test_state.py",
    "experiments/test_exhaustive_float32.py",
)
# files that take longest, longest first: a worker that is left with one at the end works alone
LONGEST = (
    "test_notebooks.py",
    "losses/test_family.py",
    "test_docstrings.py",
    "calibration/test_suite.py",
    "test_readme.py",
    "experiments/test_clipping_bias.py",
    "experiments/test_data_parallel.py",
    "experiments/test_bootstrap_thousand.py",
    "commands/calibrate/test_entry.py",
    "calibration/calibrators/test_base.py",
    "calibration/reporting/test_report.py",
    "calibration/calibrators/test_nonparametric.py",
    "calibration/test_state.py",
    "training/test_epochs.py",
    "training/test_checkpoints.py",
    "training/test_sharding.py",
    "training/ensembles/test_fitting.py",
    "solvers/inference/test_profile.py",
    "solvers/engines/test_newton_cg.py",
    "solvers/test_newton.py",
    "losses/test_contrastive.py",
    "losses/test_linear_head.py",
)


def pytest_addoption(parser):
    help = "only tests whose programs are compiled so, for XLA's flags hold for a whole process"
    parser.addoption("--compiled", choices=("lightly", "fully"), help=help)


def pytest_configure(config):
    """Keep programs, and begin with what takes longest."""
    _keep_programs(config)
    # who finds a program half written by another compiles its own, as jax says
    half_written = "ignore:Error reading persistent compilation cache entry:UserWarning"
    config.addinivalue_line("filterwarnings", half_written)
    config.option.loadscopereorder = False  # xdist begins where most tests are, we where most time


def _keep_programs(config):
    """Keep what is compiled beside what else pytest keeps: most of a first run, not of a second.

    A JAX_COMPILATION_CACHE_DIR stays; a worker has it from the process that started it.
    """
    if "JAX_COMPILATION_CACHE_DIR" in os.environ or not hasattr(config, "cache"):
        return
    folder = config.cache.mkdir("compiled")
    if sum(entry.stat().st_size for entry in os.scandir(folder)) > ROOM:
        shutil.rmtree(folder)
    # all is kept, the small too: eager operations are most programs, and runs need them often
    settings = {"compilation_cache_dir": str(folder), "persistent_cache_min_compile_time_secs": 0}
    for name, value in settings.items():
        jax.config.update(f"jax_{name}", value)
        os.environ[f"JAX_{name.upper()}"] = str(value)  # of the processes that are started
    # jax 0.10 writes two kilobytes for each program that it finds there, and has set the level to 1
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


def pytest_ignore_collect(collection_path, config):
    """Leave unread what is compiled in the other way."""
    way = config.getoption("compiled")
    if way is not None and collection_path.suffix == ".py":
        return is_light(collection_path) != (way == "lightly") or None
    return None


def pytest_collection_modifyitems(items):
    """What is compiled as users have it comes first, so that nothing there was compiled lightly.

    Of that and of the rest the longest files come first.
    """
    names = {item: relpath(item.path, HERE) for item in items}
    items.sort(key=lambda item: (is_light(item.path), (*LONGEST, names[item]).index(names[item])))


def pytest_collection_finish():
    """Spare the garbage collector what stays: seven thousand tests, and programs once compiled."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def is_light(path):
    """Whether the programs of a test file are compiled lightly."""
    name = relpath(path, HERE)
    return name.startswith(LIGHTLY) and name not in FULLY


@pytest.fixture(autouse=True, scope="module")
def _programs(request):
    """Compile without LLVM's costly passes where last digits are not counted; forget in time.

    Losses, numerics, oracles and notebooks that show last digits are compiled as users have them,
    and so are experiments when they are run. Each program keeps memory maps, of which Linux gives
    a process 65,530; beyond them XLA crashes.
    """
    lightly = is_light(request.path)
    with pytest.MonkeyPatch.context() as patch:
        if lightly:
            patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # of the processes that tests start
        jax.config.update("jax_disable_most_optimizations", lightly)
        yield
    if MAPS.exists() and MAPS.read_bytes().count(b"\n") > MANY:
        jax.clear_caches()
