"""From a program's folder to an archive that is the same wherever and whenever it is made, and to what people
unpack: the folder of the versions with its stub and the root to trust."""

import gzip
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

STUBS = Path(__file__).resolve().parents[2] / "supervisor" / "versions"
EXECUTABLE = "cryptobot.exe" if sys.platform == "win32" else "cryptobot"


def version_of(folder: Path) -> str:
    """What the program in a folder calls itself.

    Raises:
        SystemExit: it does not run here.
    """
    done = subprocess.run(
        [folder / EXECUTABLE, "--version"], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode != 0 or not done.stdout.startswith("cryptobot "):
        raise SystemExit(f"{folder / EXECUTABLE} does not say its version: {done.stdout}{done.stderr}")
    return done.stdout.split()[-1]


def pack(folder: Path, archive: Path) -> None:
    """Write a folder as .tar.gz: sorted, without owners and times, so that equal folders give equal files."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if "__pycache__" in Path(entry.name).parts:
            return None
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = 0
        entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
        return entry

    archive.parent.mkdir(parents=True, exist_ok=True)
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for path in sorted(folder.rglob("*")):
            tar.add(path, arcname=path.relative_to(folder).as_posix(), recursive=False, filter=plain)


def lay_out(target: Path, folder: Path, root: bytes, address: str) -> str:
    """Make the folder of the versions with one version in it; which one.

    Args:
        root: the first root.json, the one thing that a new installation trusts.
        address: where that installation asks for updates.
    """
    version = version_of(folder)
    (target / "versions").mkdir(parents=True)
    (target / "trust").mkdir()
    (target / "downloads").mkdir()
    shutil.copytree(folder, target / "versions" / version, symlinks=True)
    (target / "trust" / "root.json").write_bytes(root)
    (target / "trust" / "address").write_text(address + "\n", encoding="utf-8")
    name, stub = ("cryptobot.cmd", "stub.cmd") if sys.platform == "win32" else ("cryptobot", "stub.sh")
    shutil.copyfile(STUBS / stub, target / name)
    (target / name).chmod(0o755)
    (target / "current").write_text(version + "\n", encoding="ascii")
    return version
