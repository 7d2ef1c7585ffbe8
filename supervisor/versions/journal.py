"""The update under way, on disk before anything is done: whoever comes after a crash knows what to finish.

A line a field, `key value`, for the stub reads it too. There are two ends only: while `current` names the new
version the update goes forward (its trial goes on), while it names the old one it goes back.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields

from ...configs.errors import CryptoBotError, UsageError
from ...configs.files import replace
from ...configs.programfolder import Last, ProgramFolder, sync_folder

FORWARD, BACK = "forward", "back"


@dataclass(frozen=True, slots=True)
class Update:
    """One update.

    Args:
        to, previous: versions.
        home: the home whose platform tries it.
        backup: folder of the backups of its settings and databases.
        trading: the trading state that is put back at the end; "" leaves it alone.
        phase: forward, or back once it was decided to take it back.
        open_orders: ids of orders that were open before, joined by commas.
        services: names of services that were ready before, joined by commas.
    """

    to: str
    previous: str
    home: str
    backup: str
    actor: str
    trading: str = ""
    phase: str = FORWARD
    reason: str = ""
    services: str = ""
    open_orders: str = ""


def read(folder: ProgramFolder) -> Update | None:
    """The update under way; None when there is none.

    Raises:
        CryptoBotError: the file is damaged.
    """
    try:
        text = folder.journal.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    pairs = dict(line.partition(" ")[::2] for line in text.splitlines())
    known = {field.name for field in fields(Update)}
    try:
        return Update(**{key: value for key, value in pairs.items() if key in known})
    except TypeError as error:
        raise CryptoBotError(
            f"The file {folder.journal} is damaged ({error}). The version in use is {folder.current()}; "
            "remove "
            "the file when that one runs well."
        ) from error


def write(folder: ProgramFolder, update: Update) -> None:
    """Put it on the disk, whole."""
    lines = [f"{key} {' '.join(str(value).split())}" for key, value in asdict(update).items()]
    replace(folder.journal, ("\n".join(lines) + "\n").encode())
    sync_folder(folder.root)


def begin(folder: ProgramFolder, update: Update) -> None:
    """Before the switch: from here on the stub counts starts of the new version."""
    folder.boots.unlink(missing_ok=True)
    write(folder, update)


def end(folder: ProgramFolder, update: Update, result: str, reason: str = "") -> None:
    """It is over: confirmed, rolled-back or cancelled. Forgotten last, so that a crash repeats the end."""
    folder.write_last(
        Last(
            result=result,
            version=update.to,
            previous=update.previous,
            reason=reason or update.reason,
            ended_ms=time.time_ns() // 1_000_000,
            backup=update.backup,
        )
    )
    folder.boots.unlink(missing_ok=True)
    folder.journal.unlink(missing_ok=True)
    sync_folder(folder.root)


def is_trial(folder: ProgramFolder, update: Update) -> bool:
    """Whether the new version is the one in use."""
    return folder.current() == update.to


@contextmanager
def alone(folder: ProgramFolder, *, wait: bool = False) -> Iterator[None]:
    """One process works on the updates of a program folder; the system frees it when that process dies.

    Raises:
        UsageError: another one does, and `wait` is false.
    """
    import filelock

    lock = filelock.FileLock(str(folder.root / "update.lock"), timeout=-1 if wait else 0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise UsageError(
            "An update is under way already; `cryptobot update status` shows how far it is."
        ) from error
    try:
        yield
    finally:
        lock.release()
