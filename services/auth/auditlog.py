"""The audit log: every audit event of the platform, once, in a chain of seals.

Each seal is an HMAC with the machine's key over the entry and the seal before; the newest is also kept in a
file beside the key. So a changed, removed or cut-off entry is noticed, even when the database was written to.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from ...bus import topics
from ...bus.api import AsyncBusApi, Received, Request
from ...bus.contracts.auth import AuditEntry, AuditLog, AuditReport, ListAudit, VerifyAudit
from ...bus.contracts.service import Audit
from ...configs.files import replace
from ..database.fields import fn
from ..database.store import Database
from .context import printable
from .models import AuditRow

MAX_LISTED = 5000


class AuditDesk:
    """Writes the log and answers questions about it.

    Args:
        key: the machine's key.
        head: file that notes the newest entry.
        now_ms: wall clock.
    """

    def __init__(
        self, bus: AsyncBusApi, database: Database, key: bytes, head: Path, now_ms: Callable[[], int]
    ) -> None:
        self._bus, self._database, self._now_ms, self._head = bus, database, now_ms, head
        self._key = hmac.new(key, b"audit log", hashlib.sha256).digest()

    def serve(self) -> None:
        """Listen to all audit events, those of while auth was down as well, and answer requests."""
        self._bus.subscribe(topics.AUDIT, Audit, self._take, durable="audit-log")
        self._bus.serve(ListAudit, self._list)
        self._bus.serve(VerifyAudit, self._verify)

    def _take(self, received: Received[Audit]) -> None:
        event = received.message
        origin = f"{received.source}:{received.epoch}:{received.topic}:{received.seq}"[-120:]
        with self._database.transaction():
            if AuditRow.select().where(AuditRow.origin == origin).exists():
                return
            last = AuditRow.select().order_by(AuditRow.number.desc()).first()
            row = AuditRow(
                number=last.number + 1 if last else 1,
                origin=origin,
                ts_ms=received.ts_ns // 1_000_000,
                source=received.source[:40],
                kind=printable(event.kind[:20]),
                actor=printable(event.actor[:80]),
                action=printable(event.action[:80]),
                subject=printable(event.subject[:255]),
                detail=printable(event.detail[:4000]),
                ok=event.ok,
            )
            row.seal = self._seal(row, last.seal if last else "")
            row.save(force_insert=True)
        replace(self._head, f"{row.number} {row.seal}\n".encode())

    def _list(self, request: Request[ListAudit]) -> AuditLog:
        wish = request.message
        query = AuditRow.select().order_by(AuditRow.number.desc())
        if wish.kind:
            query = query.where(AuditRow.kind == wish.kind)
        if wish.actor:
            query = query.where(AuditRow.actor == wish.actor)
        if wish.since_ms:
            query = query.where(AuditRow.ts_ms >= wish.since_ms)
        if wish.before:
            query = query.where(AuditRow.number < wish.before)
        if wish.search:
            # In small letters on both sides: engines differ in whether they tell them apart.
            columns = (AuditRow.detail, AuditRow.subject, AuditRow.action)
            found = [fn.LOWER(column).contains(wish.search.lower()) for column in columns]
            query = query.where(found[0] | found[1] | found[2])
        return AuditLog(entries=[_told(row) for row in query.limit(max(1, min(wish.limit, MAX_LISTED)))])

    async def _verify(self, request: Request[VerifyAudit]) -> AuditReport:
        return await self._database.read(self._check_all)

    def _check_all(self) -> AuditReport:
        before, count = "", 0
        for row in AuditRow.select().order_by(AuditRow.number).iterator():
            count += 1
            if row.number != count:
                return AuditReport(ok=False, entries=count, wrong_number=count, reason="the entry is missing")
            if not hmac.compare_digest(row.seal, self._seal(row, before)):
                return AuditReport(ok=False, entries=count, wrong_number=count, reason="its seal is wrong")
            before = row.seal
        return self._check_head(count)

    def _check_head(self, count: int) -> AuditReport:
        try:
            number, seal = self._head.read_text(encoding="ascii").split()
        except FileNotFoundError:
            ok = count == 0
            return AuditReport(
                ok=ok, entries=count, reason="" if ok else "the note of the newest entry is missing"
            )
        except ValueError:
            return AuditReport(ok=False, entries=count, reason="the note of the newest entry is damaged")
        row = AuditRow.get_or_none(AuditRow.number == int(number))
        if row is None or not hmac.compare_digest(row.seal, seal):
            return AuditReport(
                ok=False, entries=count, wrong_number=int(number), reason="the end was cut off"
            )
        return AuditReport(ok=True, entries=count)

    def _seal(self, row: AuditRow, before: str) -> str:
        return hmac.new(self._key, msgspec.json.encode([before, *_fields(row)]), hashlib.sha256).hexdigest()


def _fields(row: AuditRow) -> Iterable[object]:
    fields = (row.number, row.origin, row.ts_ms, row.source, row.kind, row.actor, row.action, row.subject)
    return (*fields, row.detail, bool(row.ok))


def _told(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        number=row.number,
        ts_ms=row.ts_ms,
        source=row.source,
        kind=row.kind,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        detail=row.detail,
        ok=row.ok,
        seal=row.seal,
    )
