"""From a verified archive to a whole version beside the others, tried before it has a name."""

import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from ...configs.errors import CryptoBotError
from ...configs.programfolder import EXECUTABLE, ProgramFolder, Ready, sync_folder

_SELF_TEST_S = 120.0
_CHUNK = 1 << 20
# An archive is three to four times smaller than what it holds; the rest is room to breathe.
_ROOM_FACTOR = 5
_ROOM_BYTES = 50_000_000


def stage(folder: ProgramFolder, ready: Ready) -> None:
    """Unpack a version, let it say its name, and put it beside the others.

    Raises:
        CryptoBotError: the archive is damaged, there is no room, or the program in it does not run.
    """
    target = folder.folder_of(ready.version)
    beside = folder.versions / f".{ready.version}.staging"
    for left in folder.versions.glob(".*.staging"):
        shutil.rmtree(left, ignore_errors=True)
    try:
        _check(folder, ready)
        if folder.current() == ready.version:
            raise CryptoBotError(f"The version {ready.version} is the one in use.")
        beside.mkdir(mode=0o755)
        _unpack(folder.downloads / ready.file, beside)
        refuse_foreign(beside / EXECUTABLE, ready.version)
        _sync_tree(beside)
        if target.exists():
            shutil.rmtree(target)
        beside.rename(target)
        sync_folder(folder.versions)
    except OSError as error:
        raise CryptoBotError(
            f"The version {ready.version} cannot be unpacked in {folder.versions}: "
            f"{error.strerror or error}. "
            "Nothing was changed."
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def refuse_foreign(program: Path, version: str) -> None:
    """Let a program say its version.

    Raises:
        CryptoBotError: it does not start here, or is another one.
    """
    said = run([str(program), "--version"], _SELF_TEST_S)
    if said.split()[-1:] != [version]:
        raise CryptoBotError(f"The new program calls itself {said.strip()!r} instead of {version}.")


def run(words: list[str], limit_s: float, environment: dict[str, str] | None = None) -> str:
    """Run a short command of a version; what it wrote to stdout.

    Raises:
        CryptoBotError: it failed, with its last words.
    """
    named = words[3:] if words[1:2] == ["--home"] else words[1:]
    name = " ".join([Path(words[0]).parent.name.strip(".").removesuffix(".staging"), *named[:2]])
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit_s, check=False,
            env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise CryptoBotError(f"`{name}` did not end within {limit_s:g} s.") from error
    except OSError as error:
        raise CryptoBotError(f"`{name}` does not start on this machine: {error.strerror}.") from error
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip() or "it said nothing"
        raise CryptoBotError(f"`{name}` failed with code {done.returncode}: {said.splitlines()[-1].strip()}")
    return done.stdout


def _check(folder: ProgramFolder, ready: Ready) -> None:
    """Time has passed since the download: is it still the file that was verified, and is there room?"""
    path = folder.downloads / ready.file
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if path.stat().st_size != ready.length or digest.hexdigest() != ready.sha256:
        path.unlink(missing_ok=True)
        raise CryptoBotError(
            f"{path} is not the file that was downloaded; it was removed. `cryptobot update download` "
            "fetches it."
        )
    free, needed = shutil.disk_usage(folder.root).free, ready.length * _ROOM_FACTOR
    if free < needed + min(_ROOM_BYTES, needed):
        raise CryptoBotError(
            f"The disk of {folder.root} has {free // 1_000_000} MB left; the version {ready.version} needs "
            f"{(needed + min(_ROOM_BYTES, needed)) // 1_000_000} MB. Nothing was changed."
        )


def _unpack(archive: Path, target: Path) -> None:
    try:
        with tarfile.open(archive) as opened:
            _refuse_escapes(opened, target)
            if hasattr(tarfile, "data_filter"):
                opened.extractall(target, filter="data")
            else:
                opened.extractall(target)  # noqa: S202 - looked through above; Python before 3.11.4
    except tarfile.TarError as error:
        raise CryptoBotError(f"{archive} cannot be unpacked: {error}.") from error
    if not (target / EXECUTABLE).is_file():
        raise CryptoBotError(f"{archive} holds no {EXECUTABLE}.")


def _refuse_escapes(archive: tarfile.TarFile, target: Path) -> None:
    """Nothing but files, folders and links that stay inside: also where Python cannot filter by itself.

    Raises:
        CryptoBotError: an entry leads elsewhere.
    """
    top = target.resolve()
    for entry in archive.getmembers():
        place = (top / entry.name).resolve()
        ends = (place.parent / entry.linkname if entry.issym() else top / entry.linkname).resolve()
        inside = place.is_relative_to(top) and (not entry.linkname or ends.is_relative_to(top))
        if not inside or not (entry.isfile() or entry.isdir() or entry.issym() or entry.islnk()):
            raise CryptoBotError(
                f"The archive holds {entry.name!r}, which leads out of it. Nothing was changed."
            )


def _sync_tree(top: Path) -> None:
    """All of it is on the disk before it gets its name."""
    for base, _folders, names in os.walk(top):
        for name in names:
            path = Path(base) / name
            if path.is_symlink():
                continue
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_folder(Path(base))


def prune(folder: ProgramFolder, keep: int, needed: set[str]) -> list[str]:
    """Remove the oldest versions above `keep`, never one of `needed`; those that were removed."""
    spare = [name for name in folder.installed() if name not in needed]
    gone = spare[: max(0, len(folder.installed()) - keep)]
    for name in gone:
        shutil.rmtree(folder.folder_of(name), ignore_errors=True)
    return gone
