"""Double entry: every change of what we hold has its counterpart, and each entry sums to zero per asset.

Accounts: `holdings:<exchange>` is what the venue owes us and must equal its balances to the last digit;
`opening` is where the first balances came from; `market:<symbol>` is what was exchanged; `fees`;
`external` is money that came or went other than by trading.
"""

from dataclasses import dataclass
from decimal import Decimal

from . import money
from .order import FillRecord

EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class Posting:
    """One line: `amount` of `asset` into (or, below zero, out of) `account`."""

    account: str
    asset: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Entry:
    """One event in the books. `key` names it for ever: an entry is booked once."""

    key: str
    ts_ms: int
    postings: tuple[Posting, ...]


class UnbalancedEntryError(ValueError):
    """The postings of an entry do not sum to zero."""


def holdings(exchange: str) -> str:
    return f"holdings:{exchange}"


def fill_entry(fill: FillRecord, base: str, quote: str) -> Entry:
    """What a fill moves: base against quote, and the fee in whatever asset it was taken."""
    account, market = holdings(fill.exchange), f"market:{fill.symbol}"
    sign = 1 if fill.side == "buy" else -1
    base_change, quote_change = sign * fill.amount, -sign * fill.cost
    postings = [
        Posting(account, base, base_change),
        Posting(market, base, -base_change),
        Posting(account, quote, quote_change),
        Posting(market, quote, -quote_change),
    ]
    if fill.fee:
        postings += [
            Posting(account, fill.fee_currency, -fill.fee),
            Posting("fees", fill.fee_currency, fill.fee),
        ]
    return balanced(Entry(f"fill|{fill.key}", fill.ts_ms, tuple(postings)))


def opening_entry(exchange: str, balances: dict[str, Decimal], ts_ms: int) -> Entry:
    """What was there when this home began."""
    return _against("opening", f"opening|{exchange}", exchange, balances, ts_ms)


def external_entry(exchange: str, key: str, changes: dict[str, Decimal], ts_ms: int) -> Entry:
    """Money that came or went other than by trading: deposits, withdrawals, dust conversions."""
    return _against(EXTERNAL, f"external|{exchange}|{key}", exchange, changes, ts_ms)


def balanced(entry: Entry) -> Entry:
    """The entry itself.

    Raises:
        UnbalancedEntryError: its postings do not sum to zero for some asset.
    """
    sums: dict[str, Decimal] = {}
    for posting in entry.postings:
        sums[posting.asset] = money.add(sums.get(posting.asset, money.ZERO), posting.amount)
    wrong = {asset: total for asset, total in sums.items() if total != 0}
    if wrong:
        raise UnbalancedEntryError(f"entry {entry.key} does not balance: {wrong}")
    return entry


def _against(other: str, key: str, exchange: str, changes: dict[str, Decimal], ts_ms: int) -> Entry:
    account = holdings(exchange)
    postings = []
    for asset, amount in sorted(changes.items()):
        if amount:
            postings += [Posting(account, asset, amount), Posting(other, asset, -amount)]
    return balanced(Entry(key, ts_ms, tuple(postings)))
