"""All that is known about versions without asking anybody, as commands and pages show it."""

from ... import __version__
from ...bus.contracts.update import UpdateProgress, UpdateReport
from ...configs.programfolder import Last, ProgramFolder, Progress
from ...configs.sections.update import UpdateSettings

_NEVER = Last(result="", version="", previous="", reason="", ended_ms=0)


def progress_of(found: Progress) -> UpdateProgress:
    """As it goes over the bus."""
    return UpdateProgress(
        state=found.state,
        version=found.version,
        step=found.step,
        done_bytes=found.done_bytes,
        all_bytes=found.all_bytes,
        reason=found.reason,
    )


def report(folder: ProgramFolder | None, settings: UpdateSettings, managed: str) -> UpdateReport:
    """What is in the program folder.

    Args:
        managed: why this program does not update itself; "" when it does.
    """
    if folder is None or managed:
        return _managed(settings, managed)
    checked, ready = folder.read_checked(), folder.read_ready()
    last, before = folder.read_last() or _NEVER, folder.before(folder.current())
    return UpdateReport(
        version=folder.current(),
        managed="",
        newest=checked.version if checked else "",
        notes=checked.notes if checked else "",
        newest_bytes=checked.length if checked else 0,
        checked_ms=checked.checked_ms if checked else 0,
        ready=ready.version if ready else "",
        previous=before.previous if before else "",
        address=settings.address or folder.default_address(),
        checks=settings.check,
        progress=progress_of(folder.read_progress()),
        last=last.result,
        last_version=last.version,
        last_reason=last.reason,
        last_ms=last.ended_ms,
    )


def _managed(settings: UpdateSettings, why: str) -> UpdateReport:
    return UpdateReport(
        version=__version__,
        managed=why,
        newest="",
        notes="",
        newest_bytes=0,
        checked_ms=0,
        ready="",
        previous="",
        address=settings.address,
        checks=settings.check,
        progress=progress_of(Progress()),
    )
