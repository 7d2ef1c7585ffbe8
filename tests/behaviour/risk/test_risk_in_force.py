"""The risk service on the whole platform: a loss, a halt, a person, and deaths in between."""

import signal

import pytest
from cryptobot.bus.contracts.trade import GetPortfolio, Portfolio

SETTINGS = {
    "services.risk.enabled": "true",
    "risk.silence_s": "3",
    "risk.interval_s": "0.5",
    "risk.max_daily_drawdown_percent": "0.05",
    "risk.max_asset_exposure_percent": "95",
    "risk.max_spread_percent": "5",
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("platform", [SETTINGS], indirect=True)
def test_a_loss_halts_everything_until_a_person_rearms(platform) -> None:  # type: ignore[no-untyped-def]
    """Halted, refused with the reason, still so after both died, armed again by a person; silence closes."""
    _trades(platform, "buy", "1")

    # Prices stand still, so what is lost are the fees: a tenth of a percent of 9,000 is more than is allowed.
    _trades(platform, "buy", "90")
    platform.until(lambda: platform.intend("sell", "1") == "risk_halted")
    assert "Today's loss is 0." in platform.reason
    assert "`cryptobot risk rearm`" in platform.reason

    status = platform.json("risk", "status")
    assert status["verdict"]["state"] == "HALTED"
    state = platform.ask("trade", GetPortfolio(), Portfolio).trading_state
    assert (state.state, state.actor) == ("HALTED", "service:risk")

    _survives_both_deaths(platform)
    _is_armed_by_a_person(platform)
    _silence_closes(platform)


def _trades(platform, side: str, amount: str) -> None:  # type: ignore[no-untyped-def]
    platform.until(lambda: platform.intend(side, amount) == "")
    platform.until(
        lambda: not any(balance.used for balance in platform.ask("trade", GetPortfolio(), Portfolio).balances)
    )


def _survives_both_deaths(platform) -> None:  # type: ignore[no-untyped-def]
    """kill -9 of risk and trade: nothing passes before, between and after."""
    platform.signal("risk", signal.SIGKILL)
    platform.signal("trade", signal.SIGKILL)
    codes = set()

    def halted_again() -> bool:
        code = platform.intend("buy", "1")
        codes.add(code)
        return code == "risk_halted"

    platform.until(halted_again)
    assert "" not in codes


def _is_armed_by_a_person(platform) -> None:  # type: ignore[no-untyped-def]
    """Resuming trade alone does not help; re-arming risk does, and it is in the audit log."""
    platform.run("resume")
    assert platform.intend("buy", "1") == "risk_halted"
    platform.run("halt", "--reason", "mine")

    done = platform.run("risk", "rearm", "--reason", "the fees were known")

    assert done.returncode == 0, done.stderr
    platform.until(lambda: platform.intend("sell", "1") == "halted")  # the person's own halt stays
    platform.run("resume")
    _trades(platform, "sell", "1")
    entries = platform.json("audit", "list")
    rearmed = [entry for entry in entries if entry["action"] == "rearm"]
    assert len(rearmed) == 1
    assert "the fees were known" in rearmed[0]["detail"]
    refused = platform.run("risk", "rearm")
    assert refused.returncode == 1
    assert "there is nothing to re-arm" in refused.stderr


def _silence_closes(platform) -> None:  # type: ignore[no-untyped-def]
    """Risk is frozen: after its time only what reduces passes. Killed and back, all passes again."""
    platform.signal("risk", signal.SIGSTOP)
    platform.until(lambda: platform.intend("buy", "0.1") == "risk_silent")
    assert platform.intend("sell", "0.1") == ""

    platform.signal("risk", signal.SIGKILL)

    platform.until(lambda: platform.intend("buy", "0.1") == "")
