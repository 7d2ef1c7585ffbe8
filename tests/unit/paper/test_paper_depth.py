"""Updates of the public book."""

from typing import Any

from cryptobot.services.paper.depth import Depth
from cryptobot.services.paper.units import parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

books = st.lists(
    st.tuples(
        st.dictionaries(st.integers(900, 999), st.integers(1, 50), max_size=6),
        st.dictionaries(st.integers(1001, 1100), st.integers(1, 50), max_size=6),
        st.booleans(),
        st.booleans(),
    ),
    max_size=25,
)


@given(books)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_snapshot_and_the_updates_after_it_give_the_book(new_desk: Any, steps: Any) -> None:
    """Whenever a snapshot is taken: levels that came and went between two updates do not stay behind."""
    market = new_desk().engine.market("BTCUSDT")
    depth = Depth(market, 1)
    readers: list[tuple[int, dict[str, str], dict[str, str]]] = []
    last = depth.update_id
    for bids, asks, snapshot, publish in steps:
        market.show(
            [(p * 10**8, q) for p, q in sorted(bids.items(), reverse=True)],
            [(p * 10**8, q) for p, q in sorted(asks.items())],
        )
        depth.refresh()
        if snapshot:
            taken: Any = depth.snapshot(100)
            readers.append((taken["lastUpdateId"], dict(taken["bids"]), dict(taken["asks"])))
        event: Any = depth.difference(depth.fast, 0) if publish else None
        if event is None:
            continue
        assert event["U"] == last + 1
        last = event["u"]
        now: Any = depth.snapshot(100)
        readers = [_follow(reader, event) for reader in readers]
        for _, their_bids, their_asks in readers:
            assert (their_bids, their_asks) == (dict(now["bids"]), dict(now["asks"]))


def _follow(reader: Any, event: Any) -> Any:
    """What a client does with an update."""
    seen, bids, asks = reader
    if event["u"] <= seen:
        return reader
    assert event["U"] <= seen + 1
    for side, name in ((bids, "b"), (asks, "a")):
        for price, quantity in event[name]:
            if parse(quantity):
                side[price] = quantity
            else:
                side.pop(price, None)
    return event["u"], bids, asks


def test_the_best_prices_are_told_when_they_change(new_desk: Any) -> None:
    """And only then."""
    market = new_desk().engine.market("BTCUSDT")
    depth = Depth(market, 1)

    market.show([(10, 1)], [(20, 1)])
    assert depth.refresh()
    market.show([(10, 1), (9, 5)], [(20, 1)])
    assert not depth.refresh()
    market.show([(10, 2), (9, 5)], [(20, 1)])
    assert depth.refresh()
