"""Whatever customers and the market do, no money appears or vanishes."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from cryptobot.services.paper.orders import TYPES, NewOrder, RefusedError
from cryptobot.services.paper.units import parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

cents = st.integers(80_000, 120_000).map(lambda n: f"{n // 100}.{n % 100:02d}")
amounts = st.integers(500, 300_000).map(lambda n: f"{n // 100_000}.{n % 100_000:05d}")
accounts = st.sampled_from(["ann", "bob"])
sides = st.sampled_from(["BUY", "SELL"])
orders = st.tuples(
    st.just("place"), accounts, sides, st.sampled_from(TYPES), amounts, cents, cents,
    st.sampled_from(["GTC", "IOC", "FOK"]),
    st.sampled_from(["NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH"]),
)  # fmt: skip
by_value = st.tuples(st.just("value"), accounts, sides, amounts)
moves = st.tuples(st.just("move"), cents, amounts, st.booleans(), amounts)
cancels = st.tuples(st.just("cancel"), st.integers(0, 10))
pairs = st.tuples(st.just("pair"), accounts, sides, amounts, cents, cents)
chains = st.tuples(st.just("chain"), accounts, amounts, cents, cents, cents)
actions = st.lists(st.one_of(orders, orders, moves, moves, by_value, cancels, pairs, chains), max_size=60)


def act(desk: Any, action: Any) -> None:
    """Do one thing; a refusal must change nothing, which the check after it shows."""
    kind, *rest = action
    if kind == "move":
        price, volume, seller, depth = rest
        desk.move(price, volume, seller, depth)
    elif kind == "cancel":
        found = list(desk.engine.open_orders.values())
        if found:
            desk.engine.cancel(found[rest[0] % len(found)], desk.now_ms)
    elif kind == "value":
        account, side, value = rest
        desk.place(account, side, "MARKET", quote_quantity=f"{float(value) * 1000:.2f}")
    elif kind == "pair":
        pair(desk, *rest)
    elif kind == "chain":
        chain(desk, *rest)
    else:
        place(desk, *rest)


def place(
    desk: Any, account: str, side: str, kind: str, amount: str, price: str, stop: str, *modes: str
) -> None:
    force, stp = modes
    more = {"stp": stp}
    if kind.endswith("LIMIT") or kind == "LIMIT_MAKER":
        more["price"] = price
    if kind.endswith("LIMIT"):
        more["time_in_force"] = force
    if "_LOSS" in kind or "_PROFIT" in kind:
        more["stop_price"] = stop
    desk.place(account, side, kind, amount, **more)


def pair(desk: Any, account: str, side: str, amount: str, limit: str, stop: str) -> None:
    one = NewOrder("BTCUSDT", side, "LIMIT_MAKER", quantity=parse(amount), price=parse(limit))
    other = NewOrder(
        "BTCUSDT", side, "STOP_LOSS_LIMIT", quantity=parse(amount), price=parse(stop), stop_price=parse(stop)
    )
    legs = (one, other) if side == "SELL" else (other, one)
    desk.engine.lists.place(account, legs[0], legs[1], "", desk.now_ms)


def chain(desk: Any, account: str, amount: str, entry: str, target: str, stop: str) -> None:
    working = NewOrder("BTCUSDT", "BUY", "LIMIT", quantity=parse(amount), price=parse(entry))
    above = NewOrder("BTCUSDT", "SELL", "LIMIT_MAKER", quantity=parse(amount), price=parse(target))
    below = NewOrder("BTCUSDT", "SELL", "STOP_LOSS", quantity=parse(amount), stop_price=parse(stop))
    desk.engine.lists.place_after(account, working, (above, below), "", desk.now_ms)
    desk.engine.lists.work_due(desk.now_ms)


@given(actions)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_asset_is_conserved(new_desk: Callable[[], Any], todo: list[Any]) -> None:
    """Accounts, house and fees together always hold what was deposited; locked is what open orders hold."""
    desk = new_desk()

    for action in todo:
        with suppress(RefusedError):
            act(desk, action)
        desk.assert_exact()
        market = desk.engine.market("BTCUSDT")
        bid, ask = market.best_price("BUY"), market.best_price("SELL")
        assert not bid or not ask or bid < ask


@given(actions)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_actions_give_the_same_trades(new_desk: Callable[[], Any], todo: list[Any]) -> None:
    """The engine has no chance and no clock in it."""
    seen = []
    for _ in range(2):
        desk = new_desk()
        for action in todo:
            with suppress(RefusedError):
                act(desk, action)
        seen.append((desk.engine.changes.trades, desk.engine.changes.tape))

    assert seen[0] == seen[1]
