"""Every accepted change of config.yaml is a revision: who, when, from where, the text, a chain of checksums.

A file of its own (state/config-history.jsonl), so that it needs no database. Each line is sealed with the
machine's key over itself and the line before; the newest seal is also noted beside the key. So a changed,
removed or cut-off line is noticed. A change made with an editor becomes a revision when somebody next looks.
"""

import contextlib
import difflib
import hashlib
import hmac
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from .errors import SettingsError
from .files import replace
from .machinekey import machine_key
from .paths import Home

OUTSIDE = "someone with an editor"


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted state of config.yaml.

    Args:
        number: 1, 2, 3, ...
        source: cli, dashboard, api, editor, rollback, import.
        text: the whole file as it then was.
        seal: HMAC over all this and the seal before.
    """

    number: int
    ts_ms: int
    actor: str
    source: str
    summary: str
    text: str
    before: str
    seal: str = ""


class _Head(msgspec.Struct, frozen=True):
    number: int
    seal: str


def history(home: Home) -> list[Revision]:
    """All revisions, oldest first; an edit that nobody told of is recorded first.

    Raises:
        SettingsError: the history was tampered with.
    """
    with locked(home):
        record_outside_edit(home)
        return _read(home)


def revision(home: Home, number: int) -> Revision:
    """One revision.

    Raises:
        SettingsError: there is none of that number, or the history was tampered with.
    """
    revisions = history(home)
    if not 1 <= number <= len(revisions):
        have = f"there are 1 to {len(revisions)}" if revisions else "there are none"
        raise SettingsError(f"There is no revision {number} of the settings; {have}.")
    return revisions[number - 1]


def difference(old: str, new: str, old_name: str, new_name: str) -> str:
    """A unified diff of two texts; "" when they are equal."""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), fromfile=old_name, tofile=new_name
    )
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


@contextlib.contextmanager
def locked(home: Home) -> Iterator[None]:
    """One writer at a time, over all processes; nests within one.

    Raises:
        SettingsError: another program holds the settings for more than ten seconds.
    """
    import filelock

    home.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = filelock.FileLock(str(home.state / "config.lock"), timeout=10, is_singleton=True)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise SettingsError("Another program is changing the settings; try again when it is done.") from error
    except OSError as error:
        raise SettingsError(f"The folder {home.state} cannot be written ({error.strerror}).") from error
    try:
        yield
    finally:
        lock.release()


def append(home: Home, *, text: str, actor: str, source: str, summary: str) -> Revision:
    """Add a revision; the caller holds `locked`.

    Raises:
        SettingsError: the history was tampered with or cannot be written.
    """
    revisions = _read(home)
    before = revisions[-1].seal if revisions else ""
    made = Revision(
        number=len(revisions) + 1,
        ts_ms=time.time_ns() // 1_000_000,
        actor=actor,
        source=source,
        summary=summary,
        text=text,
        before=before,
    )
    made = msgspec.structs.replace(made, seal=_seal(home, made))
    _write_line(_file(home), msgspec.json.encode(made) + b"\n")
    replace(_head_file(home), msgspec.json.encode(_Head(made.number, made.seal)))
    return made


def record_outside_edit(home: Home) -> Revision | None:
    """When config.yaml is not what the newest revision says, note that; the caller holds `locked`."""
    try:
        text = home.config_file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, UnicodeDecodeError):
        text = ""
    revisions = _read(home)
    if text == (revisions[-1].text if revisions else ""):
        return None
    summary = "as it was found" if not revisions else "changed outside of cryptobot"
    return append(home, text=text, actor=OUTSIDE, source="editor", summary=summary)


def checksum(text: str) -> str:
    """What names a state of the file, for `expected` of a change."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(home: Home) -> list[Revision]:
    """Raises SettingsError when a line was changed, removed or added by someone else."""
    path = _file(home)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        data = b""
    whole, _, _torn = data.rpartition(b"\n")
    revisions = []
    before = ""
    for number, line in enumerate(whole.splitlines(), start=1):
        revisions.append(_checked(home, path, number, line, before))
        before = revisions[-1].seal
    head = _read_head(home)
    if head is not None and (len(revisions) < head.number or revisions[head.number - 1].seal != head.seal):
        raise _tampered(path, head.number, "it is missing")
    return revisions


def _checked(home: Home, path: Path, number: int, line: bytes, before: str) -> Revision:
    try:
        found = msgspec.json.decode(line, type=Revision)
    except msgspec.DecodeError as error:
        raise _tampered(path, number, "it cannot be read") from error
    right = hmac.compare_digest(found.seal, _seal(home, found))
    if not right or found.number != number or found.before != before:
        raise _tampered(path, number, "its seal is wrong")
    return found


def _tampered(path: Path, number: int, why: str) -> SettingsError:
    return SettingsError(
        f"The history of the settings was changed by someone else: revision {number} in {path}, {why}. "
        f"config.yaml itself is still what counts; move the history away to begin a new one."
    )


def _seal(home: Home, made: Revision) -> str:
    content = msgspec.json.encode(msgspec.structs.replace(made, seal=""))
    return hmac.new(machine_key(home), content, hashlib.sha256).hexdigest()


def _write_line(path: Path, line: bytes) -> None:
    """Append durably; a torn line left by a crash is cut off first."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        data = file.read()
        end = data.rfind(b"\n") + 1
        file.truncate(end)
        file.seek(end)
        try:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            raise SettingsError(f"The history {path} cannot be written ({error.strerror}).") from error


def _read_head(home: Home) -> _Head | None:
    try:
        return msgspec.json.decode(_head_file(home).read_bytes(), type=_Head)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        raise SettingsError(
            f"The file {_head_file(home)} is damaged; remove it to trust the history anew."
        ) from None


def _file(home: Home) -> Path:
    return home.state / "config-history.jsonl"


def _head_file(home: Home) -> Path:
    return home.keys / "config-history-head.json"
