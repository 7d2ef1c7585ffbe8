"""What the portfolio writes down: fills, flows, the history of equity, rebalances."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from ...bus.contracts.portfolio import RebalancePlan, RebalanceResult
from ...bus.contracts.trade import Fill
from ...configs.paths import Home
from ..accounting.exact import ZERO, add
from ..accounting.executions import key_of
from ..accounting.fund import Fund
from ..database.store import Database, open_database
from .models import MIGRATIONS, MODELS, FlowRow, PointRow, RebalanceRow, SeenFillRow
from .performance import Point
from .taxes import Flow

OPENING, TRANSFER = "opening", "transfer"


@dataclass(frozen=True, slots=True)
class NewFlow:
    """A flow that is to be written."""

    kind: str
    asset: str
    amount: Decimal
    price: Decimal | None


class Keeper:
    """The portfolio's database."""

    def __init__(self, home: Home) -> None:
        self._database: Database = open_database(home, "portfolio", models=MODELS, migrations=MIGRATIONS)

    @property
    def database(self) -> Database:
        """For watching its health."""
        return self._database

    def fills(self) -> list[Fill]:
        """All that were ever seen, oldest first."""
        rows = SeenFillRow.select().order_by(SeenFillRow.ts_ms, SeenFillRow.key).iterator()
        return [msgspec.json.decode(row.body, type=Fill) for row in rows]

    def last_fill_ms(self) -> int | None:
        row = SeenFillRow.select().order_by(SeenFillRow.ts_ms.desc()).first()
        return None if row is None else int(row.ts_ms)

    def keep_fills(self, fills: Iterable[Fill]) -> None:
        """Those that are known stay as they are."""
        with self._database.transaction():
            for fill in fills:
                if SeenFillRow.get_or_none(SeenFillRow.key == key_of(fill)) is None:
                    body = msgspec.json.encode(fill).decode()
                    SeenFillRow.insert(key=key_of(fill), ts_ms=fill.ts_ms, body=body).execute()

    def flows(self) -> list[Flow]:
        """Oldest first."""
        return [
            Flow(row.number, row.ts_ms, row.kind, row.asset, row.amount, row.price)
            for row in FlowRow.select().order_by(FlowRow.number)
        ]

    def transferred(self) -> dict[str, Decimal]:
        """Sum of the transfers, by asset."""
        found: dict[str, Decimal] = {}
        for row in FlowRow.select().where(FlowRow.kind == TRANSFER):
            found[row.asset] = add(found.get(row.asset, ZERO), row.amount)
        return found

    def is_begun(self) -> bool:
        """Whether there is a history."""
        return PointRow.select().first() is not None

    def last(self) -> tuple[Fund, int] | None:
        """The newest units and when they were written."""
        row = PointRow.select().order_by(PointRow.ts_ms.desc()).first()
        return None if row is None else (Fund(row.units, row.price), int(row.ts_ms))

    def keep_point(
        self,
        ts_ms: int,
        currency: str,
        equity: Decimal,
        fund: Fund,
        *,
        flow: Decimal = ZERO,
        flows: Iterable[NewFlow] = (),
    ) -> None:
        """A valuation, and the flows that it counts: all or nothing."""
        with self._database.transaction():
            for one in flows:
                FlowRow.insert(
                    ts_ms=ts_ms, kind=one.kind, asset=one.asset, amount=one.amount, price=one.price
                ).execute()
            PointRow.delete().where(PointRow.ts_ms == ts_ms).execute()
            PointRow.insert(
                ts_ms=ts_ms,
                currency=currency,
                equity=equity,
                flow=flow,
                units=fund.units,
                price=fund.price,
            ).execute()

    def points(self, since_ms: int | None, limit: int, before_ms: int | None = None) -> list[Point]:
        """The newest `limit` of that time, oldest first."""
        query = PointRow.select().order_by(PointRow.ts_ms.desc()).limit(limit)
        if since_ms is not None:
            query = query.where(PointRow.ts_ms >= since_ms)
        if before_ms is not None:
            query = query.where(PointRow.ts_ms < before_ms)
        return [_point(row) for row in reversed(list(query))]

    def turns(self) -> list[Point]:
        """The first point and those with a flow: all that returns depend on beside now."""
        first = PointRow.select().order_by(PointRow.ts_ms).first()
        if first is None:
            return []
        flowed = PointRow.select().where(PointRow.flow != ZERO, PointRow.ts_ms > first.ts_ms)
        return [_point(first), *(_point(row) for row in flowed.order_by(PointRow.ts_ms))]

    def begin(self, plan: RebalancePlan, actor: str, now_ms: int) -> bool:
        """Note that a plan is being carried out; False when it was begun before."""
        with self._database.transaction():
            if RebalanceRow.get_or_none(RebalanceRow.id == plan.id) is not None:
                return False
            RebalanceRow.insert(
                id=plan.id,
                begun_ms=now_ms,
                actor=actor,
                plan=msgspec.json.encode(plan).decode(),
                result="",
            ).execute()
        return True

    def end(self, result: RebalanceResult) -> None:
        text = msgspec.json.encode(result).decode()
        RebalanceRow.update(result=text).where(RebalanceRow.id == result.plan_id).execute()

    def result(self, plan_id: str) -> RebalanceResult | None:
        """How it ended; None while it has not."""
        row = RebalanceRow.get_or_none(RebalanceRow.id == plan_id)
        if row is None or not row.result:
            return None
        return msgspec.json.decode(row.result, type=RebalanceResult)

    def unfinished(self) -> list[RebalancePlan]:
        """Plans that were begun by a life of this service that did not end them."""
        rows = RebalanceRow.select().where(RebalanceRow.result == "")
        return [msgspec.json.decode(row.plan, type=RebalancePlan) for row in rows]

    def close(self) -> None:
        self._database.close()


def _point(row: PointRow) -> Point:
    return Point(int(row.ts_ms), row.equity, row.flow, row.price)
