"""Where the program itself lives when it can update itself: a folder with its versions side by side.

ROOT/cryptobot        starts the version that `current` names (on Windows cryptobot.cmd)
ROOT/current          one line: the version in use; replaced whole, also where there are no links
ROOT/versions/0.2.0/  one whole program a version, never changed once it is there
ROOT/trust/           root.json (the first one trusted), address, and what was verified since
ROOT/downloads/       archives, partial and whole
ROOT/update           an update under way, a `key value` a line; ROOT/boots counts starts of its trial
ROOT/last.json        what became of the last one, ROOT/confirmed.json of the last that stayed;
                      ROOT/progress.json how far it is
"""

import contextlib
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from .errors import CryptoBotError, UsageError
from .files import replace
from .frozen import FOLDER_VARIABLE as FOLDER_VARIABLE
from .frozen import STUB, program

S = TypeVar("S", bound=msgspec.Struct)
EXECUTABLE = "cryptobot.exe" if sys.platform == "win32" else "cryptobot"
VERSION = re.compile(r"[0-9]+(\.[0-9]+){1,3}((a|b|rc)[0-9]+)?")


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far an update is, for whoever looks. `state` is one of those of bus/contracts/update.py."""

    state: str = "idle"
    version: str = ""
    step: str = ""
    done_bytes: int = 0
    all_bytes: int = 0
    reason: str = ""
    pid: int = 0


class Last(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an update. `result` is confirmed, rolled-back or cancelled."""

    result: str
    version: str
    previous: str
    reason: str
    ended_ms: int
    backup: str = ""


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """An archive that was verified and can be applied."""

    version: str
    file: str
    length: int
    sha256: str
    notes: str = ""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """The newest version as verified metadata named it at the last look."""

    version: str
    target: str
    length: int
    notes: str
    checked_ms: int


@dataclass(frozen=True, slots=True)
class ProgramFolder:
    """The folder of the versions."""

    root: Path

    @classmethod
    def find(cls) -> "ProgramFolder | None":
        """The folder that this program runs from; None when something else keeps it up to date."""
        named = os.environ.get(FOLDER_VARIABLE, "")
        words = program()
        inside = Path(words[0]).resolve().parents[2:3] if len(words) == 1 else ()
        for root in (Path(named),) if named else inside:
            if root.is_absolute() and (root / "current").is_file() and (root / "versions").is_dir():
                return cls(root)
        return None

    @property
    def versions(self) -> Path:
        """One folder a version."""
        return self.root / "versions"

    @property
    def trust(self) -> Path:
        """What decides whom to believe."""
        return self.root / "trust"

    @property
    def downloads(self) -> Path:
        """Archives on their way and those that arrived."""
        return self.root / "downloads"

    @property
    def stub(self) -> Path:
        """What people and service managers start."""
        return self.root / STUB

    @property
    def journal(self) -> Path:
        """The update under way."""
        return self.root / "update"

    @property
    def boots(self) -> Path:
        """A byte for each start of a version on trial."""
        return self.root / "boots"

    def folder_of(self, version: str) -> Path:
        """Where a version is.

        Raises:
            UsageError: that is no version's name.
        """
        if VERSION.fullmatch(version) is None:
            raise UsageError(f"{version!r} is not a version such as 0.2.0.")
        return self.versions / version

    def program_of(self, version: str) -> Path:
        """The executable of a version."""
        return self.folder_of(version) / EXECUTABLE

    def installed(self) -> list[str]:
        """The versions that are whole, oldest first."""
        found = [path.name for path in self.versions.iterdir() if VERSION.fullmatch(path.name)]
        return sorted((name for name in found if self.program_of(name).is_file()), key=order_of)

    def current(self) -> str:
        """The version in use.

        Raises:
            CryptoBotError: the pointer is damaged.
        """
        try:
            version = (self.root / "current").read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            version = ""
        if VERSION.fullmatch(version) is None:
            raise CryptoBotError(
                f"The file {self.root / 'current'} does not name a version; write one of "
                f"{', '.join(self.installed())} into it."
            )
        return version

    def point_to(self, version: str) -> None:
        """Make a version the one in use: wholly or not at all.

        Raises:
            CryptoBotError: it is not there.
        """
        if not self.program_of(version).is_file():
            raise CryptoBotError(f"The version {version} is not in {self.versions}.")
        replace(self.root / "current", f"{version}\n".encode(), mode=0o644)
        sync_folder(self.root)

    def read_progress(self) -> Progress:
        """How far an update is; idle when none is under way, or its process died."""
        found = _read(self.root / "progress.json", Progress) or Progress()
        return found if found.pid and is_alive(found.pid) else Progress(reason=found.reason)

    def write_progress(self, progress: Progress) -> None:
        """Tell whoever looks; a full disk is no reason to stop."""
        _write(self.root / "progress.json", progress)

    def read_last(self) -> Last | None:
        """What became of the last update."""
        return _read(self.root / "last.json", Last)

    def write_last(self, last: Last) -> None:
        """Remember it; a full disk is no reason to leave an update unfinished."""
        if last.result == "confirmed":
            replace(self.root / "confirmed.json", msgspec.json.encode(last))
        _write(self.root / "last.json", last)

    def before(self, version: str) -> Last | None:
        """How `version` was confirmed, when the version before it is still there to go back to."""
        found = _read(self.root / "confirmed.json", Last)
        usable = found is not None and found.version == version and found.previous in self.installed()
        return found if usable else None

    def read_ready(self) -> Ready | None:
        """The archive that waits to be applied."""
        found = _read(self.downloads / "ready.json", Ready)
        return found if found is not None and (self.downloads / found.file).is_file() else None

    def write_ready(self, ready: Ready) -> None:
        """Note a verified archive."""
        replace(self.downloads / "ready.json", msgspec.json.encode(ready))

    def read_checked(self) -> Checked | None:
        """The newest version at the last look."""
        return _read(self.trust / "checked.json", Checked)

    def write_checked(self, checked: Checked) -> None:
        """Remember it."""
        replace(self.trust / "checked.json", msgspec.json.encode(checked))

    def default_address(self) -> str:
        """The address that came with the program; "" when none did."""
        try:
            return (self.trust / "address").read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""


def order_of(version: str) -> tuple[tuple[int, ...], str, int]:
    """A key that sorts versions: 0.9.0, 0.10.0a1, 0.10.0rc2, 0.10.0.

    Raises:
        UsageError: that is no version.
    """
    if VERSION.fullmatch(version) is None:
        raise UsageError(f"{version!r} is not a version such as 0.2.0.")
    kind = next((word for word in ("rc", "a", "b") if word in version), "")
    numbers, _, count = version.partition(kind) if kind else (version, "", "0")
    parts = [int(part) for part in numbers.split(".")]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts), kind or "z", int(count)


def is_alive(pid: int) -> bool:
    """Whether a process of this number runs."""
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def sync_folder(folder: Path) -> None:
    """Make renames in a folder outlast a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, kind: type[S]) -> S | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None


def _write(path: Path, value: msgspec.Struct) -> None:
    with contextlib.suppress(OSError):
        beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        beside.write_bytes(msgspec.json.encode(value))
        beside.replace(path)
