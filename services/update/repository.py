"""The signed repository of versions, as The Update Framework has it. Only short-lived processes load it."""

import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import requests
from tuf.api import exceptions
from tuf.api.metadata import TargetFile
from tuf.ngclient import Updater, UpdaterConfig

from ... import __version__
from ...configs.errors import CryptoBotError
from ...configs.programfolder import VERSION, Checked, ProgramFolder, Ready
from .fetch import Download, Fetcher, Told, reason_of, sha256_of

T = TypeVar("T")
_ROLES_LIMIT = UpdaterConfig(max_root_rotations=64, max_delegations=8, targets_max_length=2_000_000)


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """The file `CHANNEL/SYSTEM.json` of a repository: which version is the newest, and where it is."""

    version: str
    target: str
    notes: str = ""


class Repository:
    """One repository, as the root that came with the program lets us believe it.

    Args:
        address: of the folder that holds `metadata/` and `targets/`.

    Raises:
        CryptoBotError: there is no root to begin with.
    """

    def __init__(self, folder: ProgramFolder, address: str) -> None:
        self._folder = folder
        self._targets = address.rstrip("/") + "/targets"
        self._fetcher = Fetcher(f"cryptobot/{__version__}")
        metadata = folder.trust / "metadata"
        metadata.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._updater = believed(
            lambda: Updater(
                metadata_dir=str(metadata),
                metadata_base_url=address.rstrip("/") + "/metadata",
                fetcher=self._fetcher,
                config=_ROLES_LIMIT,
                bootstrap=first_root(folder.trust),
            )
        )

    def look(self, channel: str) -> Checked:
        """The newest version of a channel for this system, and nothing that is not signed.

        Raises:
            CryptoBotError: nothing is offered, or it cannot be believed.
        """
        believed(self._updater.refresh)
        name = f"{channel}/{system_name()}.json"
        target = self._described(name)
        if target.length > 100_000:
            raise CryptoBotError(f"The description {name} is larger than any that we make.")
        pointer = Download(self._fetcher, target, self._folder.downloads / "offers", lambda _done: None)
        path = carried(lambda: pointer.run(self._address_of(target)))
        try:
            offer = msgspec.json.decode(path.read_bytes(), type=Offer)
        except msgspec.MsgspecError as error:
            raise CryptoBotError(f"The description {name} cannot be read: {error}.") from error
        finally:
            path.unlink(missing_ok=True)
        if VERSION.fullmatch(offer.version) is None:
            raise CryptoBotError(f"The description {name} names no version: {offer.version!r}.")
        return Checked(
            version=offer.version,
            target=offer.target,
            length=self._described(offer.target).length,
            notes=offer.notes,
            checked_ms=time.time_ns() // 1_000_000,
        )

    def download(self, offer: Checked, told: Told) -> Ready:
        """Fetch and verify the archive of a version; goes on with one that broke off.

        Raises:
            CryptoBotError: it is not the one that was signed, or the server failed.
        """
        target = self._described(offer.target)
        url = self._address_of(target)
        path = carried(lambda: Download(self._fetcher, target, self._folder.downloads, told).run(url))
        ready = Ready(
            version=offer.version,
            file=path.name,
            length=target.length,
            sha256=sha256_of(path),
            notes=offer.notes,
        )
        self._folder.write_ready(ready)
        _forget_others(self._folder.downloads, path)
        return ready

    def _described(self, name: str) -> TargetFile:
        target = believed(lambda: self._updater.get_targetinfo(name))
        if target is None:
            raise CryptoBotError(f"The repository offers no {name}: there is no version for this system.")
        return target

    def _address_of(self, target: TargetFile) -> str:
        """Files carry their hash in front: a mirror that is behind gives an old one or none, no other one."""
        folder, slash, name = target.path.rpartition("/")
        return f"{self._targets}/{folder}{slash}{target.hashes['sha256']}.{name}"


def first_root(trust: Path) -> bytes:
    """The root that came with the program: the one thing that is believed without a signature.

    Raises:
        CryptoBotError: it is missing.
    """
    try:
        return (trust / "root.json").read_bytes()
    except OSError as error:
        raise CryptoBotError(
            f"{trust / 'root.json'} is missing: without it no update can be believed. Download the "
            "program anew."
        ) from error


def system_name() -> str:
    """`linux-x86_64`, `macos-arm64`, `windows-x86_64`."""
    told = platform.machine().lower()
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(told, told)
    system = {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    return f"{system}-{machine}"


def believed(work: Callable[[], T]) -> T:
    """Carry out a step of the verification; what is wrong becomes one sentence.

    Raises:
        CryptoBotError: an attack, a repository that is not looked after, or no connection.
    """
    try:
        return carried(work)
    except exceptions.ExpiredMetadataError as error:
        raise CryptoBotError(
            f"What the update address says is too old to be believed ({error}). Either nobody looks after "
            "it, "
            "somebody holds newer versions back, or the clock of this machine is wrong. Nothing was changed."
        ) from error
    except exceptions.BadVersionNumberError as error:
        raise CryptoBotError(
            f"The update address shows an older state than it did before ({error}): somebody may want to "
            "bring an "
            "old version back. Nothing was changed."
        ) from error
    except exceptions.UnsignedMetadataError as error:
        raise CryptoBotError(
            f"What the update address says is not signed by those whom this program trusts ({error}). "
            "Nothing was changed."
        ) from error
    except exceptions.RepositoryError as error:
        raise CryptoBotError(
            f"What the update address says does not fit together ({error}). Nothing was changed."
        ) from error


def carried(work: Callable[[], T]) -> T:
    """Carry out something over the network; what fails becomes one sentence."""
    try:
        return work()
    except exceptions.DownloadLengthMismatchError as error:
        raise CryptoBotError(
            f"The update address sends more than it may ({error}); it was cut off."
        ) from error
    except (exceptions.DownloadError, requests.RequestException) as error:
        raise CryptoBotError(f"The update address cannot be reached: {reason_of(error)}.") from error
    except OSError as error:
        raise CryptoBotError(
            f"The program folder cannot be written ({error.strerror or error}); make room or check its "
            "rights. "
            "What arrived is kept."
        ) from error


def _forget_others(folder: Path, kept: Path) -> None:
    for path in folder.glob("cryptobot-*"):
        if path != kept and path.is_file():
            path.unlink()
