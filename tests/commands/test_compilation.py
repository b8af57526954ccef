import os
import subprocess
import sys

import jax
import pytest

from bcejax.commands.compilation import QUIET

SAY_WHERE = "print(jax.config.jax_compilation_cache_dir)"
KEEP = "import jax\nfrom bcejax.commands.compilation import keep_programs\nkeep_programs()\n"
COMPILE = (
    "jax.config.update('jax_persistent_cache_min_compile_time_secs', 0)\n"
    "jax.jit(jax.numpy.linalg.eigh)(jax.numpy.eye(8))\n"
)


def said(code, **environment):
    """What a new process prints, in an environment without a cache but for what is given."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("JAX_")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=own | environment
    )
    return done.stdout.strip()


@pytest.mark.skipif(jax.__version_info__ < QUIET, reason="nothing is kept before jax 0.11")
def test_programs_are_kept_in_the_users_cache_folder(tmp_path):
    where = said(KEEP + COMPILE + SAY_WHERE, XDG_CACHE_HOME=str(tmp_path))
    assert where == str(tmp_path / "bcejax")
    assert any(path.name.endswith("-cache") for path in (tmp_path / "bcejax").iterdir())


def test_a_users_own_folder_stays(tmp_path):
    assert said(KEEP + SAY_WHERE, JAX_COMPILATION_CACHE_DIR=str(tmp_path)) == str(tmp_path)


def test_the_library_sets_none():
    assert said(f"import jax, bcejax, bcejax.commands\n{SAY_WHERE}") == "None"


def test_no_garbage_is_looked_for_until_the_process_ends():
    code = (
        "import atexit, gc\n"
        "from bcejax.commands.compilation import leave_cycles\n"
        "atexit.register(lambda: print(len(gc.get_objects()) < gc.get_freeze_count()))\n"
        "leave_cycles()\n"
        "print(gc.isenabled())\n"
    )
    assert said(code) == "False\nTrue"
