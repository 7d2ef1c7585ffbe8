"""Checks of what must survive: databases and journals."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ...configs.paths import Home
from ..cli.delegate import load
from .finding import FAULT, OK, WARNING, Finding, Patient

_PLAIN = b"SQLite format 3\0"
_CHECKED_WHOLE_BYTES = 64 * 1_048_576


def databases(patient: Patient) -> Finding:
    files = sorted(patient.home.databases.glob("*.sqlite")) if patient.home.databases.is_dir() else []
    known = _known_versions(patient.home)
    wrong = [fault for path in files if (fault := _fault_of(path, known.get(path.stem)))]
    if wrong:
        return Finding(
            "databases",
            FAULT,
            "; ".join(wrong),
            "The service that owns it does not start, so that nothing in it is spoilt.",
            "Install the newer program again, or `cryptobot db restore`; `cryptobot db check` says more.",
        )
    return Finding("databases", OK, f"{len(files)} files are sound" if files else "none yet")


def _known_versions(home: Home) -> dict[str, int]:
    """The newest version of each owner's tables that this program knows."""
    owners = load("cryptobot.services.database.owners:owners")(home)
    return {owner.name: owner.migrations[-1].version for owner in owners if owner.migrations}


def _fault_of(path: Path, known: int | None) -> str:
    with path.open("rb") as file:
        head = file.read(16)
    if not head:
        return ""
    if head != _PLAIN:
        return ""  # encrypted: its owner checks it when it is opened
    try:
        # Read-only, and without touching the WAL of a service that may be running.
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as database:
            version = _version(database)
            if known is not None and version > known:
                return f"{path.name} has version {version}, this program knows versions up to {known}"
            pragma = "quick_check" if path.stat().st_size < _CHECKED_WHOLE_BYTES else "schema_version"
            answer = database.execute(
                f"PRAGMA {pragma}(1)" if pragma == "quick_check" else f"PRAGMA {pragma}"
            )
            said = str(answer.fetchone()[0])
    except sqlite3.DatabaseError as error:
        return f"{path.name} is damaged ({error})" if _is_damage(error) else ""
    return f"{path.name} is damaged ({said})" if pragma == "quick_check" and said != "ok" else ""


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Busy or locked is none."""
    return not isinstance(error, sqlite3.OperationalError) or "malformed" in str(error)


def _version(database: sqlite3.Connection) -> int:
    try:
        found = database.execute("SELECT MAX(version) FROM schema_version").fetchone()
    except sqlite3.OperationalError:
        return 0  # the paper exchange keeps no versions, and a new file has none yet
    return int(found[0] or 0)


def journals(patient: Patient) -> Finding:
    """Only while nothing writes: what is being written looks torn."""
    if not patient.at_rest:
        return Finding("journals", OK, "in use")
    torn, strange = [], []
    for path in _segments(patient):
        kind = _judge(path)
        torn += [path] if kind == "torn" else []
        strange += [path] if kind == "strange" else []
    if strange:
        todo = "`cryptobot doctor --fix` puts it aside; what was in it cannot be read."
        text = f"{', '.join(map(str, strange))} is not a segment of the bus"
        return Finding("journals", FAULT, text, "Its owner does not start beside it.", todo)
    if torn:
        why = "A crash came in the midst of a message; it is cut off when its owner starts, or by --fix."
        text = f"{len(torn)} end in the midst of a message: {', '.join(path.parent.name for path in torn)}"
        return Finding("journals", WARNING, text, why, "Nothing, or `cryptobot doctor --fix`.")
    return Finding("journals", OK, "every message in them is whole")


def cut(patient: Patient) -> str:
    """Torn tails are cut off as their owners would; what is no segment is put aside."""
    if not patient.at_rest:
        return ""
    from ...bus import segments

    done = []
    for path in _segments(patient):
        kind = _judge(path)
        if kind == "torn":
            data = path.read_bytes()
            end = min(segments.good_end(data), len(data))
            os.truncate(path, end if len(data) >= len(segments.MAGIC) else 0)
            done.append(f"cut {len(data) - end} bytes off {path.parent.name}/{path.name}")
        elif kind == "strange":
            path.replace(path.with_name(f"{path.name}.damaged"))
            done.append(f"put {path.parent.name}/{path.name} aside")
    return "; ".join(done)


def _segments(patient: Patient) -> Iterator[Path]:
    """The segment that is written to, of the journal and of each outbox: the newest."""
    from ...bus import segments

    outboxes = patient.home.journal / "outbox"
    folders = [patient.home.journal / "stream", *(sorted(outboxes.iterdir()) if outboxes.is_dir() else ())]
    for folder in folders:
        yield from segments.paths(folder)[-1:]


def _judge(path: Path) -> str:
    from ...bus import segments

    data = path.read_bytes()
    if not data.startswith(segments.MAGIC[: len(data)]):
        return "strange"
    return "torn" if data and (len(data) < len(segments.MAGIC) or segments.good_end(data) < len(data)) else ""
