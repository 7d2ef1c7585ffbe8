"""What the commands of `update` share: the folder, the settings, progress for people and programs."""

import os
import sys
import time

from ...bus.contracts.update import UpdateReport
from ...configs.load import load
from ...configs.paths import Home
from ...configs.programfolder import ProgramFolder, Progress
from ...configs.schema import Settings
from .call import Call
from .delegate import load as load_target
from .output import note

_TELL_EVERY_S = 1.0


class Teller:
    """Tells each step to the person (stderr) and to whoever looks (progress.json)."""

    def __init__(self, folder: ProgramFolder) -> None:
        self._folder = folder
        self._last, self._told = "", 0.0

    def __call__(self, progress: Progress) -> None:
        from msgspec.structs import replace

        self._folder.write_progress(replace(progress, pid=os.getpid()))
        if progress.all_bytes:
            self._tell_bytes(progress)
        elif progress.step != self._last:
            note(f"{progress.step}.")
        self._last = progress.step

    def _tell_bytes(self, progress: Progress) -> None:
        done = progress.done_bytes == progress.all_bytes
        if not done and time.monotonic() - self._told < _TELL_EVERY_S:
            return
        self._told = time.monotonic()
        megabytes = f"{progress.done_bytes / 1e6:.1f} of {progress.all_bytes / 1e6:.1f} MB"
        end = "\n" if done or not sys.stderr.isatty() else "\r"
        sys.stderr.write(f"{progress.step} {progress.version}: {megabytes}{end}")
        sys.stderr.flush()

    def ended(self, reason: str = "") -> None:
        """Nothing is under way any more; `reason` is why it failed."""
        self._folder.write_progress(Progress(reason=reason))


def settings_of(home: Home) -> Settings:
    """The settings of this home, from its files."""
    return load(home).settings


def address_of(folder: ProgramFolder, settings: Settings) -> str:
    """Where updates come from: the setting, else what came with the program."""
    return settings.update.address or folder.default_address()


def report(call: Call) -> UpdateReport:
    """All that is known, without asking anybody."""
    from ..versions.origin import managed

    made: UpdateReport = load_target("cryptobot.services.update.report:report")(
        ProgramFolder.find(), settings_of(call.home).update, managed()
    )
    return made
