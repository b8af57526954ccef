"""Optional packages, asked for where they are used."""

import importlib
from types import ModuleType


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional module, or say in one line what to install.

    Args:
        module: dotted name of the module.
        extra: the extra of bcejax that brings it.
        purpose: what the caller needs it for, to open the message with.

    Returns:
        The imported module.

    Raises:
        ModuleNotFoundError: the module is not installed.

    Example:
        >>> require("json", extra="cli", purpose="reading JSON").__name__
        'json'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise  # the module is there, but something that it needs is not
        package = module.partition(".")[0]
        raise ModuleNotFoundError(
            f"{purpose} needs {package}: pip install 'bcejax[{extra}]'", name=error.name
        ) from None
