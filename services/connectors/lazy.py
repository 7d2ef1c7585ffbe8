"""Import of ccxt, one exchange at a time.

`import ccxt` loads every exchange it knows: over a second and a hundred megabytes. Even
`from ccxt.pro.binance import binance` does, because Python first runs the `__init__` of each parent package.
`install` puts light packages of the same names into `sys.modules` before ccxt is imported. They have the real
`__path__`, so submodules are found as always, and they look names up when they are asked for:
`ccxt.async_support.binance` is the class, as in the real package. docs/decisions/0050-lazy-ccxt.md has the
figures.
"""

import importlib
import importlib.machinery
import importlib.util
import re
import sys
from types import ModuleType
from typing import Any

from ...configs.errors import SettingsError

_PACKAGES = ("ccxt", "ccxt.async_support", "ccxt.pro")
_SHARED = ("ccxt.base.errors", "ccxt.base.decimal_to_precision", "ccxt.base.precise")
_VERSION = re.compile(rb"^__version__\s*=\s*['\"]([^'\"]+)", re.MULTILINE)
_VERSION_WITHIN_BYTES = 4096


class _LazyPackage(ModuleType):
    """A package whose exchanges are imported when they are named."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = _exchange_base(self.__name__) if name == "Exchange" else self._find(name)
        self.__dict__[name] = value
        return value

    def _find(self, name: str) -> Any:
        submodule = f"{self.__name__}.{name}"
        try:
            module = importlib.import_module(submodule)
        except ModuleNotFoundError as error:
            if error.name != submodule:
                raise
        else:
            return getattr(module, name, module)
        for shared in _SHARED:
            module = importlib.import_module(shared)
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        # The import system binds a submodule to its parent; ccxt binds the class of that name instead.
        if isinstance(value, ModuleType):
            value = getattr(value, name, value)
        super().__setattr__(name, value)


def install() -> None:
    """Make ccxt lazy in this process. Does nothing when it is lazy already, or was imported whole before.

    Raises:
        SettingsError: ccxt is not here.
    """
    if "ccxt" in sys.modules:
        return
    if importlib.machinery.PathFinder.find_spec("ccxt", None) is None:
        raise SettingsError(
            "This program does not hold ccxt, which every venue but paper needs. Take the full variant, or "
            "put ccxt into the folder `addons` of the home; where Python runs CryptoBot, `pip install ccxt`."
        )
    for name in _PACKAGES:
        spec = _spec(name)
        module = _LazyPackage(name)
        module.__spec__ = spec
        module.__file__ = spec.origin
        module.__path__ = list(spec.submodule_search_locations or ())
        module.__package__ = name
        module.__dict__["__version__"] = _version(spec)
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)


def exchange_exists(name: str) -> bool:
    """Whether ccxt.pro has an exchange of this name; imports nothing."""
    install()
    return name.isidentifier() and importlib.util.find_spec(f"ccxt.pro.{name}") is not None


def _spec(name: str) -> importlib.machinery.ModuleSpec:
    parent = name.rpartition(".")[0]
    path = list(sys.modules[parent].__path__) if parent else None
    spec = importlib.machinery.PathFinder.find_spec(name, path)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return spec


def _version(spec: importlib.machinery.ModuleSpec) -> str:
    if spec.origin is None:
        return ""
    if not spec.origin.endswith(".py"):  # beside the compiled program ccxt lies without its sources
        from importlib import metadata

        try:
            return metadata.version("ccxt")
        except metadata.PackageNotFoundError:
            return ""
    get_data = getattr(spec.loader, "get_data", None)  # of a file, or out of a zipped wheel
    found = _VERSION.search(get_data(spec.origin)[:_VERSION_WITHIN_BYTES]) if get_data else None
    return found.group(1).decode() if found else ""


def _exchange_base(package: str) -> Any:
    module = "ccxt.base.exchange" if package == "ccxt" else "ccxt.async_support.base.exchange"
    return importlib.import_module(module).Exchange
