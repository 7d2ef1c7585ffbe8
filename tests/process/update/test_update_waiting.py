"""What an update waits for before it switches, and what it does not wait for: servers that crawl."""

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest
from cryptobot.bus.contracts.trade import Protection
from cryptobot.configs.errors import CryptoBotError
from cryptobot.services.update import fetch
from cryptobot.supervisor.versions import apply as applying
from cryptobot.supervisor.versions.apply import Wish, apply
from cryptobot.supervisor.versions.running import exposure

ANN = Wish(actor="ann")


def test_it_waits_until_everything_is_sold(world, monkeypatch):
    """wait_for: flat. The position is named at each look; once it is sold the update goes on by itself."""
    monkeypatch.setattr(applying, "_LOOK_EVERY_S", 0.01)
    world.platform.change(held="1")
    waited = []

    def told(progress):
        if progress.step.startswith("Waiting:"):
            waited.append(progress.step)
            if len(waited) == 3:
                world.platform.change(held="0")

    apply(replace(world.trial(wait_for="flat", wait_s=60), told=told), world.offer(), ANN)
    assert waited == ["Waiting: BTC/USDT is held."] * 3
    world.assert_whole("2.0.0")


def test_it_is_given_up_when_nothing_is_sold(world):
    """wait_for: flat, and the time is over: nothing was changed."""
    world.platform.change(held="1")
    with pytest.raises(CryptoBotError, match=r"given up after 0 s: BTC/USDT is held\. Nothing was changed"):
        apply(world.trial(wait_for="flat"), world.offer(), ANN)
    world.assert_whole("1.0.0")


@pytest.mark.parametrize(
    ("order", "state", "waits"),
    [("o1", "ARMED", ""), ("", "ARMED", "without a stop"), ("o1", "EXITING", "without a stop")],
)
def test_a_stop_that_rests_at_the_venue_protects(world, order, state, waits):
    """wait_for: protected. Only an order that is in force at the venue counts."""
    world.platform.change(held="1")
    guard = Protection(
        exchange="paper", symbol="BTC/USDT", stop_price=Decimal(90), take_profit=None,
        take_profit_amount=None, trailing_percent=None, stop_order_id=order, state=state, actor="ann",
    )  # fmt: skip
    portfolio = msgspec.structs.replace(world.platform.portfolio(), protections=[guard])
    told = exposure(portfolio, "protected")
    assert told.endswith(f"{waits} at the venue.") if waits else not told
    assert exposure(portfolio, "flat") == "BTC/USDT is held."
    assert exposure(portfolio, "nothing") == ""


def test_a_server_that_drips_is_left(signed, monkeypatch):
    """An archive that comes too slowly is given up, and what arrived is kept for the next try."""
    with monkeypatch.context() as crawling:

        def told(progress):
            if progress.state == "downloading":
                crawling.setattr(fetch, "_SLOW_AFTER_S", 0.0)
                crawling.setattr(fetch, "_SLOWEST_BYTES_S", 1e12)

        with pytest.raises(CryptoBotError, match="too slow; what arrived is kept"):
            signed.download(told)
    assert signed.folder.read_ready() is None
    there = next(signed.folder.downloads.glob("*.part")).stat().st_size
    signed.server.asked.clear()
    assert signed.download().version == "2.0.0"
    assert signed.server.asked[-1][1]["Range"] == f"bytes={there}-"


def test_descriptions_that_drip_are_left(signed, monkeypatch):
    """Whoever sends signed metadata a byte at a time keeps nobody waiting for ever."""
    monkeypatch.setattr(fetch, "_METADATA_LIMIT_S", -1.0)
    with pytest.raises(CryptoBotError, match="took more than"):
        signed.check()
    assert signed.folder.read_checked() is None
