"""Which orders bring the weights back, and which are not worth it."""

from decimal import Decimal
from typing import Any

from cryptobot.bus.contracts.portfolio import PlannedOrder
from cryptobot.configs.sections.portfolio import PortfolioSettings
from cryptobot.services.portfolio import plan
from cryptobot.services.portfolio.plan import Held
from hypothesis import assume, given
from hypothesis import strategies as st

STEP = Decimal("0.001")


def held(symbol: str, amount: str, price: str, target: str, **fields: Any) -> Held:
    given: dict[str, Any] = {
        "step": STEP,
        "spread_percent": Decimal("0.1"),
        "daily_volatility": 0.04,
        **fields,
    }
    return Held(symbol=symbol, amount=Decimal(amount), price=Decimal(price), target=Decimal(target), **given)


def orders(markets: list[Held], cash: str, **settings: Any) -> list[PlannedOrder]:
    return plan.orders(markets, Decimal(cash), PortfolioSettings(**settings))


def test_a_drift_is_corrected_to_the_target() -> None:
    """60 % BTC where 50 % are wanted: a tenth of 1000 is sold, then ETH is bought."""
    markets = [held("BTC/USDT", "6", "100", "0.5"), held("ETH/USDT", "4", "50", "0.3")]

    first, second = orders(markets, "200")

    assert (first.symbol, first.side, first.amount, first.skipped) == ("BTC/USDT", "sell", 1, False)
    assert (second.symbol, second.side, second.amount) == ("ETH/USDT", "buy", 2)
    assert first.cost == Decimal("0.15")  # 0.1 % fee and half of 0.1 % spread on 100


def test_within_the_band_nothing_is_done() -> None:
    """Four percent off, five are allowed."""
    (order,) = orders([held("BTC/USDT", "5.4", "100", "0.5")], "460")

    assert order.skipped
    assert order.reason == "no weight is off by more than 5 %"


def test_cash_that_lies_idle_is_a_drift_as_well() -> None:
    """Each market is four percent short, the cash eight too much."""
    markets = [held("BTC/USDT", "4.6", "100", "0.5"), held("ETH/USDT", "4.6", "100", "0.5")]

    assert [order.side for order in orders(markets, "80") if not order.skipped] == ["buy", "buy"]


def test_a_correction_that_costs_more_than_it_brings_is_left_out() -> None:
    """A market that hardly moves: six percent off cost less than the fees."""
    (calm,) = orders([held("BTC/USDT", "5.6", "100", "0.5", daily_volatility=0.001)], "440")
    (wild,) = orders([held("BTC/USDT", "5.6", "100", "0.5", daily_volatility=0.04)], "440")

    assert calm.skipped
    assert calm.reason.startswith("it would cost 0.09 and bring 0.00")
    assert not wild.skipped
    assert wild.benefit is not None
    # 3 * 0.04^2 * 30 / 2 * 0.06^2 * 1000
    assert abs(wild.benefit - Decimal("0.2592")) < Decimal("1e-9")


def test_an_unknown_volatility_is_no_benefit() -> None:
    """Unless the user trades on drift alone."""
    market = held("BTC/USDT", "6", "100", "0.5", daily_volatility=None)

    assert orders([market], "400")[0].reason.startswith("too few prices")
    assert not orders([market], "400", risk_aversion=Decimal(0))[0].skipped


def test_small_orders_are_left_out() -> None:
    """The venue's smallest, or the user's."""
    markets = [held("BTC/USDT", "0.06", "100", "0.5", least_value=Decimal(5))]

    assert orders(markets, "4", risk_aversion=Decimal(0))[0].reason == (
        "1.00 is less than the smallest order of 10.00"
    )


def test_buys_fit_the_cash_that_is_there() -> None:
    """All is in cash: fees and a move of the price must fit in, too."""
    (order,) = orders([held("BTC/USDT", "0", "100", "1")], "1000")

    assert Decimal(990) < order.value + order.cost <= Decimal(995)


def test_a_market_without_target_is_sold() -> None:
    """Target zero."""
    (order,) = orders([held("BTC/USDT", "3.0005", "100", "0")], "100")

    assert (order.side, order.amount) == ("sell", 3)


MARKET = st.tuples(
    st.integers(0, 5000), st.integers(1, 500), st.integers(0, 100), st.sampled_from([0.01, 0.05, 0.2])
)


@given(st.lists(MARKET, min_size=1, max_size=5), st.integers(0, 100_000))
def test_a_plan_is_always_payable_and_worth_it(drawn: list[tuple[int, int, int, float]], cash: int) -> None:
    """Never more sold than held, never more bought than can be paid, never a benefit below the cost."""
    whole = max(sum(target for _, _, target, _ in drawn), 100)
    markets = [
        held(
            f"X{number}/USDT",
            str(Decimal(amount) / 100),
            str(price),
            str(Decimal(target) / whole),
            daily_volatility=volatility,
        )
        for number, (amount, price, target, volatility) in enumerate(drawn)
    ]
    assume(plan.equity_of(markets, Decimal(cash)) > 0)
    found = orders(markets, str(cash))

    made = [order for order in found if not order.skipped]
    amounts = {market.symbol: market.amount for market in markets}
    proceeds = sum(order.value - order.cost for order in made if order.side == "sell")
    paid = sum(order.value + order.cost for order in made if order.side == "buy")
    assert all(order.amount <= amounts[order.symbol] for order in made if order.side == "sell")
    assert paid <= cash + proceeds
    assert all(
        order.benefit is not None and order.benefit > order.cost for order in made if order.side == "sell"
    )
    assert all(order.amount % STEP == 0 for order in found)
