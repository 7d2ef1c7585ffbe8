"""Trade's side: verdicts are kept in force, silence opens nothing."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from cryptobot.bus.contracts.risk import RiskBlock, RiskCap, RiskReason, RiskVerdict
from cryptobot.bus.contracts.strategy import OrderIntent
from cryptobot.configs.schema import ServiceOverride, Settings, TradeSettings
from cryptobot.services.connectors.venue import Market, OrderRequest
from cryptobot.services.trade.limits import Picture, Subject, check
from cryptobot.services.trade.order import OrderRecord
from cryptobot.services.trade.risk_gate import RiskGate, is_required

SYMBOL = "BTC/USDT"
NOW = 1_000_000
PICTURE = Picture(
    trading_state="ACTIVE",
    price=Decimal(100),
    stale_s=0.0,
    position=Decimal(5),
    closing=Decimal(0),
    free_base=Decimal(5),
    free_quote=Decimal(100_000),
    buying=Decimal(0),
    open_orders=0,
    orders_last_minute=0,
    in_step=True,
)


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


def market() -> Market:
    return Market(
        symbol=SYMBOL,
        base="BTC",
        quote="USDT",
        tick=Decimal("0.01"),
        step=Decimal("0.001"),
        min_amount=Decimal("0.001"),
        max_amount=None,
        min_cost=Decimal(1),
        active=True,
    )


def gate(*, required: bool = True, clock: Clock | None = None) -> RiskGate:
    return RiskGate(required=required, clock=clock or Clock(), wall_ms=lambda: NOW)


def verdict(state: str = "ACTIVE", **fields: Any) -> RiskVerdict:
    reasons = [] if state == "ACTIVE" else [_reason(state)]
    given: dict[str, Any] = {"blocks": [], "caps": [], "seen_order": "", "shrink": True, **fields}
    return RiskVerdict(state=state, reasons=reasons, issued_ms=NOW, valid_s=5.0, **given)


def _reason(state: str) -> RiskReason:
    return RiskReason(code="x", state=state, sentence="It is so.", since_ms=0, latched=True)


def subject(side: str = "buy", amount: str = "1", source: str = "a", **guard: Any) -> Subject:
    request = OrderRequest(client_id="c", symbol=SYMBOL, side=side, type="market", amount=Decimal(amount))
    return Subject(
        request=request,
        market=market(),
        reduce_only=False,
        picture=PICTURE,
        settings=TradeSettings(),
        stale_after_s=15.0,
        source=source,
        **guard,
    )


def code(kept: RiskGate, asked: Subject) -> str:
    denial = kept.judge(asked)
    return "" if denial is None else denial.code


def order(number: int, amount: str, source: str = "a", side: str = "buy") -> OrderRecord:
    return OrderRecord(
        id=f"o{number}",
        client_order_id=f"o{number}",
        source=source,
        exchange="paper",
        symbol=SYMBOL,
        side=side,
        type="market",
        amount=Decimal(amount),
        reference_price=Decimal(100),
        created_ms=NOW,
        updated_ms=NOW,
    )


def test_required_and_never_heard_opens_nothing() -> None:
    """What reduces passes."""
    kept = gate()

    assert code(kept, subject()) == "risk_silent"
    assert code(kept, subject("sell")) == ""


def test_not_required_and_never_heard_is_as_without_risk() -> None:
    """Nobody enabled it."""
    assert code(gate(required=False), subject()) == ""


def test_silence_after_a_verdict_opens_nothing() -> None:
    """Five seconds after the last word, also when risk was only started by hand."""
    for required in (True, False):
        clock = Clock()
        kept = gate(required=required, clock=clock)
        kept.take(verdict())
        assert code(kept, subject()) == ""

        clock.now_s += 5.1

        assert code(kept, subject()) == "risk_silent"
        assert code(kept, subject("sell")) == ""


def test_a_verdict_that_was_kept_for_long_has_ended() -> None:
    """The broker's last word of a minute ago says nothing about now."""
    kept = gate()
    kept.take(replace_ms(verdict(), NOW - 60_000))

    assert code(kept, subject()) == "risk_silent"


def replace_ms(told: RiskVerdict, issued_ms: int) -> RiskVerdict:
    import msgspec

    return msgspec.structs.replace(told, issued_ms=issued_ms)


def test_an_orderly_end_frees_only_who_does_not_require_it() -> None:
    """Required: closed at once."""
    kept, free = gate(), gate(required=False)
    for one in (kept, free):
        one.take(verdict(ended=True))

    assert (code(kept, subject()), code(free, subject())) == ("risk_silent", "")


def test_states_are_kept_in_force() -> None:
    """HALTED: nothing. REDUCING: what reduces."""
    kept = gate()
    kept.take(verdict("HALTED"))
    assert (code(kept, subject()), code(kept, subject("sell"))) == ("risk_halted", "risk_halted")
    denial = kept.judge(subject())
    assert denial is not None
    assert denial.reason == "It is so. A person re-arms with `cryptobot risk rearm`."

    kept.take(verdict("REDUCING"))
    assert (code(kept, subject()), code(kept, subject("sell"))) == ("risk_reducing", "")


@pytest.mark.parametrize(
    ("scope", "name", "symbol", "blocked"),
    [
        ("all", "", "", True),
        ("symbol", SYMBOL, "", True),
        ("symbol", "ETH/USDT", "", False),
        ("asset", "BTC", "", True),
        ("strategy", "a", "", True),
        ("strategy", "a", "ETH/USDT", False),
        ("strategy", "b", "", False),
    ],
)
def test_blocks_concern_their_scope_only(scope: str, name: str, symbol: str, blocked: bool) -> None:
    """Everything, a market, an asset, a strategy, a strategy in a market."""
    block = RiskBlock(scope=scope, name=name, symbol=symbol, code="x", sentence="No.", until_ms=NOW + 1)
    kept = gate()
    kept.take(verdict(blocks=[block]))

    assert code(kept, subject()) == ("risk_blocked" if blocked else "")
    assert code(kept, subject("sell")) == ""


def test_a_block_ends_at_its_time() -> None:
    """Not only with the next verdict."""
    block = RiskBlock(scope="all", name="", symbol="", code="x", sentence="No.", until_ms=NOW - 1)
    kept = gate()
    kept.take(verdict(blocks=[block]))

    assert code(kept, subject()) == ""


def cap(room: str, scope: str = "all", name: str = "") -> RiskCap:
    return RiskCap(scope=scope, name=name, room=Decimal(room), code="x", sentence="So much.")


def intent(amount: str, side: str = "buy") -> OrderIntent:
    return OrderIntent(
        intent_id="i",
        source="a",
        exchange="paper",
        symbol=SYMBOL,
        side=side,
        type="market",
        amount=Decimal(amount),
    )


def test_orders_are_made_to_fit_the_room() -> None:
    """250 of room at 100 each: two and a half coins; what reduces is left alone."""
    kept = gate()
    kept.take(verdict(caps=[cap("250"), cap("900", "symbol", SYMBOL)]))

    assert kept.shrink(intent("4"), Decimal(4), PICTURE) == Decimal("2.5")
    assert kept.shrink(intent("4", "sell"), Decimal(4), PICTURE) == 4
    assert (code(kept, subject(amount="2.5")), code(kept, subject(amount="2.6"))) == ("", "risk_no_room")


def test_orders_may_be_denied_instead() -> None:
    """By the settings of risk."""
    kept = gate()
    kept.take(verdict(caps=[cap("250")], shrink=False))

    assert kept.shrink(intent("4"), Decimal(4), PICTURE) == 4
    assert code(kept, subject(amount="4")) == "risk_no_room"


def test_room_is_used_up_by_orders_that_risk_has_not_seen() -> None:
    """Between two verdicts nobody gets the same room twice; once seen, the new room counts."""
    kept = gate()
    kept.take(verdict(caps=[cap("300")]))
    kept.on_order(order(1, "2"))
    kept.on_order(order(2, "1", side="sell"))

    assert (code(kept, subject(amount="1")), code(kept, subject(amount="1.1"))) == ("", "risk_no_room")

    kept.take(verdict(caps=[cap("100")], seen_order="o1"))
    assert code(kept, subject(amount="1")) == ""


def test_an_error_in_the_gate_is_a_denial() -> None:
    """The guard itself fails: nothing is opened."""

    def broken(asked: Subject) -> None:
        raise ZeroDivisionError

    denial = check(subject(risk=broken))

    assert denial is not None
    assert denial.code == "check_failed"


def test_required_by_the_settings() -> None:
    """services.risk.enabled."""
    assert not is_required(Settings())
    assert is_required(Settings(services={"risk": ServiceOverride(enabled=True)}))
    assert not is_required(Settings(services={"risk": ServiceOverride(enabled=False)}))
    assert replace(subject(), source="b").source == "b"
