"""Backups that were verified when they were made, and restores that verify again.

A backup is a SQLite file (encrypted like its source) with a note beside it: owner, version, checksum. The
tables of a server are copied into a SQLite file too, so every backup can be restored to every engine. Both
files appear whole or not at all; making one disturbs nobody.
"""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ...configs.errors import StartError
from ...configs.files import replace
from ...configs.paths import Home
from . import cipher, sqlite
from .connect import connect, database_key
from .driver import execute, peewee
from .errors import DatabaseAccessError, DatabaseBrokenError
from .fields import Model
from .migrations import SchemaVersion, version_of
from .target import FileTarget
from .transfer import transfer

_CHUNK = 1 << 20


class BackupNote(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a backup. `sha256` is that of the file."""

    owner: str
    version: int
    created_ms: int
    encrypted: bool
    size: int
    sha256: str
    reason: str


def backup_folder(home: Home) -> Path:
    """Where backups are kept unless a person says otherwise."""
    return home.state / "backups"


def make_backup(
    home: Home, owner: str, engine: Any, folder: Path, *, reason: str, models: Sequence[type[Model]] = ()
) -> Path:
    """Back up an open database, while others use it.

    Args:
        models: the owner's tables; needed for servers only.

    Raises:
        DatabaseBrokenError: the copy is not whole.
        DatabaseAccessError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        version = version_of(engine)
        path = _free_name(folder, f"{owner}-v{version}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
        partial = path.with_name(f".{path.name}.partial")
        partial.unlink(missing_ok=True)
        encrypted = isinstance(engine, cipher.CipherEngine)
        try:
            _copy(home, engine, partial, encrypted, models)
            _verify(home, partial, encrypted)
            note = _note(partial, owner, version, encrypted, reason)
            partial.chmod(0o600)
            partial.replace(path)
        finally:
            _remove_with_companions(partial)
        replace(_note_path(path), msgspec.json.format(msgspec.json.encode(note), indent=1))
    except OSError as error:
        raise DatabaseAccessError(str(folder), f"the backup cannot be written ({error.strerror})") from error
    except peewee.DatabaseError as error:
        raise DatabaseAccessError(str(folder), f"the backup cannot be written ({error})") from error
    return path


def prune(folder: Path, owner: str, keep: int, *, spare: Path | None = None) -> list[Path]:
    """Remove the oldest backups of an owner above `keep`; those that were removed.

    Args:
        spare: stays in any case: after the clock was set back the newest one looks like the oldest.
    """
    # Of two owners one name may begin as the other does: trade, and trade-vip.
    own = re.compile(rf"{re.escape(owner)}-v\d+-\d{{8}}T\d{{6}}Z.*\.sqlite")
    found = [path for path in folder.glob(f"{owner}-v*.sqlite") if own.fullmatch(path.name)]
    found.sort(key=lambda path: path.stat().st_mtime_ns)
    others = [path for path in found if path != spare]
    old = others[: max(0, len(found) - keep)]
    for path in old:
        path.unlink()
        _note_path(path).unlink(missing_ok=True)
    return old


def read_note(path: Path) -> BackupNote:
    """The note of a backup, compared with the file.

    Raises:
        DatabaseBrokenError: the file is not what the note says, or there is no note.
    """
    try:
        note = msgspec.json.decode(_note_path(path).read_bytes(), type=BackupNote)
    except (FileNotFoundError, msgspec.DecodeError) as error:
        raise DatabaseBrokenError(str(path), "the note beside this backup is missing or damaged") from error
    if not path.exists() or _sha256(path) != note.sha256:
        raise DatabaseBrokenError(str(path), "the backup is not what its note says")
    return note


def restore_file(home: Home, path: Path, target: FileTarget) -> Path | None:
    """Put a backup in the place of a database file that nobody uses; where the old file went.

    Raises:
        DatabaseBrokenError: the backup is damaged; nothing was changed.
        DatabaseAccessError: somebody uses the database, or it cannot be written.
    """
    return replace_file(home, path, target)


def replace_file(
    home: Home, path: Path, target: FileTarget, *, change: Callable[[Path], None] | None = None
) -> Path | None:
    """As `restore_file`.

    Args:
        change: is given the copy of the backup before it is verified and takes the database's place.
    """
    note = read_note(path)
    beside = target.path.with_name(f".{target.path.name}.restoring")
    try:
        shutil.copyfile(path, beside)
        beside.chmod(0o600)
        _convert(home, beside, note.encrypted, target.encrypted)
        if change is not None:
            change(beside)
        _verify(home, beside, target.encrypted)
        _sync(beside)
        old = _move_away(home, target)
        beside.replace(target.path)
    except OSError as error:
        raise DatabaseAccessError(str(target), f"it cannot be written ({error.strerror})") from error
    finally:
        _remove_with_companions(beside)
    return old


def open_backup(home: Home, path: Path) -> Any:
    """A backup as an engine, to read from.

    Raises:
        DatabaseBrokenError: it is damaged.
    """
    note = read_note(path)
    return connect(home, FileTarget(path, note.encrypted), "NORMAL")


def _copy(home: Home, engine: Any, partial: Path, encrypted: bool, models: Sequence[type[Model]]) -> None:
    if isinstance(engine, sqlite.SqliteEngine):
        # A consistent copy from one read transaction; SQLCipher writes it under the same key.
        execute(engine, "VACUUM INTO ?", [str(partial)])
        return
    copy = connect(home, FileTarget(partial, encrypted), "NORMAL")
    try:
        with copy.bind_ctx([*models, SchemaVersion]):
            copy.create_tables([*models, SchemaVersion], safe=True)
        transfer(engine, copy, [*models, SchemaVersion], where=str(partial))
        execute(copy, "PRAGMA journal_mode = delete")
    finally:
        copy.close()


def _verify(home: Home, path: Path, encrypted: bool) -> None:
    copy = connect(home, FileTarget(path, encrypted), "NORMAL")
    try:
        sqlite.check(copy, str(path), quick=False)
        execute(copy, "PRAGMA journal_mode = delete")
    finally:
        copy.close()
    _sync(path)


def _note(path: Path, owner: str, version: int, encrypted: bool, reason: str) -> BackupNote:
    return BackupNote(
        owner=owner,
        version=version,
        created_ms=time.time_ns() // 1_000_000,
        encrypted=encrypted,
        size=path.stat().st_size,
        sha256=_sha256(path),
        reason=reason,
    )


def _convert(home: Home, path: Path, is_encrypted: bool, should_be: bool) -> None:
    if is_encrypted and not should_be:
        cipher.decrypt_file(path, database_key(home))
    elif should_be and not is_encrypted:
        cipher.encrypt_file(path, database_key(home))


def _move_away(home: Home, target: FileTarget) -> Path | None:
    """The present file under another name, its write-ahead log folded in, so that a restore can be undone."""
    if not target.path.exists():
        return None
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    old = _free_name(target.path.parent, f"{target.path.stem}-before-restore-{stamp}")
    _fold_log(home, FileTarget(target.path, not cipher.is_plain(target.path)))
    os.link(target.path, old)
    for suffix in ("-wal", "-shm"):
        companion = Path(f"{target.path}{suffix}")
        if companion.exists():
            companion.replace(Path(f"{old}{suffix}"))
    return old


def _fold_log(home: Home, target: FileTarget) -> None:
    try:
        engine = connect(home, target, "NORMAL")
    except StartError:
        return  # a damaged file is what restores are for
    engine.patience_s = 0.0
    try:
        execute(engine, "PRAGMA busy_timeout = 1000")
        modes = execute(engine, "PRAGMA journal_mode = delete")
    except peewee.OperationalError as error:
        raise DatabaseAccessError(str(target), "somebody uses it; stop the platform first") from error
    finally:
        engine.close()
    if modes != [("delete",)]:
        raise DatabaseAccessError(str(target), "somebody uses it; stop the platform first")


def _free_name(folder: Path, stem: str) -> Path:
    path, number = folder / f"{stem}.sqlite", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}.sqlite", number + 1
    return path


def _note_path(path: Path) -> Path:
    return path.with_suffix(".json")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_with_companions(path: Path) -> None:
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm"), Path(f"{path}-journal")):
        name.unlink(missing_ok=True)
