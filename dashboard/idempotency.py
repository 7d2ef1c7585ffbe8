"""`Idempotency-Key`: a POST that is sent again is answered again, and carried out once.

The first answer under a key is kept for a day, over restarts too, in a file of the home. It is sealed with a
key made of the machine's key and the caller's: the file alone gives neither answers (which may hold a
password that is shown once) nor what was asked. The shape is that of the IETF's draft "The Idempotency-Key
HTTP Header Field": the same key with another request is 422, and 409 while the first is under way.
"""

import hashlib
import hmac
import os
import secrets
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import Flask, Response, g, request

from ..configs.machinekey import machine_key
from ..configs.paths import Home
from .problems import ApiProblem

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEEP_S = 86_400
# Of one caller: nobody pushes the answers of others out.
MAX_KEPT = 5_000
MAX_KEY = 255
_NONCE = 12
# Nothing was done: the same key may try again.
_NOTHING_DONE = frozenset({401, 403, 408, 413, 429, 503})
_TABLE = (
    "CREATE TABLE IF NOT EXISTS answers "
    "(id TEXT PRIMARY KEY, asked TEXT NOT NULL, made_s INTEGER NOT NULL, life TEXT NOT NULL, sealed BLOB, "
    "caller TEXT NOT NULL DEFAULT '')"
)
_CALLER = "ALTER TABLE answers ADD COLUMN caller TEXT NOT NULL DEFAULT ''"


class Kept(msgspec.Struct, frozen=True):
    """An answer as it was sent."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under a key of its caller. The texts say nothing without the machine's key."""

    id: str
    caller: str
    digest: str
    cipher: AESGCM


class Answers:
    """The answers of the last day. Used by Flask's threads.

    Args:
        home: whose state folder and machine key are used, from the first request with a key on.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._life = secrets.token_hex(8)
        self._lock = threading.Lock()
        self._opened: sqlite3.Connection | None = None
        self._key = b""

    def about(self, user: str, key: str, what: bytes) -> Asked:
        """A request by who sends it, under which key."""
        with self._lock:
            self._open()
        named = f"{user}\n{key}".encode()
        return Asked(
            id=self._mac(b"id", named).hex(), caller=self._mac(b"caller", user.encode()).hex(),
            digest=self._mac(b"request", what).hex(),
            cipher=AESGCM(self._mac(b"answer", named)),
        )  # fmt: skip

    def begin(self, asked: Asked) -> Kept | None:
        """None for a new request, which is under way from now on; the answer of one that was answered.

        Raises:
            ApiProblem: key_reused, in_progress, outcome_unknown.
        """
        with self._lock:
            database, now = self._open(), int(time.time())
            with database:
                database.execute("DELETE FROM answers WHERE made_s < ?", (now - KEEP_S,))
                row = database.execute(
                    "SELECT asked, life, sealed FROM answers WHERE id = ?", (asked.id,)
                ).fetchone()
                if row is None:
                    self._make_room(database, asked.caller)
                    database.execute(
                        "INSERT INTO answers VALUES (?, ?, ?, ?, NULL, ?)",
                        (asked.id, asked.digest, now, self._life, asked.caller),
                    )
                    return None
        return self._known(asked, *row)

    def finish(self, asked: Asked, kept: Kept) -> None:
        """Keep the answer, or forget the key when nothing was done."""
        with self._lock, self._open() as database:
            if kept.status in _NOTHING_DONE:
                database.execute("DELETE FROM answers WHERE id = ?", (asked.id,))
                return
            nonce = os.urandom(_NONCE)
            sealed = nonce + asked.cipher.encrypt(nonce, msgspec.msgpack.encode(kept), asked.id.encode())
            database.execute("UPDATE answers SET sealed = ? WHERE id = ?", (sealed, asked.id))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _known(self, asked: Asked, digest: str, life: str, sealed: bytes | None) -> Kept:
        if not hmac.compare_digest(digest, asked.digest):
            raise ApiProblem(422, "key_reused", "This Idempotency-Key belongs to another request.")
        if sealed is None and life == self._life:
            raise ApiProblem(409, "in_progress", "The request with this key is being carried out.", 1.0)
        try:
            if sealed is not None:
                plain = asked.cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], asked.id.encode())
                return msgspec.msgpack.decode(plain, type=Kept)
        except (InvalidTag, msgspec.MsgspecError):
            sealed = None  # written under another machine key
        raise ApiProblem(
            409, "outcome_unknown",
            "The dashboard ended while it carried this request out: look whether it was done, and repeat it "
            "under another key.",
        )  # fmt: skip

    def _make_room(self, database: sqlite3.Connection, caller: str) -> None:
        database.execute(
            "DELETE FROM answers WHERE id IN "
            "(SELECT id FROM answers WHERE caller = ? ORDER BY made_s DESC, rowid DESC LIMIT -1 OFFSET ?)",
            (caller, MAX_KEPT - 1),
        )

    def _mac(self, purpose: bytes, value: bytes) -> bytes:
        return hmac.new(self._key, purpose + b"\0" + value, hashlib.sha256).digest()

    def _open(self) -> sqlite3.Connection:
        if self._opened is None:
            self._key = hmac.new(machine_key(self._home), b"idempotent answers", hashlib.sha256).digest()
            folder = self._home.state / "dashboard"
            folder.mkdir(parents=True, exist_ok=True)
            self._opened = _connect(folder / "answers.sqlite")
        return self._opened


def install(app: Flask, answers: Answers) -> None:
    """Put it in front of every POST of the API, behind the checks of access.py."""

    @app.before_request
    def begin() -> Response | None:
        key = request.headers.get(HEADER)
        if key is None or request.method != "POST" or not request.path.startswith("/api/"):
            return None
        if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
            raise ApiProblem(400, "invalid_key", f"{HEADER} has 1 to {MAX_KEY} printable ASCII signs.")
        user = g.session.user if g.get("session") is not None else ""
        what = request.full_path.encode() + b"\n" + request.get_data()
        asked = answers.about(user, key, what)
        kept = answers.begin(asked)
        if kept is None:
            g.asked = asked
            return None
        return Response(kept.body, kept.status, content_type=kept.content_type, headers={REPLAYED: "true"})

    @app.after_request
    def finish(response: Response) -> Response:
        asked: Asked | None = g.pop("asked", None)
        if asked is not None:
            kept = Kept(response.status_code, response.content_type or "", response.get_data())
            answers.finish(asked, kept)
        return response


def _connect(path: Path) -> sqlite3.Connection:
    """The file, for its owner only; a damaged one is begun anew: it holds nothing but what is repeated."""
    if os.name == "posix":
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    try:
        return _prepared(path)
    except sqlite3.DatabaseError:
        path.unlink()
        if os.name == "posix":
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        return _prepared(path)


def _prepared(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False, timeout=5.0)
    try:
        database.execute("PRAGMA synchronous = FULL")
        database.execute(_TABLE)
        if "caller" not in {row[1] for row in database.execute("PRAGMA table_info(answers)")}:
            database.execute(_CALLER)
        database.execute("CREATE INDEX IF NOT EXISTS answers_caller ON answers (caller, made_s)")
        database.commit()
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database
