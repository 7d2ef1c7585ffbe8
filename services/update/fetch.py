"""Getting files over HTTP: bounded in size and time, and gone on with where a download broke off."""

import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests
from tuf.api.exceptions import DownloadHTTPError, SlowRetrievalError
from tuf.api.metadata import TargetFile
from tuf.ngclient.fetcher import FetcherInterface

from ...configs.errors import CryptoBotError

# What is lost of a download that breaks off is less than this.
_CHUNK = 32 * 1024
_SILENCE_S = 20.0
_METADATA_LIMIT_S = 60.0
# Slower than this over a minute is no download: whoever drips bytes would keep us waiting for ever.
_SLOWEST_BYTES_S = 1024.0
_SLOW_AFTER_S = 60.0
Told = Callable[[int], None]


class Fetcher(FetcherInterface):
    """What python-tuf gets metadata with: certificates of certifi, no cookies, one agent's name.

    Args:
        agent: sent as User-Agent; all that is told about us.
    """

    def __init__(self, agent: str) -> None:
        self.session = requests.Session()
        self.session.headers.clear()
        self.session.headers.update({"User-Agent": agent, "Accept": "*/*", "Accept-Encoding": "identity"})

    def _fetch(self, url: str) -> Iterator[bytes]:
        response = self.session.get(url, stream=True, timeout=_SILENCE_S)
        if response.status_code >= 400:
            response.close()
            raise DownloadHTTPError(f"{url} answered {response.status_code}", response.status_code)
        return _within(response, _METADATA_LIMIT_S)

    def open(self, url: str, begin: int) -> requests.Response:
        """A file from the byte `begin` on, where the server can do that."""
        headers = {"Range": f"bytes={begin}-"} if begin else {}
        return self.session.get(url, stream=True, timeout=_SILENCE_S, headers=headers)


def _within(response: requests.Response, limit_s: float) -> Iterator[bytes]:
    ends = time.monotonic() + limit_s
    with response:
        for chunk in response.iter_content(_CHUNK):
            if time.monotonic() > ends:
                raise SlowRetrievalError(f"{response.url} took more than {limit_s:g} s")
            yield chunk


class Download:
    """One target on its way to the disk. What arrived before a break is kept and gone on with.

    Args:
        folder: where `NAME.part` grows until it is whole and verified.
        told: called with the bytes that are there, now and then.
    """

    def __init__(self, fetcher: Fetcher, target: TargetFile, folder: Path, told: Told) -> None:
        self._fetcher, self._target, self._told = fetcher, target, told
        self.path = folder / target.path.rpartition("/")[2]
        self._part = self.path.with_name(self.path.name + ".part")

    def run(self, url: str) -> Path:
        """Fetch what is missing, verify the whole, and give it its name.

        Raises:
            CryptoBotError: it is not what the signed metadata promises, or the server failed.
            OSError: the disk failed; what arrived stays.
        """
        self._part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        begin = self._part.stat().st_size if self._part.exists() else 0
        if begin > self._target.length:
            begin = 0
        if begin < self._target.length:
            self._fetch(url, begin)
        self._verify()
        self._part.replace(self.path)
        return self.path

    def _fetch(self, url: str, begin: int) -> None:
        with self._fetcher.open(url, begin) as response:
            if response.status_code not in (200, 206):
                raise CryptoBotError(f"{url} answered {response.status_code}; try again later.")
            goes_on = begin > 0 and response.status_code == 206 and _begins_at(response, begin)
            if begin and response.status_code == 206 and not goes_on:
                raise CryptoBotError(f"{url} sent another part of the file than was asked for.")
            self._take(response, begin if goes_on else 0)

    def _take(self, response: requests.Response, begin: int) -> None:
        there, began = begin, time.monotonic()
        with self._part.open("r+b" if begin else "wb") as file:
            file.seek(begin)
            file.truncate()
            for chunk in response.iter_content(_CHUNK):
                there += len(chunk)
                if there > self._target.length:
                    file.truncate(0)
                    raise CryptoBotError(
                        f"{response.url} sends more than the {self._target.length} bytes that its signed "
                        "description promises; nothing of it was kept."
                    )
                file.write(chunk)
                self._told(there)
                took = time.monotonic() - began
                if took > _SLOW_AFTER_S and (there - begin) / took < _SLOWEST_BYTES_S:
                    raise CryptoBotError(
                        f"{response.url} is too slow; what arrived is kept for the next try."
                    )
        if there < self._target.length:
            raise CryptoBotError(
                f"The download broke off at {there} of {self._target.length} bytes; `cryptobot update "
                "download` "
                "goes on with it."
            )

    def _verify(self) -> None:
        with self._part.open("rb") as file:
            try:
                self._target.verify_length_and_hashes(file)
            except Exception as error:
                self._part.unlink(missing_ok=True)
                raise CryptoBotError(
                    f"The file {self.path.name} is not the one that was signed ({error}); it was thrown away."
                ) from error


def _begins_at(response: requests.Response, begin: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {begin}-")


def sha256_of(path: Path) -> str:
    """Checksum of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def reason_of(error: BaseException) -> str:
    """What went wrong on the way, in words: the innermost cause."""
    cause: Any = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return str(cause) or type(cause).__name__
