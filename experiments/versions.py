"""Which packages are here, by what their installation says; nothing is imported."""

from importlib.metadata import PackageNotFoundError, version


def version_of(package: str) -> str | None:
    """Its version, None where it is not installed.

    By the package's name: a folder that can be imported under a peer's name could be anybody's.
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return None
