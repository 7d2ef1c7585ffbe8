"""All accounts together: sums to the last digit, and a history in which money that moves is no profit."""

from decimal import Decimal
from pathlib import Path

import pytest
from cryptobot.bus.contracts.portfolio import ListPortfolioHistory, PortfolioReport, PortfolioWeight
from cryptobot.configs.paths import Home
from cryptobot.services.accounting.fund import Fund
from cryptobot.services.portfolio import together
from cryptobot.services.portfolio.keeping import ALL, Keeper
from cryptobot.services.portfolio.together import Place, Whole
from cryptobot.services.portfolio.valuation import Moment

PLACES = [Place("main", "paper", "ACTIVE"), Place("second", "kraken", "HALTED")]


def weight(symbol: str, amount: str, price: str, left: str, target: str | None) -> PortfolioWeight:
    return PortfolioWeight(
        symbol=symbol,
        amount=Decimal(amount),
        price=Decimal(price),
        value=Decimal(amount) * Decimal(price),
        weight=Decimal(0),
        target=None if target is None else Decimal(target),
        drift=None,
        left_alone=Decimal(left),
    )


def report(account: str, weights: list[PortfolioWeight], currency: str = "USDT") -> PortfolioReport:
    return PortfolioReport(
        currency=currency,
        equity=sum((one.value for one in weights), Decimal(0)),
        method="target",
        weights=weights,
        sources=[],
        others=[],
        returns=None,
        note="",
        account=account,
    )


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    home = Home(tmp_path)
    home.create()
    return Keeper(home)


def moment(equity: str, units: str, price: str = "1") -> Moment:
    return Moment(1, "USDT", Decimal(equity), Decimal(0), Fund(Decimal(units), Decimal(price)))


def test_weights_and_drift_are_those_of_the_sum(keeper: Keeper) -> None:
    """100 and 300, of which 100 and 150 are coins: of what is balanced 250 of 400, 12.5 % over the target."""
    first = [weight("BTC/USDT", "1", "100", "0", "0.5"), weight("USDT", "0", "1", "0", "0.5")]
    second = [weight("BTC/USDT", "1.5", "100", "0", "0.5"), weight("USDT", "150", "1", "0", "0.5")]
    found = together.report([report("main", first), report("second", second)], PLACES, Whole(keeper, ()))
    assert found.equity == 400
    coins = next(one for one in found.weights if one.symbol == "BTC/USDT")
    assert (coins.amount, coins.value, coins.weight) == (Decimal("2.5"), 250, Decimal("0.625"))
    assert (coins.own_weight, coins.drift) == (Decimal("0.625"), Decimal("0.125"))
    assert [(one.account, one.weight, one.trading) for one in found.accounts] == [
        ("main", Decimal("0.25"), "ACTIVE"),
        ("second", Decimal("0.75"), "HALTED"),
    ]


def test_what_is_left_alone_in_an_account_is_left_out_of_the_drift(keeper: Keeper) -> None:
    """A coin of a strategy counts in the weight and not in what is balanced."""
    first = [weight("BTC/USDT", "2", "100", "1", "0.5"), weight("USDT", "100", "1", "0", "0.5")]
    second = [weight("USDT", "100", "1", "100", None)]
    found = together.report([report("main", first), report("second", second)], PLACES, Whole(keeper, ()))
    coins = next(one for one in found.weights if one.symbol == "BTC/USDT")
    assert (coins.weight, coins.own_weight, coins.drift) == (Decimal("0.5"), Decimal("0.5"), 0)


def test_an_account_in_another_currency_is_listed_and_not_added(keeper: Keeper) -> None:
    """Dollars and coins of dollars are not one number; a sentence says so."""
    first, second = [weight("USDT", "100", "1", "0", None)], [weight("EUR", "50", "1", "0", None)]
    both = [report("main", first), report("second", second, "EUR")]
    found = together.report(both, PLACES, Whole(keeper, ()))
    assert (found.equity, found.accounts[1].weight) == (100, None)
    assert "Not added up: second" in found.note


def test_money_that_moves_is_no_profit(keeper: Keeper) -> None:
    """A deposit in one account, an account that joins, one that leaves: the price of a unit stays one."""
    all_of_them = keeper.of(ALL)
    whole = Whole(all_of_them, ("main", "second"))
    whole.take({"main": moment("100", "100"), "second": moment("50", "50")}, 1)
    whole.take({"main": moment("130", "130"), "second": moment("50", "50")}, 2)
    keeper.of("second").keep_point(3, "USDT", Decimal(50), Fund(Decimal(50), Decimal(1)))
    keeper.keep_point(3, "USDT", Decimal(130), Fund(Decimal(130), Decimal(1)))
    whole = Whole(all_of_them, ("main", "third"))
    whole.take({"main": moment("130", "130"), "third": moment("20", "20")}, 4)
    points = whole.history(ListPortfolioHistory()).points
    assert [(one.equity, one.flow, one.price) for one in points] == [
        (150, 0, 1),
        (180, 30, 1),
        (150, -30, 1),
    ]


def test_profit_of_one_account_is_that_of_the_whole_by_its_part(keeper: Keeper) -> None:
    """A tenth more of half the money is a twentieth of all."""
    whole = Whole(keeper.of(ALL), ("main", "second"))
    whole.take({"main": moment("100", "100"), "second": moment("100", "100")}, 1)
    whole.take({"main": moment("110", "100", "1.1"), "second": moment("100", "100")}, 70_000)
    assert [one.price for one in whole.turns()] == [Decimal(1), Decimal("1.05")]


def test_nothing_is_written_while_an_account_is_not_known(keeper: Keeper) -> None:
    """A sum without one of them would look like a loss."""
    whole = Whole(keeper.of(ALL), ("main", "second"))
    whole.take({"main": moment("100", "100"), "second": None}, 1)
    assert whole.history(ListPortfolioHistory()).points == []


def test_accounts_share_a_table_and_not_a_row(keeper: Keeper) -> None:
    """Points of the same moment stay apart, and main's table is as it was."""
    second, third = keeper.of("second"), keeper.of("third")
    for one, value in ((keeper, 1), (second, 2), (third, 3)):
        one.keep_point(7, "USDT", Decimal(value), Fund(Decimal(value), Decimal(1)))
    assert [one.points(None, 10)[0].equity for one in (keeper, second, third)] == [1, 2, 3]
    assert [len(one.points(None, 10)) for one in (keeper, second, third)] == [1, 1, 1]
