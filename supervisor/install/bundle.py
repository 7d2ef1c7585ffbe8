"""Making add-ons: a strategy file becomes a bundle, which is a wheel; wheels are signed."""

import io
import re
import zipfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ... import __version__
from ...configs.errors import UsageError
from ...configs.files import replace
from .signature import sign
from .wheel import BUNDLE, SIGNATURE, Wheel, record_line

_WHEEL = b"Wheel-Version: 1.0\nGenerator: cryptobot\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_STAMP = (2024, 1, 1, 0, 0, 0)
_CLASS = re.compile(r"(?m)^class\s+([A-Za-z_]\w*)\s*\([^)]*\bStrategy\b[^)]*\)\s*:")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?")


def pack(source: Path, folder: Path, *, name: str = "", version: str = "1.0", key: Ed25519PrivateKey) -> Path:
    """Write the signed bundle of one strategy file; the same bytes for the same file and key.

    Raises:
        UsageError: the file defines no strategy or several, or the name or version is unusable.
    """
    name = name or source.stem.replace("_", "-")
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot be a strategy's name; write it lower case with hyphens: my-idea.")
    if not _VERSION.fullmatch(version):
        raise UsageError(f"{version!r} is no version; write it as 1.0 or 1.2.3rc1.")
    code = _read(source)
    classes = _CLASS.findall(code.decode("utf-8", "replace"))
    if len(classes) != 1:
        raise UsageError(f"{source} must define one class derived from Strategy; it defines {len(classes)}.")
    module = f"cryptobot_strategy_{name.replace('-', '_')}"
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": code,
        f"{info}/METADATA": _metadata(name, version),
        f"{info}/WHEEL": _WHEEL,
        f"{info}/entry_points.txt": f"[cryptobot.strategies]\n{name} = {module}:{classes[0]}\n".encode(),
    }
    record = "".join(record_line(path, data) for path, data in files.items()) + f"{info}/RECORD,,\n"
    files[f"{info}/RECORD"] = record.encode()
    files[f"{info}/{SIGNATURE}"] = sign(record, key)
    folder.mkdir(parents=True, exist_ok=True)
    bundle = folder / f"{name}-{version}{BUNDLE}"
    replace(bundle, _zipped(files), mode=0o644)
    return bundle


def sign_file(file: Path, key: Ed25519PrivateKey) -> None:
    """Put a signature of this key alone into a wheel or bundle.

    Raises:
        UsageError: it is no sound wheel, or cannot be written.
    """
    with Wheel(file) as wheel:
        files = dict(wheel.files())
        files[f"{wheel.info}/{SIGNATURE}"] = sign(wheel.record_text, key)
    try:
        replace(file, _zipped(files), mode=file.stat().st_mode & 0o777)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.") from error


def _metadata(name: str, version: str) -> bytes:
    return (
        f"Metadata-Version: 2.1\nName: cryptobot-strategy-{name}\nVersion: {version}\n"
        f"Summary: The strategy {name}.\nRequires-Dist: cryptobot>={__version__}\n"
    ).encode()


def _read(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}.") from error


def _zipped(files: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as packed:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, _STAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, data)
    return memory.getvalue()
