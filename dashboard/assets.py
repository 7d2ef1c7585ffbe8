"""Static files: read once, compressed once, served under a name that changes with their content."""

import gzip
import hashlib
import mimetypes
import posixpath
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HSTS = "max-age=31536000"
PREFIX = "/static/"
FOLDER = Path(__file__).parent / "static"
_IMPORT = re.compile(r'^(?:import|\} from|import .* from) "(\.[^"]+)";', re.MULTILINE)
_COMPRESSED = {".js", ".mjs", ".css", ".svg", ".json"}
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it goes over the wire. `packed` is gzip, empty when the type does not shrink."""

    content_type: str
    plain: bytes
    packed: bytes


class Assets:
    """All static files of the dashboard, in memory (a megabyte).

    Every address carries one hash over the whole tree, so scripts can import their neighbours by relative
    address and a browser may keep everything for ever.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files: dict[str, Asset] = {}
        self._modules: dict[str, list[str]] = {}
        digest = hashlib.sha256()
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name, data = path.relative_to(folder).as_posix(), path.read_bytes()
                digest.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
                self._files[name] = _asset(path, data)
        self.version = digest.hexdigest()[:12]

    def url(self, name: str) -> str:
        """The address of a file, named relative to the static folder.

        Raises:
            KeyError: there is no such file.
        """
        if name not in self._files:
            raise KeyError(f"There is no static file {name!r} in the dashboard.")
        return f"{PREFIX}{self.version}/{name}"

    def modules(self, script: str) -> list[str]:
        """A script and all modules that it imports, however deep, each once: a page names them all, so that a
        browser need not find one after the other.

        Raises:
            KeyError: there is no such script.
        """
        if script not in self._modules:
            found = [script]
            for name in found:
                folder = posixpath.dirname(name)
                text = self._files[name].plain.decode()
                near = dict.fromkeys(posixpath.normpath(f"{folder}/{one}") for one in _IMPORT.findall(text))
                found += [one for one in near if one not in found]
            self._modules[script] = found
        return self._modules[script]

    def names(self) -> list[str]:
        """All files, sorted."""
        return list(self._files)

    def size(self, name: str) -> int:
        """Bytes on the wire for a browser that takes gzip."""
        asset = self._files[name]
        return len(asset.packed or asset.plain)

    async def __call__(self, scope: Scope, send: Send) -> None:
        """Answer one ASGI request for a static file."""
        version, _, name = scope["path"].removeprefix(PREFIX).partition("/")
        asset = self._files.get(name)
        if asset is None or scope["method"] not in ("GET", "HEAD"):
            await _respond(send, 404, [(b"content-type", b"text/plain")], b"There is no such file.")
            return
        headers = [(b"content-type", asset.content_type.encode()), (b"x-content-type-options", b"nosniff")]
        headers.append((b"strict-transport-security", HSTS.encode()))
        current = version == self.version
        headers.append((b"cache-control", b"public, max-age=31536000, immutable" if current else b"no-cache"))
        body = asset.plain
        if asset.packed:
            headers.append((b"vary", b"accept-encoding"))
            if b"gzip" in _header(scope, b"accept-encoding"):
                headers.append((b"content-encoding", b"gzip"))
                body = asset.packed
        headers.append((b"content-length", str(len(body)).encode()))
        await _respond(send, 200, headers, b"" if scope["method"] == "HEAD" else body)


def _asset(path: Path, data: bytes) -> Asset:
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain; charset=utf-8"
    packed = gzip.compress(data, 9, mtime=0) if path.suffix in _COMPRESSED else b""
    return Asset(content_type=kind, plain=data, packed=packed if len(packed) < len(data) else b"")


def _header(scope: Scope, name: bytes) -> bytes:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""


async def _respond(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
