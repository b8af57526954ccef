import sys

import pytest

from bcejax.numerics import require


def test_a_missing_package_is_one_line():
    with pytest.raises(ModuleNotFoundError) as caught:
        require("no_such_package.part", extra="cli", purpose="reading dreams")
    assert str(caught.value) == "reading dreams needs no_such_package: pip install 'bcejax[cli]'"
    assert caught.value.name == "no_such_package"


def test_a_broken_package_keeps_its_own_error(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        require("broken_package", extra="cli", purpose="testing")


def test_a_package_that_is_there():
    assert require("math", extra="cli", purpose="testing") is sys.modules["math"]
