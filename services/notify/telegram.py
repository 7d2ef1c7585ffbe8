"""The bot's ear: long polling, who may speak, what is asked back, what is written down.

An update is noted as taken before it is carried out: a command whose process dies is never carried out twice.
"""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from ...bus import topics
from ...bus.api import AsyncBusApi
from ...bus.contracts.auth import ListUsers, User, Users, permits
from ...bus.contracts.notify import DELIVERIES, DeliveryChanged
from ...bus.contracts.service import Audit
from ...configs.accounts import MAIN
from ...configs.errors import BusTimeoutError, CryptoBotError, UsageError
from ..database.store import Database
from .botapi import BotApi, BotApiError
from .commands import COMMANDS, Asked, Command, failure, help_text
from .links import Link, Links
from .outbox import Outbox

UPDATE = "update"
_SLACK_S = 10.0
_LONGEST_PAUSE_S = 60.0
_MOST_A_MINUTE = 20
_MOST_TEXT = 4000
_REFUSED = frozenset({401, 404})
_STRANGER_AGAIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Pending:
    """A command that waits for a yes."""

    chat_id: int
    name: str
    words: tuple[str, ...]
    until: float


@dataclass(frozen=True, slots=True)
class Person:
    """Who speaks, and what they may do now."""

    user: str
    permissions: list[str]

    @property
    def actor(self) -> str:
        return f"telegram:{self.user}"

    def may(self, permission: str, resource: str = "") -> bool:
        """Is it permitted, on this resource?"""
        return permits(self.permissions, permission, resource)


class Telegram:
    """One bot and the people who are linked to it."""

    def __init__(
        self,
        api: BotApi,
        bus: AsyncBusApi,
        links: Links,
        database: Database,
        outbox: Outbox,
        log: structlog.typing.FilteringBoundLogger,
        *,
        poll_s: int,
        confirm_s: Callable[[], float],
        mute: Callable[[float], Awaitable[None]],
        accounts: Sequence[str] = (MAIN,),
    ) -> None:
        self._accounts = tuple(accounts)
        self._api, self._bus, self._links = api, bus, links
        self._database, self._outbox, self._log = database, outbox, log
        self._poll_s, self._confirm_s, self._mute = poll_s, confirm_s, mute
        self._pending: dict[str, Pending] = {}
        self._said: dict[int, deque[float]] = {}
        self._strangers: dict[int, float] = {}
        self.bot = ""
        self.problem = "The bot was not asked yet"

    async def run(self) -> None:
        """Poll for the service's lifetime; what goes wrong is told in `problem` and tried again."""
        offset = await self._database.run(self._outbox.number, UPDATE) + 1
        pause_s = 1.0
        while True:
            try:
                if not self.bot:
                    await self._introduce()
                updates = await self._api.call(
                    "getUpdates",
                    within_s=self._poll_s + _SLACK_S,
                    offset=offset,
                    timeout=self._poll_s,
                    allowed_updates=["message", "callback_query"],
                )
                self.problem, pause_s = "", 1.0
            except BotApiError as error:
                pause_s = await self._troubled(error, pause_s)
                continue
            for update in updates if isinstance(updates, list) else []:
                number = update.get("update_id") if isinstance(update, dict) else None
                if isinstance(number, int):
                    offset = number + 1
                    await self._database.run(self._outbox.keep_number, UPDATE, number)
                    await self._take(update)

    async def _introduce(self) -> None:
        me = await self._api.call("getMe")
        menu = [{"command": name, "description": one.help} for name, one in COMMANDS.items()]
        await self._api.call("setMyCommands", commands=menu)
        self.bot = str(me.get("username", "")) if isinstance(me, dict) else ""
        self._log.info("the Telegram bot answers", bot=self.bot)

    async def _troubled(self, error: BotApiError, pause_s: float) -> float:
        if error.reason != self.problem:
            self._log.warning("no commands from Telegram", reason=error.reason)
        self.problem = error.reason
        refused = error.code in _REFUSED
        await asyncio.sleep(error.retry_after_s or (_LONGEST_PAUSE_S if refused else pause_s))
        return min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _take(self, update: dict[str, Any]) -> None:
        try:
            if isinstance(update.get("message"), dict):
                await self._hear(update["message"])
            elif isinstance(update.get("callback_query"), dict):
                await self._pressed(update["callback_query"])
        except BotApiError as error:
            self._log.warning("an answer did not reach Telegram", reason=error.reason)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._log.warning("an update of Telegram is not understood", reason=repr(error))

    # What was said

    async def _hear(self, message: dict[str, Any]) -> None:
        chat, text = message["chat"], message.get("text")
        if chat.get("type") != "private" or not isinstance(text, str):
            return
        chat_id, words = int(chat["id"]), text.split()
        link = self._links.of(chat_id)
        if link is None:
            await self._stranger(chat, words)
            return
        if not self._is_patient(chat_id):
            return
        await self._links.seen(chat_id)
        if words:
            await self._command(link, words[0].partition("@")[0].lower().removeprefix("/"), tuple(words[1:]))

    async def _stranger(self, chat: dict[str, Any], words: list[str]) -> None:
        """Nobody we know: a good code links the chat, anything else is a line in the log and no answer."""
        chat_id, title = int(chat["id"]), _title(chat)
        if len(words) == 2 and words[0] in ("/start", "/link"):
            link = await self._links.redeem(words[1], chat_id, title)
            if link is not None:
                self._audit("user", f"telegram:{link.user}", "link chat", title, str(chat_id))
                self._bus.publish(DELIVERIES, DeliveryChanged(id=0, channel="telegram", state="linked"))
                await self._say(
                    chat_id, f"This chat speaks for {link.user} now. /help lists what you can do."
                )
                return
        now = time.monotonic()
        if now - self._strangers.get(chat_id, -_STRANGER_AGAIN_S) >= _STRANGER_AGAIN_S:
            self._log.warning("a Telegram chat that is linked to nobody wrote to the bot", chat=chat_id)
            self._strangers = {one: at for one, at in self._strangers.items() if now - at < _STRANGER_AGAIN_S}
            self._strangers[chat_id] = now

    def _is_patient(self, chat_id: int) -> bool:
        now, said = time.monotonic(), self._said.setdefault(chat_id, deque())
        while said and now - said[0] > 60:
            said.popleft()
        if len(said) >= _MOST_A_MINUTE:
            self._log.warning("a Telegram chat asks too much", chat=chat_id)
            return False
        said.append(now)
        return True

    async def _command(self, link: Link, name: str, words: tuple[str, ...]) -> None:
        chat_id = link.chat_id
        if name == "unlink":
            await self.unlink(chat_id, f"telegram:{link.user}")
            await self._say(chat_id, "This chat speaks for nobody any more.")
            return
        if name in ("yes", "no") and words:
            await self._decided(link, words[0], yes=name == "yes")
            return
        person = await self._person(link)
        if isinstance(person, str):
            await self._say(chat_id, person)
            return
        command = COMMANDS.get(name)
        if command is None or (name == "start" and not words):
            await self._say(chat_id, help_text(person.permissions))
        elif await self._is_allowed(link, person, name, command, words):
            if command.question:
                await self._ask_back(chat_id, name, command, words)
            else:
                await self._say(chat_id, await self._carry_out(person, name, command, words))

    async def _is_allowed(
        self, link: Link, person: Person, name: str, command: Command, words: tuple[str, ...]
    ) -> bool:
        if command.usage and not command.usage.startswith("[") and not words:
            await self._say(link.chat_id, f"Write /{name} {command.usage}.")
            return False
        if person.may(command.permission, words[0] if command.on_resource else ""):
            return True
        self._audit("system", person.actor, f"telegram {name}", " ".join(words), "not permitted", ok=False)
        await self._say(link.chat_id, f"You lack the permission {command.permission}.")
        return False

    # Yes or no

    async def _ask_back(self, chat_id: int, name: str, command: Command, words: tuple[str, ...]) -> None:
        now = time.monotonic()
        self._pending = {key: one for key, one in self._pending.items() if one.until > now}
        nonce = secrets.token_hex(4)
        self._pending[nonce] = Pending(chat_id, name, words, now + self._confirm_s())
        question = command.question.format(" ".join(words))
        keys = [
            [
                {"text": "Yes", "callback_data": f"yes {nonce}"},
                {"text": "No", "callback_data": f"no {nonce}"},
            ]
        ]
        text = f"{question}\nPress Yes, or write /yes {nonce} within {self._confirm_s():g} s."
        await self._say(chat_id, text, reply_markup={"inline_keyboard": keys})

    async def _pressed(self, query: dict[str, Any]) -> None:
        chat = query["message"]["chat"]
        link = self._links.of(int(chat["id"]))
        if link is None or int(query["from"]["id"]) != link.chat_id or chat.get("type") != "private":
            self._log.warning("a button of somebody who is not linked", chat=chat.get("id"))
            return
        await self._api.call("answerCallbackQuery", callback_query_id=str(query["id"]))
        verb, _, nonce = str(query.get("data", "")).partition(" ")
        if verb in ("yes", "no"):
            await self._decided(link, nonce, yes=verb == "yes")

    async def _decided(self, link: Link, nonce: str, *, yes: bool) -> None:
        pending = self._pending.get(nonce)
        if pending is None or pending.chat_id != link.chat_id or pending.until < time.monotonic():
            await self._say(link.chat_id, "That question is not open any more.")
            return
        del self._pending[nonce]
        if not yes:
            await self._say(link.chat_id, "Nothing was done.")
            return
        person = await self._person(link)
        if isinstance(person, str):
            await self._say(link.chat_id, person)
            return
        command = COMMANDS[pending.name]
        # What one may do can have changed since the question.
        if await self._is_allowed(link, person, pending.name, command, pending.words):
            done = await self._carry_out(person, pending.name, command, pending.words)
            await self._say(link.chat_id, done)

    # Doing it

    async def _person(self, link: Link) -> Person | str:
        """Who a chat speaks for; a sentence when that is nobody now."""
        try:
            users = await self._bus.request("auth", ListUsers(), Users)
        except CryptoBotError as error:
            return f"Who you are cannot be checked now: {error}"
        found: User | None = next((one for one in users.users if one.name == link.user), None)
        if found is None or found.created_ms > link.linked_ms:
            # Whoever has that name now is somebody else.
            await self.unlink(link.chat_id, "notify")
            return "Your account is gone; this chat speaks for nobody any more."
        if not found.enabled or found.must_change_password:
            self._log.warning("a linked chat speaks for nobody", chat=link.chat_id, user=link.user)
            return "Your account cannot be used now."
        return Person(found.name, users.roles.get(found.role, []))

    async def _carry_out(self, person: Person, name: str, command: Command, words: tuple[str, ...]) -> str:
        asked = Asked(self._bus, person.actor, words, person.may, self._mute, self._accounts)
        try:
            answer, ok = await command.work(asked), True
        except BusTimeoutError as error:
            answer, ok = f"No answer: whether it was done is not known. {error}", False
        except UsageError as error:
            answer, ok = str(error), False
        except CryptoBotError as error:
            answer, ok = failure(error), False
        if command.kind:
            self._audit(command.kind, person.actor, f"telegram {name}", " ".join(words), answer, ok=ok)
        return answer

    async def look_at(self, user: str) -> None:
        """Somebody's sessions ended: their chats hear nothing more when the account is gone or disabled."""
        links = [link for link in self._links.all() if link.user == user]
        if not links:
            return
        try:
            users = (await self._bus.request("auth", ListUsers(), Users)).users
        except CryptoBotError as error:
            self._log.warning("whether a chat still speaks for somebody is not known", reason=str(error))
            return
        found = next((one for one in users if one.name == user), None)
        for link in links:
            if found is None or not found.enabled or found.created_ms > link.linked_ms:
                await self.unlink(link.chat_id, "notify")

    async def unlink(self, chat_id: int, actor: str) -> bool:
        """A chat speaks for nobody any more; whether it did."""
        link = await self._links.end(chat_id)
        if link is None:
            return False
        self._pending = {key: one for key, one in self._pending.items() if one.chat_id != chat_id}
        self._audit("user", actor, "unlink chat", link.title, f"{chat_id} spoke for {link.user}")
        self._bus.publish(DELIVERIES, DeliveryChanged(id=0, channel="telegram", state="unlinked"))
        return True

    async def _say(self, chat_id: int, text: str, **more: Any) -> None:
        await self._api.call("sendMessage", chat_id=chat_id, text=text[:_MOST_TEXT], **more)

    def _audit(
        self, kind: str, actor: str, action: str, subject: str, detail: str, *, ok: bool = True
    ) -> None:
        entry = Audit(
            kind=kind, actor=actor, action=action, subject=subject[:200], detail=detail[:500], ok=ok
        )
        self._bus.publish(topics.audit(kind), entry)


def _title(chat: dict[str, Any]) -> str:
    names = [str(chat[name]) for name in ("first_name", "last_name") if chat.get(name)]
    handle = [f"@{chat['username']}"] if chat.get("username") else []
    return " ".join([*names, *handle]) or "a chat"
