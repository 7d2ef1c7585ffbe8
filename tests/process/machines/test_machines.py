"""A platform on four machines (network namespaces), its database on a fifth: it trades, cut links heal."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MACHINES = ("core", "market", "money", "front")
_VERIFY = """
import contextlib, sys
from pathlib import Path
from cryptobot.bus.blocking import BlockingBus
from cryptobot.bus.contracts.trade import LedgerReport, VerifyLedger
from cryptobot.configs.paths import Home
with contextlib.closing(BlockingBus.open(Home(Path(sys.argv[1])), "cli")) as bus:
    report = bus.request("trade", VerifyLedger(), LedgerReport, timeout_s=30.0)
    print(report.equal, report)
"""


class Listener:
    """`listener.py` on the machine `front`: what it wrote down so far."""

    def __init__(self, platform: Any) -> None:
        self._file = platform.folder / "heard"
        script = str(Path(__file__).with_name("listener.py"))
        words = [sys.executable, script, str(platform.folder / "front"), str(self._file)]
        self._process = subprocess.Popen(platform.network.words("front", *words), env=platform.environment)
        platform.until("the listener is in force", lambda: "settled" in self.lines())

    def lines(self) -> list[str]:
        """All complete lines."""
        return self._file.read_text().splitlines() if self._file.exists() else []

    def keys(self, kind: str) -> list[str]:
        """The keys of the messages of one class, as they came."""
        return [line.split(" ", 3)[3] for line in self.lines() if line.startswith(kind + " ")]

    def more(self, kind: str) -> Callable[[], bool]:
        """Asks whether more messages of a class were heard since now."""
        before = len(self.keys(kind))
        return lambda: len(self.keys(kind)) > before

    def end(self) -> str:
        """Stop it; its last line."""
        if self._process.poll() is None:
            self._process.terminate()
            assert self._process.wait(30) == 0
        return self.lines()[-1]


@pytest.fixture
def listener(platform: Any) -> Iterator[Listener]:
    """A listener of the test's own."""
    made = Listener(platform)
    yield made
    made.end()


def test_four_machines_trade_and_cut_links_heal(platform: Any, listener: Listener) -> None:
    """Orders are filled; a cut is told and healed: no order lost or doubled, every event heard once."""
    _trades(platform, listener)
    _survives_a_cut_of_the_bus(platform, listener)
    _survives_cuts_of_the_money(platform, listener)


def _trades(platform: Any, listener: Listener) -> None:
    platform.until("a round trip", lambda: len(platform.ask("money", "fills")) >= 2)
    platform.until("fills are heard elsewhere", lambda: listener.keys("Fill"))

    rows = {row["name"]: row for row in platform.ask("core", "status")["elsewhere"]}
    assert set(rows) == {"paper", "data", "trade", "strategy", "dashboard"}
    assert all(row["within_reach"] and row["state"] == "RUNNING" for row in rows.values())
    assert not list(platform.folder.glob("*/state/databases/trade.sqlite"))  # PostgreSQL has it


def _survives_a_cut_of_the_bus(platform: Any, listener: Listener) -> None:
    """What trade says while the broker cannot hear it is in its outbox, and heard by all afterwards."""
    before = listener.keys("TradingState")
    platform.network.cut("core")
    platform.say("money", "halt", "--reason", "while the bus is away")
    platform.say("money", "resume")
    for machine in ("core", "money"):
        platform.until("the cut is told", lambda machine=machine: _away(platform, machine))
    assert listener.keys("TradingState") == before

    platform.network.mend("core")
    platform.until("both sides are within reach", lambda: not _away(platform, "core", "money"))
    platform.until(
        "what was said meanwhile is heard",
        lambda: listener.keys("TradingState")[len(before) :] == ["HALTED", "ACTIVE"],
    )


def _survives_cuts_of_the_money(platform: Any, listener: Listener) -> None:
    """Trade loses strategy's candles, venue, database and bus at once, just when an order is on its way."""
    for _ in range(3):
        platform.until("an order is on its way", listener.more("Order"))
        platform.network.cut("money")
        platform.until("money is out of reach", lambda: _away(platform, "core"))
        platform.network.mend("money")
        platform.until("money is back", lambda: not _away(platform, "core", "money"))
        platform.until("it trades on", listener.more("Fill"))
    platform.say("money", "stop", "strategy")
    platform.until("all orders are over", lambda: _all_over(platform))

    home = str(platform.folder / "money")
    words = platform.network.words("money", sys.executable, "-c", _VERIFY, home)
    told = subprocess.run(words, capture_output=True, text=True, timeout=90, check=True).stdout
    assert told.startswith("True"), told  # the venue's orders, fills and balances are the ledger's

    fills = [fill["id"] for fill in platform.ask("money", "fills", "--limit", "1000")]
    platform.until("every fill is heard", lambda: set(listener.keys("Fill")) >= set(fills[:-1]))
    assert max(Counter(fills).values()) == 1
    assert max(Counter(listener.keys("Fill")).values()) == 1
    last = listener.end()
    assert last.startswith("counters") and "'lost'" not in last, last


def _away(platform: Any, *machines: str) -> bool:
    """Whether a machine misses another one."""
    return any(
        not row["within_reach"]
        for machine in machines
        for row in platform.ask(machine, "status")["elsewhere"]
    )


def _all_over(platform: Any) -> bool:
    orders = platform.ask("money", "orders", "--limit", "1000")
    return all(order["status"] in {"closed", "canceled", "rejected", "expired"} for order in orders)
