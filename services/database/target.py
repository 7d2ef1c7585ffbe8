"""Where a database is: a file of the home, or a server named by a URL.

    postgresql://user@host:5432/name?sslmode=verify-full&sslrootcert=/path/ca.pem
    mariadb://user@host:3306/name?ssl_ca=/path/ca.pem

On PostgreSQL each owner has a schema of its own in that database, on MariaDB a database `name_owner`.
Passwords are secrets (`database.password`), not part of the URL. Beyond this machine the connection is
encrypted and the server's certificate verified, unless the URL says `sslmode=require`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from ...configs.errors import SettingsError
from ...configs.paths import Home
from ...configs.schema import DatabaseSettings

_KINDS = {"postgresql": "postgresql", "postgres": "postgresql", "mariadb": "mariadb", "mysql": "mariadb"}
_PORTS = {"postgresql": 5432, "mariadb": 3306}
_LOOPBACK = frozenset({"", "localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class FileTarget:
    """A SQLite file, encrypted or not."""

    path: Path
    encrypted: bool

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class ServerTarget:
    """One owner's place on a server. `options` are those of the URL."""

    kind: str
    owner: str
    host: str
    port: int
    name: str
    user: str
    options: dict[str, str] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Is the server on this machine?"""
        return self.host in _LOOPBACK or self.host.startswith("/")

    def __str__(self) -> str:
        return f"{self.kind}://{self.host or 'localhost'}:{self.port}/{self.name} ({self.owner})"


Target = FileTarget | ServerTarget


def target_of(home: Home, owner: str, settings: DatabaseSettings) -> Target:
    """Where the database of `owner` is.

    Raises:
        SettingsError: the URL cannot be understood, or holds a password.
    """
    if not settings.url:
        return FileTarget(home.databases / f"{owner}.sqlite", settings.encrypted)
    return server_target(settings.url, owner)


def server_target(url: str, owner: str) -> ServerTarget:
    """Read a URL.

    Raises:
        SettingsError: it cannot be understood, or holds a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError(f"database.url cannot be understood ({error}).") from error
    kind = _KINDS.get(parts.scheme, "")
    if not kind:
        raise SettingsError(
            f"database.url begins with {parts.scheme or 'nothing'}; allowed are postgresql:// and "
            f"mariadb://, or nothing at all for SQLite."
        )
    if parts.password:
        raise SettingsError(
            "database.url holds a password; take it out and store it with "
            "`cryptobot secret set database.password`."
        )
    name = unquote(parts.path.strip("/"))
    if not name.replace("_", "").isalnum():
        raise SettingsError("database.url must end with the database's name: letters, digits, underscores.")
    return ServerTarget(
        kind=kind,
        owner=owner.replace("-", "_"),  # a name that needs no quotes on any server
        host=unquote(parts.hostname or ""),
        port=port or _PORTS[kind],
        name=name,
        user=unquote(parts.username or ""),
        options=dict(parse_qsl(parts.query)),
    )
