"""The limit over all accounts: shared out, kept together, closed when something is not known."""

from decimal import Decimal

from cryptobot.configs.sections.risk import RiskSettings
from cryptobot.services.risk import together
from cryptobot.services.risk.picture import Picture

SETTINGS = RiskSettings(max_all_accounts_exposure_percent=Decimal(50))


def picture(equity: str | None, held: str = "0", currency: str = "USDT") -> Picture:
    return Picture(
        now_ms=1,
        currency=currency,
        equity=None if equity is None else Decimal(equity),
        assets={"BTC": Decimal(held)},
        buying={},
        strategies={},
        watched=("BTC/USDT",),
        market_news={},
    )


def rooms(found: dict[str, together.Share]) -> dict[str, list[Decimal]]:
    return {name: [cap.room for cap in caps] for name, (_, caps, _) in found.items()}


def test_nothing_follows_while_the_limit_is_off() -> None:
    """Without the setting accounts do not concern each other, not even one that was never read."""
    found = together.judge(RiskSettings(), {"main": picture("100"), "second": None})
    assert found == {"main": ([], [], []), "second": ([], [], [])}


def test_the_room_is_divided_by_what_the_accounts_are_worth() -> None:
    """4000 are worth 50 % = 2000, of which 800 are used: 1200 are left, three parts of four for main."""
    found = together.judge(SETTINGS, {"main": picture("3000", "800"), "second": picture("1000")})
    assert rooms(found) == {"main": [Decimal(900)], "second": [Decimal(300)]}
    assert found["second"][2][0].value == Decimal(20)


def test_all_rooms_together_are_never_more_than_what_is_left() -> None:
    """However the accounts are cut, orders in all of them at once stay within the limit."""
    worth = {"a": picture("333.33", "11"), "b": picture("777.77", "22"), "c": picture("0.01")}
    found = together.judge(SETTINGS, worth)
    left = (Decimal("1111.11") / 2) - Decimal(33)
    assert left - Decimal("0.0001") <= sum(room for [room] in rooms(found).values()) <= left


def test_a_limit_that_is_passed_leaves_no_room_anywhere() -> None:
    """Prices may carry the whole over the limit: then no account opens anything."""
    found = together.judge(SETTINGS, {"main": picture("1000", "900"), "second": picture("100")})
    assert rooms(found) == {"main": [Decimal(0)], "second": [Decimal(0)]}


def test_what_is_not_known_closes_all_accounts() -> None:
    """An account that was never read, or cannot be valued, or is kept in another currency."""
    for other in (None, picture(None), picture("5", currency="EUR")):
        found = together.judge(SETTINGS, {"main": picture("100"), "second": other})
        for reasons, caps, figures in found.values():
            assert [reason.state for reason in reasons] == ["REDUCING"]
            assert (caps, figures[0].value) == ([], None)
