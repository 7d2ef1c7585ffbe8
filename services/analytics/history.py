"""The account's history, minute by minute for a while, then hour by hour for ever."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from ...configs.paths import Home
from ..accounting.fund import Fund
from ..database.store import Database, open_database
from .models import MIGRATIONS, MODELS, AnalyticsPointRow, PlannedRow, TransferRow

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Point:
    """The account at a moment; `price` is what one unit of its beginning is worth (accounting/fund.py)."""

    ts_ms: int
    currency: str
    equity: Decimal
    flow: Decimal
    units: Decimal
    price: Decimal
    prices: Mapping[str, Decimal]

    @property
    def fund(self) -> Fund:
        return Fund(self.units, self.price)


class History:
    """The analytics database. `between` and `thin` may take a while: on its own thread."""

    def __init__(self, home: Home) -> None:
        self.database: Database = open_database(home, "analytics", models=MODELS, migrations=MIGRATIONS)

    def last(self) -> Point | None:
        """The newest point."""
        row = AnalyticsPointRow.select().order_by(AnalyticsPointRow.ts_ms.desc()).first()
        return None if row is None else _point(row)

    def transferred(self) -> dict[str, Decimal]:
        """What is counted of each asset's transfers."""
        return {str(row.asset): row.amount for row in TransferRow.select()}

    def keep(self, points: Iterable[Point], transferred: Mapping[str, Decimal] | None = None) -> None:
        """Write points, and with them the transfers that the last of them counts: all or nothing."""
        with self.database.transaction():
            for one in points:
                AnalyticsPointRow.delete().where(AnalyticsPointRow.ts_ms == one.ts_ms).execute()
                AnalyticsPointRow.insert(_row(one)).execute()
            for asset, amount in (transferred or {}).items():
                TransferRow.delete().where(TransferRow.asset == asset).execute()
                TransferRow.insert(asset=asset, amount=amount).execute()

    def between(self, from_ms: int, to_ms: int) -> list[Point]:
        """Oldest first: the last point at or before `from_ms` where there is one, then all up to `to_ms`."""
        times = AnalyticsPointRow.ts_ms
        before = AnalyticsPointRow.select().where(times <= from_ms).order_by(times.desc()).first()
        begin = from_ms if before is None else int(before.ts_ms)
        query = AnalyticsPointRow.select().where(times >= begin, times <= to_ms).order_by(times)
        return [_point(row) for row in query.iterator()]

    def thin(self, before_ms: int) -> int:
        """Keep the last point of each hour and those with a flow; how many went."""
        times = AnalyticsPointRow.ts_ms
        rows = AnalyticsPointRow.select(times, AnalyticsPointRow.flow).where(times < before_ms)
        known = [(int(row.ts_ms), row.flow) for row in rows.order_by(times)]
        last = {ms // _HOUR_MS: ms for ms, _ in known}
        gone = [ms for ms, flow in known if ms != last[ms // _HOUR_MS] and not flow]
        with self.database.transaction():
            for at in range(0, len(gone), 500):
                AnalyticsPointRow.delete().where(times << gone[at : at + 500]).execute()
        return len(gone)

    def planned(self, name: str) -> tuple[int, int]:
        """Until when a planned report was made, and when; zeros when it never was."""
        row = PlannedRow.get_or_none(PlannedRow.name == name)
        return (0, 0) if row is None else (int(row.until_ms), int(row.made_ms))

    def note_planned(self, name: str, until_ms: int, made_ms: int) -> None:
        with self.database.transaction():
            PlannedRow.delete().where(PlannedRow.name == name).execute()
            PlannedRow.insert(name=name, until_ms=until_ms, made_ms=made_ms).execute()

    def close(self) -> None:
        self.database.close()


def _row(one: Point) -> dict[str, object]:
    return {
        "ts_ms": one.ts_ms,
        "currency": one.currency,
        "equity": one.equity,
        "flow": one.flow,
        "units": one.units,
        "price": one.price,
        "prices": msgspec.json.encode(dict(one.prices)).decode(),
    }


def _point(row: AnalyticsPointRow) -> Point:
    prices = msgspec.json.decode(row.prices, type=dict[str, Decimal])
    return Point(int(row.ts_ms), str(row.currency), row.equity, row.flow, row.units, row.price, prices)
