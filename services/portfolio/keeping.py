"""What the portfolio writes down: fills, flows, the history of equity, rebalances."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from ...bus.contracts.portfolio import RebalancePlan, RebalanceResult
from ...bus.contracts.trade import Fill
from ...configs.accounts import MAIN
from ...configs.paths import Home
from ..accounting.exact import ZERO, add
from ..accounting.executions import key_of
from ..accounting.fund import Fund
from ..database.store import Database, open_database
from .models import (
    MIGRATIONS,
    MODELS,
    AccountFillRow,
    AccountFlowRow,
    AccountPointRow,
    FlowRow,
    PointRow,
    RebalanceRow,
    SeenFillRow,
)
from .performance import Point
from .taxes import Flow

OPENING, TRANSFER = "opening", "transfer"
ALL = "all"
"""Under which the history of all accounts together is kept; no account is called so."""


@dataclass(frozen=True, slots=True)
class NewFlow:
    """A flow that is to be written."""

    kind: str
    asset: str
    amount: Decimal
    price: Decimal | None


class Keeper:
    """What is kept of one account; main has tables of its own, the others share theirs.

    Args:
        account: main, another one, or ALL for the history of all together.
    """

    def __init__(self, home: Home, account: str = MAIN, database: Database | None = None) -> None:
        self._home, self._account = home, account
        self._database: Database = database or open_database(
            home, "portfolio", models=MODELS, migrations=MIGRATIONS
        )
        main = account == MAIN
        # Not typed as one: the tables of accounts have the columns of main's and `account`.
        self._fills: Any = SeenFillRow if main else AccountFillRow
        self._flows: Any = FlowRow if main else AccountFlowRow
        self._points: Any = PointRow if main else AccountPointRow

    def of(self, account: str) -> "Keeper":
        """That of another account, in the same database."""
        return self if account == self._account else Keeper(self._home, account, self._database)

    def _own(self, rows: Any) -> Any:
        """A query for what is this account's in a table."""
        query = rows.select()
        return query if self._account == MAIN else query.where(rows.account == self._account)

    def _mark(self) -> dict[str, str]:
        """What a row of a shared table has in addition."""
        return {} if self._account == MAIN else {"account": self._account}

    @property
    def database(self) -> Database:
        """For watching its health."""
        return self._database

    def fills(self) -> list[Fill]:
        """All that were ever seen, oldest first."""
        rows = self._own(self._fills).order_by(self._fills.ts_ms, self._fills.key).iterator()
        return [msgspec.json.decode(row.body, type=Fill) for row in rows]

    def last_fill_ms(self) -> int | None:
        row = self._own(self._fills).order_by(self._fills.ts_ms.desc()).first()
        return None if row is None else int(row.ts_ms)

    def keep_fills(self, fills: Iterable[Fill]) -> None:
        """Those that are known stay as they are."""
        with self._database.transaction():
            for fill in fills:
                key = key_of(fill) if self._account == MAIN else f"{self._account}|{key_of(fill)}"
                if self._fills.get_or_none(self._fills.key == key) is None:
                    body = msgspec.json.encode(fill).decode()
                    self._fills.insert(key=key, ts_ms=fill.ts_ms, body=body, **self._mark()).execute()

    def flows(self) -> list[Flow]:
        """Oldest first."""
        return [
            Flow(row.number, row.ts_ms, row.kind, row.asset, row.amount, row.price)
            for row in self._own(self._flows).order_by(self._flows.number)
        ]

    def transferred(self) -> dict[str, Decimal]:
        """Sum of the transfers, by asset."""
        found: dict[str, Decimal] = {}
        for row in self._own(self._flows).where(self._flows.kind == TRANSFER):
            found[row.asset] = add(found.get(row.asset, ZERO), row.amount)
        return found

    def is_begun(self) -> bool:
        """Whether there is a history."""
        return self._own(self._points).first() is not None

    def last(self) -> tuple[Fund, int] | None:
        """The newest units and when they were written."""
        row = self._own(self._points).order_by(self._points.ts_ms.desc()).first()
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
                self._flows.insert(
                    ts_ms=ts_ms,
                    kind=one.kind,
                    asset=one.asset,
                    amount=one.amount,
                    price=one.price,
                    **self._mark(),
                ).execute()
            point = {} if self._account == MAIN else {"key": f"{self._account}|{ts_ms}", **self._mark()}
            mine = self._points.ts_ms == ts_ms
            if point:
                mine &= self._points.account == self._account
            self._points.delete().where(mine).execute()
            self._points.insert(
                **point,
                ts_ms=ts_ms,
                currency=currency,
                equity=equity,
                flow=flow,
                units=fund.units,
                price=fund.price,
            ).execute()

    def points(self, since_ms: int | None, limit: int, before_ms: int | None = None) -> list[Point]:
        """The newest `limit` of that time, oldest first."""
        query = self._own(self._points).order_by(self._points.ts_ms.desc()).limit(limit)
        if since_ms is not None:
            query = query.where(self._points.ts_ms >= since_ms)
        if before_ms is not None:
            query = query.where(self._points.ts_ms < before_ms)
        return [_point(row) for row in reversed(list(query))]

    def turns(self) -> list[Point]:
        """The first point and those with a flow: all that returns depend on beside now."""
        first = self._own(self._points).order_by(self._points.ts_ms).first()
        if first is None:
            return []
        rows = self._points
        flowed = self._own(rows).where(rows.flow != ZERO, rows.ts_ms > first.ts_ms)
        return [_point(first), *(_point(row) for row in flowed.order_by(rows.ts_ms))]

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
        plans = [msgspec.json.decode(row.plan, type=RebalancePlan) for row in rows]
        return [plan for plan in plans if plan.account == self._account]

    def close(self) -> None:
        self._database.close()


def _point(row: Any) -> Point:
    return Point(int(row.ts_ms), row.equity, row.flow, row.price)
