"""Owner: update. Numbers 0x0Cxx. Which version runs, which could, and what becomes of an update."""

from .base import Delivery, Done, Message, message, request

PROGRESS = "update.progress"
"""The topic of UpdateProgress."""


@message(0x0C01)
class UpdateProgress(Message, frozen=True, kw_only=True, gc=False):
    """How far an update is.

    Args:
        state: idle, checking, downloading, applying, trial (the new version runs and is watched) or
            rolling-back.
        step: what is done now, in words.
        reason: why the last try failed; "" when it did not.
    """

    state: str
    version: str
    step: str
    done_bytes: int
    all_bytes: int
    reason: str


@message(0x0C02, delivery=Delivery.REPLY)
class UpdateReport(Message, frozen=True, kw_only=True, gc=False):
    """Everything that a screen needs.

    Args:
        managed: why this program does not update itself and what to run instead; "" when it does.
        newest: the newest version at the last look, "" before the first.
        ready: the version whose archive is here and verified, "" when none is.
        previous: the version that a rollback would bring back, "" when there is none.
        checks: whether it asks once a day.
        last: what became of the last update: confirmed, rolled-back or cancelled; with `last_version`,
            `last_reason` and `last_ms`.
    """

    version: str
    managed: str
    newest: str
    notes: str
    newest_bytes: int
    checked_ms: int
    ready: str
    previous: str
    address: str
    checks: bool
    progress: UpdateProgress
    last: str = ""
    last_version: str = ""
    last_reason: str = ""
    last_ms: int = 0


@request(0x0C03, reply=UpdateReport, permission="service.read")
class GetUpdate(Message, frozen=True, kw_only=True, gc=False):
    """Ask what is known; nothing is sent anywhere."""


@request(0x0C04, reply=UpdateReport, permission="update.manage")
class CheckUpdate(Message, frozen=True, kw_only=True, gc=False):
    """Ask the update address now."""

    actor: str


@request(0x0C05, reply=Done, permission="update.manage")
class DownloadUpdate(Message, frozen=True, kw_only=True, gc=False):
    """Fetch and verify the newest version; answered when it has begun, UpdateProgress tells the rest."""

    actor: str


@request(0x0C06, reply=Done, permission="update.manage")
class ApplyUpdate(Message, frozen=True, kw_only=True, gc=False):
    """Switch to the version that is ready; answered when it has begun.

    Args:
        version: the one that the person saw.
        anyway: do not wait for flat or protected positions.
    """

    version: str
    actor: str
    anyway: bool = False


@request(0x0C07, reply=Done, permission="update.manage")
class RollBackUpdate(Message, frozen=True, kw_only=True, gc=False):
    """Go back to the version before this one; answered when it has begun."""

    version: str
    actor: str
