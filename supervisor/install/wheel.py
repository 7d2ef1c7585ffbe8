"""Reading a wheel that nobody vouched for yet. A bundle of a strategy (`.cryptobot-strategy`) is a wheel too.

Nothing is unpacked here, and no byte is handed on that is not the one its RECORD promised.
"""

import base64
import csv
import email.parser
import hashlib
import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...configs.errors import UsageError

BUNDLE = ".cryptobot-strategy"
SIGNATURE = "RECORD.jws"
_MOST_FILES, _MOST_BYTES = 20_000, 512 * 1024 * 1024
_ENCRYPTED = 0x1
_PART = re.compile(r"[A-Za-z0-9_.+!-]+")
_GROUPS = "cryptobot."


@dataclass(frozen=True, slots=True)
class Facts:
    """What a wheel says of itself.

    Args:
        record: hexadecimal SHA-256 by path, as RECORD has them.
        provides: names by kind, such as {"strategies": ("my-idea",)}.
        top: names of the modules and packages that can be imported from it.
    """

    name: str
    version: str
    summary: str
    tags: tuple[str, ...]
    requires: tuple[str, ...]
    requires_python: str
    info: str
    record: dict[str, str]
    provides: dict[str, tuple[str, ...]]
    top: tuple[str, ...]

    @property
    def folder(self) -> str:
        """The name of the folder that it is unpacked to."""
        return f"{self.name}-{self.version}"


class Wheel:
    """An open wheel file; use it in a `with`.

    Raises:
        UsageError: it is no wheel, or one that could do harm by being unpacked.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            reason = getattr(error, "strerror", None) or "it is no zip archive"
            raise UsageError(f"{path} cannot be read as an add-on: {reason}.") from error
        try:
            self._members = self._checked()
            self.info = self._info_folder()
            self.record_text = self._plain("RECORD")
            self.facts = self._facts()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> "Wheel":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def signature(self) -> bytes | None:
        """The signature of RECORD, when there is one."""
        name = f"{self.info}/{SIGNATURE}"
        return self._read(name) if name in self._members else None

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file with its bytes, compared with RECORD.

        Raises:
            UsageError: one is damaged or was changed.
        """
        for name in self._members:
            data = self._read(name)
            if name in self.facts.record and digest(data) != self.facts.record[name]:
                raise UsageError(f"{self.path} was changed: {name} is not what its RECORD says.")
            yield name, data

    def _checked(self) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        seen: set[str] = set()
        for one in self._zip.infolist():
            if one.is_dir():
                continue
            if not _is_tame(one) or one.filename.casefold() in seen:
                raise UsageError(f"{self.path} is refused: {one.filename!r} has no place in an add-on.")
            seen.add(one.filename.casefold())
            members[one.filename] = one
        if len(members) > _MOST_FILES or sum(one.file_size for one in members.values()) > _MOST_BYTES:
            raise UsageError(
                f"{self.path} is refused: it unpacks to more than {_MOST_FILES} files or 512 MiB."
            )
        return members

    def _info_folder(self) -> str:
        folders = {name.split("/")[0] for name in self._members}
        found = [name for name in folders if name.endswith(".dist-info")]
        if len(found) != 1:
            raise UsageError(f"{self.path} is no wheel: it has {len(found)} .dist-info folders, not one.")
        return found.pop()

    def _facts(self) -> Facts:
        metadata = email.parser.Parser().parsestr(self._plain("METADATA"))
        wheel = email.parser.Parser().parsestr(self._plain("WHEEL"))
        name = re.sub(r"[-_.]+", "-", metadata.get("Name", "")).lower()
        version = metadata.get("Version", "")
        if not _PART.fullmatch(name) or not _PART.fullmatch(version):
            raise UsageError(f"{self.path} is no wheel: its METADATA names no usable Name and Version.")
        return Facts(
            name=name,
            version=version,
            summary=metadata.get("Summary", ""),
            tags=tuple(wheel.get_all("Tag", [])),
            requires=tuple(metadata.get_all("Requires-Dist", [])),
            requires_python=metadata.get("Requires-Python", ""),
            info=self.info,
            record=self._record(),
            provides=self._provides(),
            top=tuple(sorted({_top(one) for one in self._members if not one.startswith(self.info)})),
        )

    def _record(self) -> dict[str, str]:
        """The hashes; every file but RECORD and its signature needs one, and nothing may be missing."""
        found = {path: _hexadecimal(value) for path, value in record_rows(self.record_text)}
        unhashed = {f"{self.info}/RECORD", f"{self.info}/{SIGNATURE}"}
        hashed = {path: value for path, value in found.items() if path not in unhashed}
        wrong = sorted((set(self._members) - unhashed) ^ set(hashed))
        wrong += sorted(path for path, value in hashed.items() if not value)
        if wrong:
            raise UsageError(f"{self.path} is refused: its RECORD does not account for {wrong[0]}.")
        return hashed

    def _provides(self) -> dict[str, tuple[str, ...]]:
        if f"{self.info}/entry_points.txt" not in self._members:
            return {}
        parser = ConfigParser(delimiters=("=",))
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        try:
            parser.read_string(self._plain("entry_points.txt"))
        except ConfigError as error:
            raise UsageError(f"{self.path} is refused: its entry_points.txt cannot be read.") from error
        groups = [group for group in parser.sections() if group.startswith(_GROUPS)]
        return {group.removeprefix(_GROUPS): tuple(parser[group]) for group in groups}

    def _plain(self, name: str) -> str:
        try:
            return self._read(f"{self.info}/{name}").decode("utf-8")
        except (KeyError, UnicodeDecodeError) as error:
            raise UsageError(f"{self.path} is no wheel: it has no readable {self.info}/{name}.") from error

    def _read(self, name: str) -> bytes:
        try:
            return self._zip.read(self._members[name])
        except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, EOFError) as error:
            raise UsageError(f"{self.path} is damaged: {name} cannot be unpacked.") from error


def digest(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def record_rows(text: str) -> list[tuple[str, str]]:
    """Path and hash of each line of a RECORD."""
    return [(row[0], row[1]) for row in csv.reader(io.StringIO(text)) if len(row) == 3]


def record_line(path: str, data: bytes) -> str:
    """The line of RECORD for a file."""
    value = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={value},{len(data)}\n"


def record_hashes(text: str) -> dict[str, str]:
    """Hexadecimal SHA-256 by path; "" for what has none."""
    return {path: _hexadecimal(value) for path, value in record_rows(text)}


def _hexadecimal(value: str) -> str:
    kind, _, text = value.partition("=")
    if kind != "sha256" or not re.fullmatch(r"[A-Za-z0-9_-]{43}", text):
        return ""
    return base64.urlsafe_b64decode(text + "=").hex()


def _is_tame(one: zipfile.ZipInfo) -> bool:
    """A plain file that stays below the folder it is unpacked to, on every operating system."""
    path = PurePosixPath(one.filename)
    kind = stat.S_IFMT(one.external_attr >> 16)
    if one.flag_bits & _ENCRYPTED or kind not in (0, stat.S_IFREG) or path.is_absolute():
        return False
    if path.suffix in (".pyc", ".pth") or path.parts[0].endswith(".data"):
        return False
    return str(path) == one.filename and all(
        part != ".." and not part.startswith(".") and not any(sign in part for sign in '\\:*?"<>|\0')
        for part in path.parts
    )


def _top(path: str) -> str:
    first = path.split("/")[0]
    return first.split(".")[0] if "/" not in path else first
