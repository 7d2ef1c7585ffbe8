"""What the commands of `update` share: the folder, the settings, progress for people and programs."""

import os
import sys
import time

from ...bus.contracts.update import UpdateProgress, UpdateReport
from ...configs.load import load
from ...configs.paths import Home
from ...configs.programfolder import ProgramFolder, Progress
from ...configs.schema import Settings
from .call import Call
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
    from ... import __version__
    from ..versions.origin import managed

    why, folder, settings = managed(), ProgramFolder.find(), settings_of(call.home)
    if why or folder is None:
        return _nothing(__version__, why, settings)
    last, checked, ready = folder.read_last(), folder.read_checked(), folder.read_ready()
    before = folder.before(folder.current())
    progress = folder.read_progress()
    return UpdateReport(
        version=folder.current(),
        managed="",
        newest=checked.version if checked else "",
        notes=checked.notes if checked else "",
        newest_bytes=checked.length if checked else 0,
        checked_ms=checked.checked_ms if checked else 0,
        ready=ready.version if ready else "",
        previous=before.previous if before else "",
        address=address_of(folder, settings),
        checks=settings.update.check,
        progress=UpdateProgress(
            state=progress.state,
            version=progress.version,
            step=progress.step,
            done_bytes=progress.done_bytes,
            all_bytes=progress.all_bytes,
            reason=progress.reason,
        ),
        last=last.result if last else "",
        last_version=last.version if last else "",
        last_reason=last.reason if last else "",
        last_ms=last.ended_ms if last else 0,
    )


def _nothing(version: str, why: str, settings: Settings) -> UpdateReport:
    idle = UpdateProgress(state="idle", version="", step="", done_bytes=0, all_bytes=0, reason="")
    return UpdateReport(
        version=version,
        managed=why,
        newest="",
        notes="",
        newest_bytes=0,
        checked_ms=0,
        ready="",
        previous="",
        address=settings.update.address,
        checks=settings.update.check,
        progress=idle,
    )
