"""Lots and disposals out of fills and flows. Pure.

Lots are kept by market: what was bought with one quote asset is sold against the same. A deposit is a lot
whose cost we do not know; a withdrawal takes lots and is no sale.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ...bus.contracts.portfolio import TaxDisposal, TaxLot, TaxLots
from ...bus.contracts.trade import Fill
from ..accounting.exact import ZERO, add, subtract
from ..accounting.executions import key_of
from ..accounting.lots import Disposal, Lot, Method, Pool
from ..accounting.subpositions import assets_of


@dataclass(frozen=True, slots=True)
class Flow:
    """Coins that came (or, below zero, went) other than by trading; `kind` is opening or transfer."""

    number: int
    ts_ms: int
    kind: str
    asset: str
    amount: Decimal
    price: Decimal | None


class TaxBook:
    """Feed it everything in the order of time."""

    def __init__(self, method: Method, currency: str, account: str = "main") -> None:
        self.method, self._currency, self._account = method, currency, account
        self._pools: dict[str, Pool] = {}
        self.disposals: list[TaxDisposal] = []

    def take_fill(self, fill: Fill) -> None:
        """A buy makes a lot, a sell takes lots. Fees in base or quote are inside."""
        base, quote = assets_of(fill.symbol)
        fee_base = fill.fee if fill.fee_currency == base else ZERO
        fee_quote = fill.fee if fill.fee_currency == quote else ZERO
        elsewhere = "" if fee_base or fee_quote or not fill.fee else f"{fill.fee:f} {fill.fee_currency}"
        pool = self._pool(fill.symbol)
        if fill.side == "buy":
            amount, cost = subtract(fill.amount, fee_base), add(fill.cost, fee_quote)
            pool.add(Lot(key_of(fill), fill.ts_ms, amount, cost))
            return
        amount, proceeds = add(fill.amount, fee_base), subtract(fill.cost, fee_quote)
        for gone in pool.remove(key_of(fill), amount, proceeds, fill.ts_ms):
            self.disposals.append(_told(gone, fill.symbol, elsewhere, self._account))

    def take_flow(self, flow: Flow) -> None:
        """Coins that came or went other than by trading; the currency itself has no lots."""
        if flow.asset == self._currency:
            return
        symbol, name = f"{flow.asset}/{self._currency}", f"{flow.kind}|{flow.number}"
        pool = self._pool(symbol)
        if flow.amount > 0:
            origin = "opening" if flow.kind == "opening" else "deposit"
            pool.add(Lot(name, flow.ts_ms, flow.amount, None, origin))
            return
        for gone in pool.remove(name, -flow.amount, None, flow.ts_ms):
            self.disposals.append(_told(gone, symbol, "", self._account))

    def report(self, since_ms: int | None, until_ms: int | None) -> TaxLots:
        """Disposals of a span, and the lots that are open at the end of everything."""
        chosen = [
            one
            for one in self.disposals
            if (since_ms is None or one.disposed_ms >= since_ms)
            and (until_ms is None or one.disposed_ms < until_ms)
        ]
        open_lots = [
            _open(lot, symbol, self._account)
            for symbol in sorted(self._pools)
            for lot in self._pools[symbol].lots
        ]
        return TaxLots(method=self.method, disposals=chosen, open=open_lots)

    def _pool(self, symbol: str) -> Pool:
        return self._pools.setdefault(symbol, Pool(self.method))


def book(
    method: Method, currency: str, fills: Sequence[Fill], flows: Iterable[Flow], account: str = "main"
) -> TaxBook:
    """All of it; at one moment what came stands before what was traded."""
    made = TaxBook(method, currency, account)
    pending = sorted(flows, key=lambda flow: (flow.kind != "opening", flow.ts_ms, flow.number))
    place = 0
    for fill in fills:
        while place < len(pending) and (
            pending[place].kind == "opening" or pending[place].ts_ms <= fill.ts_ms
        ):
            made.take_flow(pending[place])
            place += 1
        made.take_fill(fill)
    for flow in pending[place:]:
        made.take_flow(flow)
    return made


def _told(gone: Disposal, symbol: str, elsewhere: str, account: str) -> TaxDisposal:
    base, quote = assets_of(symbol)
    return TaxDisposal(
        symbol=symbol,
        asset=base,
        currency=quote,
        amount=gone.amount,
        acquired_ms=gone.acquired_ms,
        disposed_ms=gone.disposed_ms,
        proceeds=gone.proceeds,
        cost=gone.cost,
        gain=gone.gain,
        origin=gone.origin,
        lot=gone.lot,
        disposal=gone.id,
        fee_elsewhere=elsewhere,
        account=account,
    )


def _open(lot: Lot, symbol: str, account: str) -> TaxLot:
    base, quote = assets_of(symbol)
    return TaxLot(
        symbol=symbol,
        asset=base,
        currency=quote,
        amount=lot.amount,
        acquired_ms=lot.acquired_ms,
        cost=lot.cost,
        origin=lot.origin,
        lot=lot.id,
        account=account,
    )
