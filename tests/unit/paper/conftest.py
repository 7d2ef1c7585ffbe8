"""An engine with one market, and amounts written as people write them."""

from collections.abc import Callable

import pytest
from cryptobot.services.paper.changes import Fees
from cryptobot.services.paper.matching import Engine
from cryptobot.services.paper.orders import NewOrder, Order
from cryptobot.services.paper.rules import Rules
from cryptobot.services.paper.units import parse

SYMBOL = "BTCUSDT"


class Desk:
    """An engine at a price, with accounts that have money; amounts are decimal texts."""

    def __init__(self) -> None:
        self.engine = Engine([Rules(SYMBOL, "BTC", "USDT")], Fees(parse("0.001"), parse("0.001")))
        self.now_ms = 1_000
        for account in ("ann", "bob"):
            self.engine.balances.open(account)
            self.engine.balances.deposit(account, "USDT", parse("100000"))
            self.engine.balances.deposit(account, "BTC", parse("10"))
        self.move("1000", volume="0")

    def move(self, price: str, volume: str = "100", seller: bool = True, depth: str = "400") -> None:
        """Let the market trade at a price."""
        self.now_ms += 100
        self.engine.step(SYMBOL, parse(price), parse(volume), seller, parse(depth), 7, self.now_ms)

    def place(self, account: str, side: str, kind: str, quantity: str = "0", **more: str) -> Order:
        """Place an order; raises RefusedError."""
        self.now_ms += 1
        amounts = {name: parse(value) for name, value in more.items() if name not in _TEXTS}
        texts = {name: value for name, value in more.items() if name in _TEXTS}
        request = NewOrder(SYMBOL, side, kind, quantity=parse(quantity), **amounts, **texts)  # type: ignore[arg-type]
        return self.engine.place(account, request, self.now_ms)

    def free(self, account: str, asset: str) -> int:
        return self.engine.balances.free(account, asset)

    def locked(self, account: str, asset: str) -> int:
        return self.engine.balances.locked(account, asset)

    def assert_exact(self) -> None:
        """No asset came into being or vanished, and locked is what open orders hold."""
        balances = self.engine.balances
        for asset in ("BTC", "USDT"):
            assert balances.total(asset) == balances.deposited[asset]
            for account in balances.accounts():
                pays = "BUY" if asset == "USDT" else "SELL"
                mine = [x for x in self.engine.open_orders.values() if x.account == account]
                assert balances.locked(account, asset) == sum(x.locked for x in mine if x.side == pays)
                assert balances.free(account, asset) >= 0


_TEXTS = ("client_id", "time_in_force", "stp")


@pytest.fixture
def desk() -> Desk:
    """A market at 1000 with two accounts of 100,000 USDT and 10 BTC each."""
    return Desk()


@pytest.fixture
def new_desk() -> Callable[[], Desk]:
    """Makes desks, for tests that need several."""
    return Desk
