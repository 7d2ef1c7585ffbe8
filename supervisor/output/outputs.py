"""What a child's stdout and stderr become: the interface, and the plain way that works everywhere."""

import os
from collections.abc import Callable

from ...configs.paths import Home
from ...configs.schema import LogSettings
from .logfile import LogFile
from .logtidy import LogTidier


class Outputs:
    """Interface of what a child's stdout and stderr become. This one writes straight into the log file.

    For systems without fork and descriptor passing; the file grows until the next start of the service.
    """

    def __init__(self, home: Home, settings: LogSettings) -> None:
        self._folder, self.settings = home.logs, settings
        self._files: dict[str, int] = {}
        self.on_new_keeper: Callable[[], None] = lambda: None

    def start_keeper(self) -> None:
        """Get ready to take output."""

    def adopt_keeper(self, pid: int, born: int) -> bool:
        """Go on with the keeper of an earlier supervisor; False when there is none."""
        return False

    def open(self, name: str) -> int:
        """The descriptor for a new process of the service."""
        self.close(name)
        path = self._folder / f"{name}.log"
        if path.exists() and path.stat().st_size >= self.settings.max_bytes:
            LogFile(path, self.settings.max_bytes, self.settings.keep).rotate()
            self._tidy()
        self._files[name] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return self._files[name]

    def _tidy(self) -> None:
        """Whole: here it happens when a service is started, and there is no keeper to do it."""
        tidier = LogTidier(self._folder, self.settings.max_age_s)
        tidier.look()
        while tidier.busy:
            tidier.step()

    def ended(self, name: str) -> None:
        """The service's process ended."""

    def close(self, name: str) -> None:
        """The service is no longer known."""
        descriptor = self._files.pop(name, None)
        if descriptor is not None:
            os.close(descriptor)

    def adopt(self, name: str, pid: int, inode: int) -> None:
        """A process of an earlier supervisor goes on: take up its output."""

    def take(self, name: str, pipe: tuple[int, int]) -> None:
        """A pipe was made for the service already: go on with it."""

    def inode(self, name: str) -> int:
        """Names the service's pipe on disk, so that `adopt` can know it again; 0 when there is none."""
        return 0

    @property
    def keeper_pid(self) -> int:
        """The log keeper's process; 0 when there is none."""
        return 0

    def keeper_ended(self) -> None:
        """The log keeper died: start another one."""

    def finish(self) -> None:
        """All children are gone: write out what is left."""
