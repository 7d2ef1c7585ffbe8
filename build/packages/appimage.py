"""One file for every Linux: a static starter of ours (appimage_stub.c) followed by a squashfs image."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import facts
import linux
from cryptobot.supervisor.install import desktop

STUB = Path(__file__).with_name("appimage_stub.c")
_PROGRAM = "usr/lib/cryptobot/cryptobot"
_LIBRARIES = ("-lsquashfuse", "-lz", "-llzma", "-llz4", "-lzstd", "-llzo2", "-lpthread")
# Bytes 8 to 10 of an AppImage of type 2; they lie in the padding of ELF's identification.
_MAGIC = b"AI\x02"


def build(folder: Path, out: Path) -> Path:
    """The AppImage.

    Raises:
        SystemExit: a tool or library is missing (gcc, mksquashfs, libsquashfuse-dev).
    """
    with tempfile.TemporaryDirectory(dir=out) as work:
        tree, image, stub = Path(work, "tree"), Path(work, "image"), Path(work, "stub")
        _stage(folder, tree)
        _run("squashfs-tools", [
            "mksquashfs", str(tree), str(image), "-quiet", "-no-progress", "-all-root", "-noappend",
            "-comp", "zstd", "-Xcompression-level", "19", "-no-xattrs",
        ])  # fmt: skip
        data = image.read_bytes()
        identity = hashlib.sha256(data).hexdigest()
        _run("gcc and libsquashfuse-dev, libzstd-dev, liblz4-dev, liblzo2-dev, liblzma-dev", [
            "gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-s", "-o", str(stub), str(STUB),
            f'-DIDENTITY="{identity}"', f'-DPROGRAM="{_PROGRAM}"', *_LIBRARIES,
        ])  # fmt: skip
        start = stub.read_bytes()
        target = out / f"CryptoBot-{facts.VERSION}-{os.uname().machine}.AppImage"
        target.write_bytes(start[:8] + _MAGIC + start[11:] + data)
        target.chmod(0o755)
    return target


def _stage(folder: Path, tree: Path) -> None:
    """An AppDir: the tree of the packages, with what desktops look for at its top."""
    linux.stage(folder, tree, "appimage")
    shutil.rmtree(tree / "usr/lib/systemd")
    entry = (tree / f"usr/share/applications/{desktop.APP_ID}.desktop").read_bytes()
    (tree / f"{desktop.APP_ID}.desktop").write_bytes(entry)
    (tree / f"{desktop.APP_ID}.svg").write_bytes(desktop.icon())
    (tree / ".DirIcon").symlink_to(f"{desktop.APP_ID}.svg")
    (tree / "AppRun").symlink_to(_PROGRAM)
    os.utime(tree, (facts.epoch(), facts.epoch()))


def _run(needs: str, words: list[str]) -> None:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(facts.epoch())}
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    except FileNotFoundError:
        sys.exit(f"{words[0]} is not installed; Debian has it in {needs}.")
    if done.returncode:
        sys.exit(f"{words[0]} failed ({needs}): {done.stderr.strip()}")
