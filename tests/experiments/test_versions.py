import numpy as np

from experiments.versions import version_of


def test_a_version_is_that_of_the_package_and_none_where_it_is_not_here():
    assert version_of("numpy") == np.__version__
    assert version_of("no-such-package-is-here") is None
