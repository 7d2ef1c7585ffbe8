"""Which Telegram chat speaks for which user: bound by a code that is good once, for ten minutes."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hmac import compare_digest

from ...bus.contracts.notify import ChatLink
from ..database.store import Database
from .models import LinkRow

CODE_VALID_S = 600.0
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LENGTH = 10
_WRONG_ALLOWED = 20


@dataclass(frozen=True, slots=True)
class Link:
    """A chat that is bound."""

    chat_id: int
    user: str
    title: str
    linked_ms: int
    last_ms: int

    def told(self) -> ChatLink:
        return ChatLink(
            id=str(self.chat_id),
            user=self.user,
            title=self.title,
            linked_ms=self.linked_ms,
            last_ms=self.last_ms,
        )


class Links:
    """All links, in memory and in the database; codes are in memory alone and end with the process."""

    def __init__(self, database: Database, now_s: Callable[[], float] = time.time) -> None:
        self._database, self._now_s = database, now_s
        self._links = {
            int(row.chat_id): Link(
                int(row.chat_id), str(row.user), str(row.title), int(row.linked_ms), int(row.last_ms)
            )
            for row in LinkRow.select()
        }
        self._codes: dict[str, tuple[str, float]] = {}
        self._wrong = 0

    def all(self) -> list[Link]:
        """Oldest first."""
        return sorted(self._links.values(), key=lambda one: one.linked_ms)

    def of(self, chat_id: int) -> Link | None:
        """The link of a chat."""
        return self._links.get(chat_id)

    def begin(self, user: str) -> tuple[str, int]:
        """A new code for a user, and when it ends (milliseconds); an earlier one of that user ends now."""
        self._codes = {code: one for code, one in self._codes.items() if one[0] != user}
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        expires_s = self._now_s() + CODE_VALID_S
        self._codes[code] = (user, expires_s)
        self._wrong = 0
        return code, int(expires_s * 1000)

    async def redeem(self, code: str, chat_id: int, title: str) -> Link | None:
        """Bind a chat; None when the code is not good. After too many wrong ones none is good any more."""
        now_s = self._now_s()
        self._codes = {known: one for known, one in self._codes.items() if one[1] > now_s}
        given = code.strip().upper().encode()
        found = next((known for known in self._codes if compare_digest(known.encode(), given)), None)
        if found is None:
            self._wrong += 1
            if self._wrong >= _WRONG_ALLOWED:
                self._codes.clear()
            return None
        user, _ = self._codes.pop(found)
        now_ms = int(now_s * 1000)
        link = Link(chat_id, user, title[:120], now_ms, now_ms)
        await self._database.run(self._write, link)
        self._links[chat_id] = link
        return link

    async def seen(self, chat_id: int) -> None:
        """A linked chat said something."""
        link = self._links.get(chat_id)
        if link is not None:
            link = replace(link, last_ms=int(self._now_s() * 1000))
            self._links[chat_id] = link
            await self._database.run(self._write, link)

    async def end(self, chat_id: int) -> Link | None:
        """Unbind a chat; None when it was bound to nobody."""
        link = self._links.pop(chat_id, None)
        if link is not None:
            await self._database.run(self._remove, chat_id)
        return link

    def _write(self, link: Link) -> None:
        with self._database.transaction():
            self._remove(link.chat_id)
            LinkRow.insert(
                chat_id=link.chat_id,
                user=link.user[:80],
                title=link.title,
                linked_ms=link.linked_ms,
                last_ms=link.last_ms,
            ).execute()

    @staticmethod
    def _remove(chat_id: int) -> None:
        LinkRow.delete().where(LinkRow.chat_id == chat_id).execute()
