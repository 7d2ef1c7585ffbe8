"""Owner: the room of the databases, in each service that keeps tables. Numbers 0x048x."""

from .base import Message, message


@message(0x0480)
class DatabaseHealth(Message, frozen=True, kw_only=True, gc=False):
    """How one service's database does; on `service.database.NAME`, every ten seconds and at each change.

    Args:
        engine: sqlite, sqlcipher, postgresql or mariadb.
        state: ok, slow, away, full, read-only or broken; `detail` says why in a sentence.
        latency_ms: of the slowest answer or transaction since the message before.
        free_bytes: room where the file is; 0 is not known, as on a server.
        busy, waiting: connections of the pool in use, and calls that wait for one.
    """

    name: str
    engine: str
    where: str
    state: str
    detail: str
    latency_ms: float
    size_bytes: int
    free_bytes: int
    connections: int
    busy: int
    waiting: int
