"""What `cryptobot addon install` checked, so that every later start can see whether it is still that.

HOME/keys/addon-seals.json has, for each folder in HOME/addons that was installed, the hash of every file and
a stamp: a digest of what the file system says of the files (size, times, inode). While the stamp fits nothing
is read. Where it does not (after a restore, or because something was changed) every byte is hashed again.
"""

import contextlib
import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from .errors import SettingsError
from .files import replace
from .paths import Home

RECEIPT = "receipt.json"
"""Each folder that was installed has one; what was put into HOME/addons by hand has none."""
TRUST = "addon-trust.json"
_SEALS = "addon-seals.json"


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """One installed folder as it was when it was checked.

    Args:
        signers: the keys that signed it.
        own: this home's own key is one of them.
        stamp: what the file system said of its files.
        bytecode: the kind of bytecode that was made for it, such as cpython-311.
        files: hexadecimal SHA-256 by path; read only when the stamp does not fit.
    """

    signers: tuple[str, ...]
    own: bool
    stamp: str
    bytecode: str
    files: msgspec.Raw


Seals = dict[str, tuple[Seal, ...]]


def make(folder: Path, signers: tuple[str, ...], *, own: bool) -> Seal:
    """The seal of a folder as it is now."""
    stats = dict(sorted(_stats(folder)))
    files = {path: _digest(folder / path) for path in stats}
    return Seal(
        signers=signers,
        own=own,
        stamp=_stamp(stats),
        bytecode=sys.implementation.cache_tag or "",
        files=msgspec.Raw(msgspec.json.encode(files)),
    )


def put(home: Home, name: str, *seals: Seal) -> None:
    """Keep these for a folder; several while one takes the place of another, none when it goes.

    Raises:
        SettingsError: the seals there are damaged.
    """
    kept = read(home)
    kept.pop(name, None)
    if seals:
        kept[name] = seals
    replace(home.keys / _SEALS, msgspec.json.encode(kept))


def read(home: Home) -> Seals:
    """The seals of a home.

    Raises:
        SettingsError: the file is damaged.
    """
    path = home.keys / _SEALS
    try:
        return msgspec.json.decode(path.read_bytes(), type=Seals)
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise SettingsError(
            f"{path} cannot be read, so no installed add-on is loaded; restore it, or install them again."
        ) from error


def refused(home: Home, folders: list[Path]) -> dict[Path, str]:
    """Which of these must not be loaded, each with a sentence. What was put there by hand is not judged."""
    try:
        seals = read(home)
    except SettingsError as error:
        return {path: str(error) for path in folders if (path / RECEIPT).exists()}
    wrong = {}
    for path in folders:
        sealed = seals.get(path.name, ())
        if sealed or (path / RECEIPT).exists():
            reason = _reason(home, path, sealed)
            if reason:
                wrong[path] = (
                    f"The add-on {path.name} is not loaded: {reason}; install it again with `cryptobot addon "
                    f"install`, or delete {path}."
                )
    if any(seal.bytecode != sys.implementation.cache_tag for kept in seals.values() for seal in kept):
        sys.dont_write_bytecode = True  # what another Python would add to a sealed folder is no change
    return wrong


def _reason(home: Home, folder: Path, sealed: tuple[Seal, ...]) -> str:
    if not sealed:
        return "it was not put there by an installation in this home"
    believed = [seal for seal in sealed if seal.own or _trusts(home, seal)]
    if not believed:
        return f"its signer {sealed[0].signers[0]} is not trusted any more"
    try:
        stats = dict(sorted(_stats(folder)))
    except OSError as error:
        return f"{error.filename} cannot be read ({error.strerror})"
    stamp = _stamp(stats)
    if any(seal.stamp == stamp for seal in believed):
        return ""
    reasons = [_difference(folder, stats, seal) for seal in believed]
    return "" if "" in reasons else reasons[0]


def _trusts(home: Home, seal: Seal) -> bool:
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        rows = msgspec.json.decode((home.keys / TRUST).read_bytes(), type=list[dict[str, str]])
        return any(row.get("key") in seal.signers for row in rows)
    return False


def _difference(folder: Path, stats: dict[str, str], seal: Seal) -> str:
    files = msgspec.json.decode(seal.files, type=dict[str, str])
    for path in sorted(files.keys() ^ stats.keys()):
        return f"{path} was {'added' if path in stats else 'removed'} after it was installed"
    for path, digest in files.items():
        try:
            if _digest(folder / path) != digest:
                return f"{path} was changed after it was installed"
        except OSError as error:
            return f"{path} cannot be read ({error.strerror})"
    return ""


def _stats(folder: Path, inside: str = "") -> Iterator[tuple[str, str]]:
    """Each file's path and what the file system says of it. A link is no file: it leads who knows where."""
    with os.scandir(folder) as entries:
        for entry in entries:
            path = f"{inside}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from _stats(Path(entry.path), f"{path}/")
                continue
            found = entry.stat(follow_symlinks=False)
            kind = "" if stat.S_ISREG(found.st_mode) else "no file"
            yield path, f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}{kind}"


def _stamp(stats: dict[str, str]) -> str:
    lines = "".join(f"{path}\0{found}\0" for path, found in stats.items())
    return hashlib.sha256(os.fsencode(lines)).hexdigest()


def _digest(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        return "no file"
    return hashlib.sha256(path.read_bytes()).hexdigest()
