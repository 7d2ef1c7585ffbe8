"""Where everything of one installation lives: the home folder."""

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import SettingsError

HOME_VARIABLE = "CRYPTOBOT_HOME"
# sun_path is 108 bytes on Linux and 104 on macOS, NUL included (unix(7)); 20 are kept for the file name.
_SOCKET_DIR_LIMIT = 80


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds all state, settings, logs and sockets of one installation."""

    root: Path

    @classmethod
    def find(cls, given: str | os.PathLike[str] | None = None) -> "Home":
        """The home named on the command line, else CRYPTOBOT_HOME, else the platform's data folder."""
        chosen = given or os.environ.get(HOME_VARIABLE)
        if chosen:
            return cls(Path(chosen).expanduser().absolute())
        import platformdirs

        return cls(Path(platformdirs.user_data_dir("cryptobot", appauthor=False)))

    @property
    def config_file(self) -> Path:
        """The user's settings (YAML)."""
        return self.root / "config.yaml"

    @property
    def run(self) -> Path:
        """What lives only while the daemon runs: lock, pid, snapshot of the settings."""
        return self.root / "run"

    @property
    def sockets(self) -> Path:
        """Folder of the unix sockets, mode 0700; outside the home only when its path is too long."""
        inside = self.root / "run" / "sockets"
        if len(os.fsencode(inside)) <= _SOCKET_DIR_LIMIT:
            return inside
        import tempfile  # with what it imports it is slow, and few homes need it

        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        owner = os.getuid() if hasattr(os, "getuid") else 0
        return Path(tempfile.gettempdir()) / f"cryptobot-{owner}-{digest}"

    @property
    def logs(self) -> Path:
        """One log file a service."""
        return self.root / "logs"

    @property
    def state(self) -> Path:
        """Databases, journal, counters: what must survive."""
        return self.root / "state"

    @property
    def databases(self) -> Path:
        """One SQLite file an owner."""
        return self.state / "databases"

    @property
    def journal(self) -> Path:
        """The bus journal and the publishers' outboxes."""
        return self.state / "journal"

    @property
    def keys(self) -> Path:
        """Certificates, machine keys, the initial password: mode 0700."""
        return self.root / "keys"

    @property
    def strategies(self) -> Path:
        """The user's own strategies."""
        return self.root / "strategies"

    @property
    def connectors(self) -> Path:
        """The user's own connectors, a file each; made by whoever has one."""
        return self.root / "connectors"

    def create(self) -> None:
        """Make the folders.

        Raises:
            SettingsError: the home cannot be written, or its socket folder belongs to someone else.
        """
        try:
            for folder in (self.root, self.run, self.logs, self.state, self.databases, self.strategies):
                folder.mkdir(parents=True, exist_ok=True)
            for private in (self.sockets, self.keys, self.run, self.state):
                _refuse_stranger(private)
                private.mkdir(parents=True, exist_ok=True, mode=0o700)
                _make_private(private)
        except OSError as error:
            reason = error.strerror or str(error)
            raise SettingsError(
                f"The home folder {self.root} cannot be written ({reason}). "
                f"Choose another one with --home DIR or {HOME_VARIABLE}."
            ) from error
        if not os.access(self.root, os.W_OK):
            raise SettingsError(
                f"The home folder {self.root} cannot be written. "
                f"Choose another one with --home DIR or {HOME_VARIABLE}."
            )


def _refuse_stranger(folder: Path) -> None:
    """A stranger's link to a folder of ours could be turned elsewhere afterwards; Linux may refuse it too."""
    if sys.platform != "win32" and folder.is_symlink() and folder.lstat().st_uid != os.getuid():
        raise _belongs_to_another(folder)


def _belongs_to_another(folder: Path) -> SettingsError:
    return SettingsError(
        f"The folder {folder} belongs to another user; remove it or choose another home with --home DIR."
    )


def _make_private(folder: Path) -> None:
    if sys.platform == "win32":
        return
    status = folder.stat()
    if {status.st_uid, folder.lstat().st_uid} != {os.getuid()}:
        raise _belongs_to_another(folder)
    if status.st_mode & 0o077:
        folder.chmod(0o700)
