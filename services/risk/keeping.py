"""What risk must not forget, whatever kills it."""

import time
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from ...bus.contracts.risk import RiskReason
from ...configs.accounts import MAIN
from ...configs.paths import Home
from ..accounting.exact import ZERO
from ..database.store import Database, open_database
from .drawdown import Marks
from .models import MIGRATIONS, MODELS, RiskFactRow

_NAME = "memory"
_PRICE_EVERY_S = 30.0


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """All of it.

    Args:
        latched: reasons that only a person ends.
        transferred: money from outside as it was at the last valuation, by asset as text.
        lifted_ms: a person ended all pauses then.
        trade_told: trade has been told of the halt.
        trade_before: trade's own state before that; re-arming gives it back.
    """

    marks: Marks | None = None
    latched: tuple[RiskReason, ...] = ()
    transferred: dict[str, str] = {}
    armed_ms: int = 0
    armed_by: str = ""
    lifted_ms: int = 0
    trade_told: bool = True
    trade_before: str = "ACTIVE"


class Keeper:
    """The memory of an account on disk; written at once when it changes (synchronous=FULL)."""

    def __init__(self, home: Home, account: str = MAIN, database: Database | None = None) -> None:
        self._home = home
        self._database: Database = database or open_database(
            home, "risk", models=MODELS, migrations=MIGRATIONS, synchronous="FULL"
        )
        self._name = _NAME if account == MAIN else f"{_NAME}|{account}"
        self._written_s = float("-inf")
        row = RiskFactRow.get_or_none(RiskFactRow.name == self._name)
        self.memory = Memory() if row is None else msgspec.json.decode(row.value, type=Memory)

    @property
    def database(self) -> Database:
        """For watching its health."""
        return self._database

    def of(self, account: str) -> "Keeper":
        """That of another account, in the same database."""
        return self if account == MAIN else Keeper(self._home, account, self._database)

    def keep(self, memory: Memory) -> None:
        """On disk when this returns. The price of a unit alone is not worth a write each second."""
        before, self.memory = self.memory, memory
        if _but_price(memory) == _but_price(before) and time.monotonic() - self._written_s < _PRICE_EVERY_S:
            return
        self._written_s = time.monotonic()
        text = msgspec.json.encode(memory).decode()
        with self._database.transaction():
            if not RiskFactRow.update(value=text).where(RiskFactRow.name == self._name).execute():
                RiskFactRow.insert(name=self._name, value=text).execute()

    def close(self) -> None:
        self._database.close()


def transferred_text(transferred: Mapping[str, Decimal]) -> dict[str, str]:
    """As it is kept."""
    return {asset: str(amount) for asset, amount in transferred.items() if amount != ZERO}


def _but_price(memory: Memory) -> Memory:
    if memory.marks is None:
        return memory
    marks = msgspec.structs.replace(memory.marks, price=ZERO)
    return msgspec.structs.replace(memory, marks=marks)
