"""Make one executable file of the program's folder.

    python build/binary/onefile.py dist/cryptobot dist/cryptobot-0.1.0-linux-x86_64 0.1.0

The file is a small starter (onefile.c) and an archive of the folder, which it unpacks once.
"""

import hashlib
import io
import lzma
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
MAGIC = b"CBOTONE1"
_NAME_BYTES = 64


def make(folder: Path, target: Path, version: str) -> None:
    """Write `target`; the same bytes for the same folder and compiler.

    Raises:
        CalledProcessError: the starter cannot be compiled; a C compiler and liblzma are needed.
    """
    starter = target.with_name(f".{target.name}.starter")
    fresh = target.with_name(f".{target.name}.new")
    try:
        compile_c("onefile.c", starter, "-llzma")
        archive = pack(folder)
        name = f"{version}-{hashlib.sha256(archive).hexdigest()[:12]}".encode()
        trailer = MAGIC + struct.pack("<Q", len(archive)) + name.ljust(_NAME_BYTES, b"\0")
        fresh.write_bytes(starter.read_bytes() + archive + trailer)
        fresh.chmod(0o755)
        fresh.replace(target)
    finally:
        starter.unlink(missing_ok=True)
        fresh.unlink(missing_ok=True)


def compile_c(source: str, target: Path, *libraries: str) -> None:
    """Compile one of the C files here, on Linux without any library of the system."""
    static = ["-static"] if sys.platform == "linux" else []
    compiler = shutil.which("cc") or "cc"
    strict = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-D_FILE_OFFSET_BITS=64"]
    words = [compiler, *strict, "-O2", "-s", *static, "-o", target, HERE / source, *libraries]
    subprocess.run([str(word) for word in words], check=True)


def pack(folder: Path, *, preset: int = 6) -> bytes:
    """The archive: for each entry its kind, mode, length, name and content, all compressed as .xz."""
    out = io.BytesIO()
    with lzma.open(out, "wb", preset=preset, check=lzma.CHECK_CRC64) as stream:
        for part in _entries(folder):
            stream.write(part)
    return out.getvalue()


def _entries(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix().encode()
        if path.is_symlink():
            target = str(path.readlink()).encode()
            yield _head(b"l", 0, len(target), name) + target
        elif path.is_file():
            yield _head(b"f", 0o755 if path.stat().st_mode & 0o100 else 0o644, path.stat().st_size, name)
            yield path.read_bytes()
    yield _head(b"e", 0, 0, b"")


def _head(kind: bytes, mode: int, length: int, name: bytes) -> bytes:
    return struct.pack("<cIQH", kind, mode, length, len(name)) + name


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: onefile.py FOLDER TARGET VERSION")
    make(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
