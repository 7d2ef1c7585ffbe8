"""ccxt, one exchange at a time. Each case runs in an interpreter of its own."""

import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

INSTALL = (
    "from cryptobot.services.connectors import lazy; lazy.install()\n"
    "import sys, ccxt, ccxt.async_support, ccxt.pro\n"
)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", INSTALL + code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_only_the_exchange_in_use_is_imported():
    """Binance's class brings Binance's modules and no other exchange's."""
    out = run(
        "from ccxt.pro.binance import binance\n"
        "roots = ('ccxt.pro.', 'ccxt.async_support.')\n"
        "print(*sorted(m for m in sys.modules if m.startswith(roots) and '.base' not in m))"
    )
    assert out.split() == ["ccxt.async_support.binance", "ccxt.pro.binance"]


@pytest.mark.parametrize("package", ["ccxt", "ccxt.async_support", "ccxt.pro"])
def test_a_name_is_the_class_and_not_the_module(package):
    """`ccxt.pro.kraken` is a class before and after its module was imported, as in the real package."""
    out = run(
        f"import importlib; p = importlib.import_module('{package}')\n"
        f"before = p.kraken; m = importlib.import_module('{package}.kraken')\n"
        "print(before is p.kraken is m.kraken, isinstance(before, type))"
    )
    assert out == "True True"


def test_shared_names_are_there():
    """Errors, rounding modes, the base class and the version are found as in the real package."""
    out = run(
        "from ccxt.base.errors import NetworkError as n\n"
        "print(ccxt.NetworkError is n is ccxt.pro.NetworkError, ccxt.TICK_SIZE, ccxt.Precise.__name__,\n"
        "      ccxt.Exchange.__name__, ccxt.__version__.count('.'))"
    )
    assert out == "True 4 Precise Exchange 2"


def test_what_does_not_exist_is_an_attribute_error():
    """A wrong name fails as on any module."""
    out = run(
        "try:\n ccxt.nonsense\nexcept AttributeError as error: print(error)\n"
        "print(lazy.exchange_exists('kraken'), lazy.exchange_exists('nonsense'))"
    )
    assert out == "module 'ccxt' has no attribute 'nonsense'\nTrue False"


def test_ccxt_that_was_imported_whole_is_left_alone():
    """Somebody else's ccxt in the same process keeps working."""
    code = (
        "import ccxt; whole = ccxt.binance\n"
        "from cryptobot.services.connectors import lazy; lazy.install()\n"
        "import ccxt; assert ccxt.binance is whole"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_without_ccxt_one_sentence_says_what_to_do(monkeypatch):
    """The minimal compiled variant has none; trading on paper does not need it."""
    from cryptobot.configs.errors import SettingsError
    from cryptobot.services.connectors import lazy, registry

    monkeypatch.delitem(sys.modules, "ccxt", raising=False)
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(SettingsError, match="full variant"):
        lazy.install()
    assert registry.find("paper").name == "paper"


def test_a_zipped_wheel_of_ccxt_is_taken_as_it_is(tmp_path):
    """Its version is read out of the archive, and one exchange alone is imported."""
    real = Path(find_spec("ccxt").origin).parent
    wheel = tmp_path / "ccxt-9.8.7-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for room in ("", "async_support/", "pro/"):
            archive.writestr(f"ccxt/{room}__init__.py", "__version__ = '9.8.7'\n")
        archive.write(real / "abstract" / "__init__.py", "ccxt/abstract/__init__.py")
        for path in real.rglob("*.py"):
            if "base" in path.parts or path.name == "kraken.py":
                archive.write(path, f"ccxt/{path.relative_to(real).as_posix()}")
    code = (
        f"import sys; sys.path.insert(0, {str(wheel)!r})\n{INSTALL}"
        "import ccxt.pro.kraken; print(ccxt.__version__, ccxt.__path__[0], lazy.exchange_exists('bitstamp'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["9.8.7", str(wheel / "ccxt"), "False"], done.stderr
