"""From a picture to a verdict."""

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from cryptobot.bus.contracts.risk import RiskVerdict
from cryptobot.configs.sections.risk import RiskSettings
from cryptobot.services.accounting.markets import MarketNews
from cryptobot.services.accounting.returns import Window
from cryptobot.services.risk import drawdown
from cryptobot.services.risk.keeping import Memory
from cryptobot.services.risk.officer import Officer, Opinion
from cryptobot.services.risk.picture import Picture
from hypothesis import given
from hypothesis import strategies as st

BTC, ETH, XMR = "BTC/USDT", "ETH/USDT", "XMR/USDT"
FINE = MarketNews(0.5, Decimal("0.1"), 0.5)
NOON = 1_795_348_800_000


def picture(equity: str | None = "1000", **fields: Any) -> Picture:
    given: dict[str, Any] = {
        "now_ms": NOON,
        "currency": "USDT",
        "assets": {},
        "buying": {},
        "strategies": {},
        "watched": (BTC, ETH),
        "market_news": {BTC: FINE, ETH: FINE},
        "prices": {"USDT": Decimal(1), "BTC": Decimal(100)},
        **fields,
    }
    return Picture(equity=None if equity is None else Decimal(equity), **given)


def moving_window() -> Window:
    """BTC and ETH go together, XMR goes its own way; BTC moves about 1 % a candle of one day."""
    random, window = np.random.default_rng(5), Window(300, 86_400_000)
    common, own = random.normal(0, 0.01, 300), random.normal(0, 0.01, 300)
    prices = dict.fromkeys((BTC, ETH, XMR), 100.0)
    for number in range(300):
        for symbol, step in ((BTC, common[number]), (ETH, 2 * common[number]), (XMR, own[number])):
            prices[symbol] *= 1 + step
            window.add(symbol, (number + 1) * 86_400_000, prices[symbol])
    return window


WINDOW = moving_window()


def judge(seen: Picture, memory: Memory | None = None, **settings: Any) -> Opinion:
    officer = Officer(RiskSettings(**settings), drawdown.zone_of("UTC"))
    return officer.judge(memory or Memory(), seen, [], WINDOW)


def lost(percent: int, **settings: Any) -> Opinion:
    """An account that had 1000 and lost some of it."""
    before = judge(picture("1000"), **settings)
    return judge(picture(str(1000 - 10 * percent)), before.memory, **settings)


def caps(verdict: RiskVerdict, code: str) -> dict[str, Decimal]:
    return {cap.name: cap.room for cap in verdict.caps if cap.code == code}


def test_nothing_wrong_is_active() -> None:
    """No reason, no block, no cap with the default settings."""
    verdict = judge(picture()).verdict

    assert (verdict.state, verdict.reasons, verdict.blocks, verdict.caps) == ("ACTIVE", [], [], [])


def test_a_daily_loss_halts_and_stays_until_a_person_comes() -> None:
    """Five percent are allowed; it stays when the loss is made good."""
    opinion = lost(5)
    recovered = judge(picture("1000"), opinion.memory)

    assert opinion.verdict.state == recovered.verdict.state == "HALTED"
    assert opinion.memory.trade_told is False
    (reason,) = opinion.verdict.reasons
    assert reason.latched
    assert reason.sentence == (
        "Today's loss is 5.00 % of the day's start; 5 % are allowed (risk.max_daily_drawdown_percent)."
    )


def test_a_daily_loss_may_reduce_for_the_day_only() -> None:
    """It ends by itself the next day."""
    opinion = lost(6, daily_drawdown_action="reduce")
    tomorrow = judge(picture("940", now_ms=NOON + 86_400_000), opinion.memory, daily_drawdown_action="reduce")

    assert (opinion.verdict.state, tomorrow.verdict.state) == ("REDUCING", "ACTIVE")


def test_a_total_loss_halts() -> None:
    """Twenty percent below the best."""
    opinion = lost(20, max_daily_drawdown_percent=None)

    assert [reason.code for reason in opinion.verdict.reasons] == ["total_drawdown"]


def test_a_deposit_is_no_profit_and_a_withdrawal_no_loss() -> None:
    """1000 come from outside and go again."""
    begun = judge(picture("1000"))
    more = judge(picture("2000", transferred={"USDT": Decimal(1000)}), begun.memory)
    less = judge(picture("500", transferred={"USDT": Decimal(-500)}), more.memory)

    assert (more.verdict.state, less.verdict.state) == ("ACTIVE", "ACTIVE")
    assert less.total_loss == 0


def test_an_unknown_equity_opens_nothing_and_remembers_all() -> None:
    """A price is missing: only reducing, and the marks stay."""
    before = judge(picture("1000"))
    opinion = judge(picture(None), before.memory)

    assert (opinion.verdict.state, opinion.memory.marks) == ("REDUCING", before.memory.marks)


def test_exposures_leave_room() -> None:
    """300 in BTC, 100 being bought of ETH, of 1000."""
    seen = picture(
        assets={"BTC": Decimal(300)},
        buying={ETH: Decimal(100)},
        strategies={"a": Decimal(300), "b": Decimal(100)},
    )
    verdict = judge(
        seen,
        max_total_exposure_percent=Decimal(50),
        max_asset_exposure_percent=Decimal(35),
        max_strategy_exposure_percent=Decimal(20),
    ).verdict

    assert caps(verdict, "total_exposure") == {"": 100}
    assert caps(verdict, "asset_exposure") == {"BTC": 50, "ETH": 250}
    assert caps(verdict, "strategy_exposure") == {"a": 0, "b": 100}
    assert all("are allowed (risk.max_" in cap.sentence for cap in verdict.caps)


def test_a_budget_of_the_portfolio_is_a_cap() -> None:
    """Without any limit of risk's own."""
    seen = picture(
        strategies={"a": Decimal(300), "b": Decimal(0)}, budgets={"a": Decimal(250), "c": Decimal(1)}
    )

    assert caps(judge(seen).verdict, "strategy_budget") == {"a": 0}


def test_markets_that_move_together_share_their_room() -> None:
    """ETH follows BTC; XMR does not. A market without returns counts as moving with all."""
    news = dict.fromkeys((BTC, ETH, XMR, "NEW/USDT"), FINE)
    seen = picture(assets={"BTC": Decimal(300)}, watched=tuple(news), market_news=news)
    verdict = judge(seen, max_correlated_exposure_percent=Decimal(40)).verdict

    assert caps(verdict, "correlated_exposure") == {BTC: 100, ETH: 100, XMR: 400, "NEW/USDT": 100}


def test_a_wilder_market_gets_a_smaller_position() -> None:
    """ETH moves twice as much as BTC: half the room."""
    rooms = caps(judge(picture(), target_volatility_percent=Decimal("0.1")).verdict, "volatility")

    assert rooms[BTC] == pytest.approx(2 * rooms[ETH], rel=Decimal("0.000001"))
    assert float(rooms[BTC]) == pytest.approx(1000 * 0.001 / WINDOW.daily_volatility(BTC))


def test_an_unknown_volatility_gives_no_room() -> None:
    """Too few candles."""
    seen = picture(watched=("NEW/USDT",), market_news={"NEW/USDT": FINE})

    assert caps(judge(seen, target_volatility_percent=Decimal(1)).verdict, "volatility") == {"NEW/USDT": 0}


@pytest.mark.parametrize("method", ["historical", "parametric"])
def test_too_much_value_at_risk_only_reduces_and_ends_by_itself(method: str) -> None:
    """All in BTC, which moves a percent a day: about 1.6 % at risk."""
    settings = {"max_value_at_risk_percent": Decimal(1), "tail_method": method}
    heavy = judge(picture(assets={"BTC": Decimal(1000)}), **settings)
    light = judge(picture(assets={"BTC": Decimal(100)}), heavy.memory, **settings)

    assert (heavy.verdict.state, light.verdict.state) == ("REDUCING", "ACTIVE")
    assert heavy.tail.value_at_risk == pytest.approx(Decimal("1.6"), abs=Decimal("0.4"))
    assert heavy.tail.shortfall > heavy.tail.value_at_risk  # type: ignore[operator]


def test_a_tail_that_cannot_be_told_only_reduces() -> None:
    """Something is held whose returns are not known."""
    seen = picture(
        watched=("NEW/USDT",), market_news={"NEW/USDT": FINE}, assets={"NEW": Decimal(10)}, prices={}
    )
    verdict = judge(seen, max_expected_shortfall_percent=Decimal(10)).verdict

    assert (verdict.state, verdict.reasons[0].code) == ("REDUCING", "expected_shortfall")


@pytest.mark.parametrize(
    ("news", "code"),
    [
        (MarketNews(None, None), "stale_price"),
        (MarketNews(31.0, Decimal("0.1"), 1.0), "stale_price"),
        (MarketNews(1.0, None), "unknown_spread"),
        (MarketNews(1.0, Decimal("0.1"), 40.0), "unknown_spread"),
        (MarketNews(1.0, Decimal("1.5"), 1.0), "wide_spread"),
    ],
)
def test_a_market_that_is_not_fit_is_blocked(news: MarketNews, code: str) -> None:
    """Stale, without a book, or wide: nothing is opened there, elsewhere it is."""
    (block,) = judge(picture(market_news={BTC: news, ETH: FINE})).verdict.blocks

    assert (block.scope, block.name, block.code) == ("symbol", BTC, code)


def test_the_memory_survives_being_written() -> None:
    """JSON and back."""
    memory = lost(5).memory

    assert msgspec.json.decode(msgspec.json.encode(memory), type=Memory) == memory


MONEY = st.decimals(min_value="0", max_value="5000", places=2)


@given(held=MONEY, buying=MONEY, equity=st.decimals(min_value="1", max_value="9000", places=2))
def test_opening_no_more_than_the_room_keeps_every_limit(
    held: Decimal, buying: Decimal, equity: Decimal
) -> None:
    """Whatever the account: exposure plus room is never above the limit, unless prices moved it there."""
    limit = Decimal(40)
    seen = picture(str(equity), assets={"BTC": held}, buying={BTC: buying}, strategies={"a": held + buying})
    verdict = judge(
        seen,
        max_total_exposure_percent=limit,
        max_asset_exposure_percent=limit,
        max_strategy_exposure_percent=limit,
        max_correlated_exposure_percent=limit,
    ).verdict
    most = max(equity * limit / 100, held + buying)

    for cap in verdict.caps:
        used = held + buying if cap.name != "ETH" and cap.name != ETH else Decimal(0)
        assert cap.room >= 0
        assert used + cap.room <= most + Decimal("1e-20")
