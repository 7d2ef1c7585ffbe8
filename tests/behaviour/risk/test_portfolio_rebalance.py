"""The portfolio service on the whole platform: plan, rebalance, drift, rebalance."""

import csv
import io
import json
from decimal import Decimal

import pytest
from cryptobot.bus.contracts.portfolio import GetPortfolioReport, PortfolioReport

SETTINGS = {
    "services.portfolio.enabled": "true",
    "portfolio.targets": '{"BTC/USDT": "0.5", "ETH/USDT": "0.3"}',
    "portfolio.risk_aversion": "0",
    "portfolio.interval_s": "1",
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("platform", [SETTINGS], indirect=True)
def test_a_rebalance_brings_the_weights_within_their_thresholds(platform) -> None:  # type: ignore[no-untyped-def]
    """From cash to the targets; a strategy's own coins are left alone; sold coins are bought again; lots."""
    planned = platform.until(lambda: _plan(platform))
    assert {order["symbol"]: order["side"] for order in planned} == {"BTC/USDT": "buy", "ETH/USDT": "buy"}
    asked = platform.run("portfolio", "rebalance")
    assert asked.returncode == 2
    assert "--yes" in asked.stderr

    assert platform.json("portfolio", "rebalance", "--yes")["state"] == "DONE"
    _within(platform, Decimal("0.01"))

    # A strategy buys for itself: its coins are no part of the portfolio, and nothing is to be done.
    platform.until(lambda: platform.intend("buy", "2", source="ema") == "")
    platform.until(lambda: _holds(platform, "ema") > 1)
    _within(platform, Decimal("0.05"))

    # Somebody sells half of the coins: the strategy's own are older than none, the portfolio's go first.
    platform.until(lambda: platform.intend("sell", "20", source="somebody") == "")
    platform.until(lambda: _plan(platform))
    assert platform.json("portfolio", "rebalance", "--yes")["state"] == "DONE"
    _within(platform, Decimal("0.05"))

    lots = list(csv.DictReader(io.StringIO(platform.run("portfolio", "lots").stdout)))
    assert sum(Decimal(lot["amount"]) for lot in lots if lot["asset"] == "BTC") == 20
    assert all(Decimal(lot["gain"]) == Decimal(lot["proceeds"]) - Decimal(lot["cost"]) for lot in lots)


def _plan(platform) -> list[dict[str, str]]:  # type: ignore[no-untyped-def]
    """The orders that would be sent; none while markets are not known yet."""
    done = platform.run("portfolio", "plan", "--json")
    if done.returncode:
        return []
    return [order for order in json.loads(done.stdout)["orders"] if not order["skipped"]]


def _within(platform, most: Decimal) -> None:  # type: ignore[no-untyped-def]
    """Every weight, the cash's too, is that near to its target."""

    def near() -> bool:
        report = platform.ask("portfolio", GetPortfolioReport(), PortfolioReport)
        assert abs(sum(one.weight for one in report.weights) - 1) < Decimal("0.000001")
        return all(one.drift is not None and abs(one.drift) <= most for one in report.weights)

    platform.until(near)


def _holds(platform, source: str) -> Decimal:  # type: ignore[no-untyped-def]
    report = platform.ask("portfolio", GetPortfolioReport(), PortfolioReport)
    return sum((one.amount for one in report.sources if one.source == source), Decimal(0))
