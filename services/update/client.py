"""`cryptobot update check` and `download`: the only code that asks the update address."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ... import __version__
from ...configs.errors import UsageError
from ...configs.programfolder import Checked, ProgramFolder, Progress, Ready, order_of

if TYPE_CHECKING:
    from .repository import Repository

_TELL_EVERY_S = 0.25


def check(folder: ProgramFolder, address: str, channel: str) -> Checked:
    """Ask what the newest version is, and remember the answer.

    Raises:
        UsageError: there is no address, or this installation lacks python-tuf.
        CryptoBotError: no answer, or none that can be believed.
    """
    repository = _open(folder, address)
    offer = repository.look(channel)
    folder.write_checked(offer)
    return offer


def download(
    folder: ProgramFolder, address: str, channel: str, told: Callable[[Progress], None]
) -> Ready | None:
    """Fetch and verify the newest version; None when it is the one in use, or older.

    Raises:
        UsageError, CryptoBotError: as `check`.
    """
    repository = _open(folder, address)
    told(Progress(state="checking", step="Asking for the newest version"))
    offer = repository.look(channel)
    folder.write_checked(offer)
    if not is_newer(offer.version):
        return None
    there = folder.read_ready()
    if there is not None and there.version == offer.version and there.length == offer.length:
        return there
    last = 0.0

    def arrived(done: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _TELL_EVERY_S or done == offer.length:
            last = time.monotonic()
            told(_downloading(offer, done))

    return repository.download(offer, arrived)


def is_newer(version: str) -> bool:
    """Than the program that runs. Older ones are never offered: they may have faults that are known."""
    return order_of(version) > order_of(__version__)


def _downloading(offer: Checked, done: int) -> Progress:
    return Progress(
        state="downloading",
        version=offer.version,
        step="Downloading",
        done_bytes=done,
        all_bytes=offer.length,
    )


def _open(folder: ProgramFolder, address: str) -> "Repository":
    if not address:
        raise UsageError("No update address is set; `cryptobot config set update.address https://…` sets it.")
    try:
        from .repository import Repository
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"tuf", "securesystemslib"}:
            raise
        raise UsageError(
            "Updates need python-tuf, which this installation does not hold; `pip install tuf` adds it."
        ) from error
    return Repository(folder, address)
