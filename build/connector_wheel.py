"""Build the wheel of one connector: an add-on distribution that a program without it can load.

    python build/connector_wheel.py kraken dist/

The wheel holds the connector's own modules and names it as an entry point of `cryptobot.connectors`.
Installed with pip, or dropped into HOME/addons (as it is, or unpacked), it serves `data.exchange: kraken`.
"""

import base64
import hashlib
import re
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

MODULES: dict[str, tuple[str, ...]] = {
    "binance": ("binance", "binance_messages"),
    "coinbase": ("coinbase",),
    "kraken": ("kraken",),
    "bybit": ("bybit",),
    "okx": ("okx",),
}
_ROOM = "cryptobot.services.connectors"
_STAMP = (2024, 1, 1, 0, 0, 0)


def build(name: str, folder: Path) -> Path:
    """Write the wheel of a connector; the same bytes for the same sources.

    Raises:
        KeyError: there is no such connector.
    """
    modules, release = MODULES[name], _release()
    package, info = f"cryptobot_connector_{name}", f"cryptobot_connector_{name}-{release}.dist-info"
    files = {f"{package}/{module}.py": _source(module, modules) for module in modules}
    files[f"{package}/__init__.py"] = f'"""The connector {name} of CryptoBot."""\n'
    files[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: cryptobot-connector-{name}\nVersion: {release}\n"
        f"Summary: CryptoBot's connector to {name}.\nRequires-Dist: cryptobot\nRequires-Dist: ccxt\n"
    )
    files[f"{info}/WHEEL"] = (
        "Wheel-Version: 1.0\nGenerator: cryptobot\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    files[f"{info}/entry_points.txt"] = f"[cryptobot.connectors]\n{name} = {package}.{name}:CONNECTOR\n"
    record = "".join(f"{path},{_digest(text)},{len(text.encode())}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{package}-{release}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, text in files.items():
            packed.writestr(zipfile.ZipInfo(path, _STAMP), text)
    return wheel


def _release() -> str:
    try:
        return version("cryptobot")
    except PackageNotFoundError:
        return "0"


def _source(module: str, own: tuple[str, ...]) -> str:
    """A module's source, in which what is left behind in the core is imported from there by its full name."""
    spec = find_spec(f"{_ROOM}.{module}")
    if spec is None or spec.origin is None:
        raise SystemExit(f"{_ROOM}.{module} is not installed as source.")
    text = Path(spec.origin).read_text(encoding="utf-8")

    def absolute(found: re.Match[str]) -> str:
        dots, target = found.group(1), found.group(2)
        if dots == "." and target in own:
            return found.group(0)
        room = ".".join(_ROOM.split(".")[: 4 - len(dots)])
        return f"from {room}{'.' if target else ''}{target} import"

    return re.sub(r"(?m)^from (\.+)([\w.]*) import", absolute, text)


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in MODULES:
        sys.exit(f"usage: connector_wheel.py {'|'.join(MODULES)} FOLDER")
    print(build(sys.argv[1], Path(sys.argv[2])))
