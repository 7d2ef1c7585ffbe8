"""The delivery log: what is to be sent is in it before anything is sent, and stays in it afterwards.

Everything here runs on the database's own thread (`Database.run`), or on the caller's in tests.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ...bus.contracts.notify import DeliveryEntry
from ..database.store import Database
from .models import DeliveryRow, FaultRow, NoteRow
from .news import News
from .parcels import Waiting
from .rules import Pick, is_told_again

WAITING, SENDING, SENT, FAILED, DROPPED = "waiting", "sending", "sent", "failed", "dropped"
MOST_AT_ONCE = 500
"""So many notices of one channel are looked at together; the others come in the next round."""


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """Where messages go: a channel, and for Telegram the chat."""

    channel: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Addressed:
    """A pick, with the chats (or "" alone) that its channel reaches."""

    pick: Pick
    targets: tuple[str, ...] = ("",)


class Outbox:
    """The tables of deliveries and of faults that were told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, news: News, addressed: Iterable[Addressed], now_ms: int, repeat_after_s: float) -> int:
        """Write down what is to be sent; how many deliveries that makes. The same news make none again."""
        with self._database.transaction():
            if news.key and not self._is_told(news, now_ms, repeat_after_s):
                return 0
            rows = [_row(news, one.pick, target, now_ms) for one in addressed for target in one.targets]
            made = 0
            for row in rows:
                made += int(DeliveryRow.insert(row).on_conflict_ignore().execute() is not None)
            if news.key and rows:
                _note_fault(news, now_ms)
        return made

    def _is_told(self, news: News, now_ms: int, repeat_after_s: float) -> bool:
        known = FaultRow.get_or_none(FaultRow.key == news.key[:160])
        if news.over:
            return known is not None
        told = None if known is None else (str(known.severity), int(known.told_ms))
        return is_told_again(news.severity, told, now_ms, repeat_after_s)

    def recover(self) -> int:
        """After a start: what was being sent when an earlier life ended is sent (perhaps again)."""
        changed = DeliveryRow.update(state=WAITING).where(DeliveryRow.state == SENDING).execute()
        return int(changed)

    def routes_due(self, now_ms: int) -> list[Route]:
        """Where something waits whose time has come."""
        query = (
            DeliveryRow.select(DeliveryRow.channel, DeliveryRow.target)
            .where(DeliveryRow.state == WAITING, DeliveryRow.due_ms <= now_ms)
            .distinct()
        )
        return sorted(Route(row.channel, row.target) for row in query)

    def next_due_ms(self, now_ms: int) -> int:
        """When the next thing becomes due; 0 when nothing waits."""
        row = (
            DeliveryRow.select(DeliveryRow.due_ms)
            .where(DeliveryRow.state == WAITING, DeliveryRow.due_ms > now_ms)
            .order_by(DeliveryRow.due_ms)
            .first()
        )
        return 0 if row is None else int(row.due_ms)

    def due(self, route: Route, now_ms: int, *, urgent_only: bool = False) -> list[Waiting]:
        """What is to be sent to a route now: what is urgent first, else the oldest first."""
        query = (
            DeliveryRow.select()
            .where(
                DeliveryRow.state == WAITING,
                DeliveryRow.due_ms <= now_ms,
                DeliveryRow.channel == route.channel,
                DeliveryRow.target == route.target,
            )
            .order_by(DeliveryRow.urgent.desc(), DeliveryRow.id)
            .limit(MOST_AT_ONCE)
        )
        if urgent_only:
            query = query.where(DeliveryRow.urgent == 1)
        return [_waiting(row) for row in query]

    def begin(self, ids: Sequence[int], batch: str) -> None:
        """They are about to be sent, as one message."""
        DeliveryRow.update(state=SENDING, batch=batch, attempts=DeliveryRow.attempts + 1).where(
            DeliveryRow.id << list(ids)
        ).execute()

    def sent(self, ids: Sequence[int], now_ms: int) -> None:
        """They are delivered."""
        DeliveryRow.update(state=SENT, sent_ms=now_ms, error="").where(DeliveryRow.id << list(ids)).execute()

    def put_off(self, ids: Sequence[int], due_ms: int, error: str) -> None:
        """It did not work; they are tried again."""
        DeliveryRow.update(state=WAITING, due_ms=due_ms, error=error[:2000]).where(
            DeliveryRow.id << list(ids)
        ).execute()

    def give_up(self, ids: Sequence[int], error: str) -> None:
        """They are not tried any more, unless a person wishes so."""
        DeliveryRow.update(state=FAILED, error=error[:2000]).where(DeliveryRow.id << list(ids)).execute()

    def retry(self, entry_id: int, now_ms: int) -> int:
        """Try again what waits or was given up; one (or all, 0). How many that are."""
        again = DeliveryRow.state << [WAITING, FAILED]
        query = DeliveryRow.update(state=WAITING, due_ms=now_ms, created_ms=now_ms).where(again)
        if entry_id:
            query = query.where(DeliveryRow.id == entry_id)
        return int(query.execute())

    def entries(self, channel: str, state: str, before: int, limit: int) -> list[DeliveryEntry]:
        """The log, newest first."""
        query = DeliveryRow.select().order_by(DeliveryRow.id.desc()).limit(limit)
        if channel:
            query = query.where(DeliveryRow.channel == channel)
        if state:
            query = query.where(DeliveryRow.state == state)
        if before:
            query = query.where(DeliveryRow.id < before)
        return [_entry(row) for row in query]

    def summary(self, channel: str) -> tuple[int, int, int, str]:
        """Of a channel: how many wait, when it last worked, when it last did not, and why."""
        mine = DeliveryRow.channel == channel
        waiting = DeliveryRow.select().where(mine, DeliveryRow.state << [WAITING, SENDING]).count()
        sent = (
            DeliveryRow.select()
            .where(mine, DeliveryRow.state == SENT)
            .order_by(DeliveryRow.sent_ms.desc())
            .first()
        )
        bad = (
            DeliveryRow.select().where(mine, DeliveryRow.error != "").order_by(DeliveryRow.id.desc()).first()
        )
        return (
            waiting,
            0 if sent is None else int(sent.sent_ms),
            0 if bad is None else int(bad.created_ms),
            "" if bad is None else str(bad.error),
        )

    def forget(self, before_ms: int) -> None:
        """Remove what ended before that."""
        ended = DeliveryRow.state << [SENT, FAILED, DROPPED]
        DeliveryRow.delete().where(ended, DeliveryRow.created_ms < before_ms).execute()

    def number(self, name: str) -> int:
        """A remembered number; 0 when there is none."""
        row = NoteRow.get_or_none(NoteRow.name == name)
        return 0 if row is None else int(row.value)

    def keep_number(self, name: str, value: int) -> None:
        with self._database.transaction():
            NoteRow.delete().where(NoteRow.name == name).execute()
            NoteRow.insert(name=name, value=value).execute()


def _note_fault(news: News, now_ms: int) -> None:
    FaultRow.delete().where(FaultRow.key == news.key[:160]).execute()
    if not news.over:
        FaultRow.insert(key=news.key[:160], severity=news.severity[:16], told_ms=now_ms).execute()


def _row(news: News, pick: Pick, target: str, now_ms: int) -> dict[str, Any]:
    return {
        "origin": news.origin,
        "channel": pick.channel,
        "target": target,
        "rule": pick.rule,
        "topic": news.topic[:160],
        "key": news.key[:160],
        "severity": news.severity[:16],
        "title": news.title[:255],
        "text": news.text[:4000],
        "files": msgspec.json.encode(list(news.files)).decode(),
        "urgent": news.urgent,
        "digest": pick.digest,
        "state": WAITING,
        "attempts": 0,
        "error": "",
        "created_ms": now_ms,
        "due_ms": pick.due_ms,
        "sent_ms": 0,
        "batch": "",
    }


def _waiting(row: DeliveryRow) -> Waiting:
    return Waiting(
        id=int(row.id),
        severity=str(row.severity),
        title=str(row.title),
        text=str(row.text),
        urgent=bool(row.urgent),
        digest=bool(row.digest),
        files=tuple(msgspec.json.decode(row.files, type=list[str])),
        attempts=int(row.attempts),
        created_ms=int(row.created_ms),
    )


_NUMBERS = ("id", "attempts", "created_ms", "due_ms", "sent_ms")
_TEXTS = (
    "channel", "target", "rule", "topic", "severity", "title", "text", "state", "error", "batch"
)  # fmt: skip


def _entry(row: DeliveryRow) -> DeliveryEntry:
    values: dict[str, Any] = {name: int(getattr(row, name)) for name in _NUMBERS}
    values |= {name: str(getattr(row, name)) for name in _TEXTS}
    return DeliveryEntry(**values)
