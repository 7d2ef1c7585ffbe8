"""kill -9 of any one process during the demo: healed, no order lost, none doubled."""

import hashlib
import hmac
import json
import os
import signal
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import psutil
import pytest

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals"),
]

QUICK = ["trade"]
SLOW = ["bus", "auth", "paper", "data", "strategy", "dashboard"]
VICTIMS = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
SYMBOL = "BTC/USDT"


class Exchange:
    """The paper exchange, asked with nothing but HTTP and HMAC, as Binance documents it."""

    def __init__(self, info: dict[str, Any]) -> None:
        self._url, self._key, self._secret = info["rest_url"], info["api_key"], info["api_secret"].encode()

    def get(self, path: str, **parameters: str) -> Any:
        """A signed GET."""
        query = urllib.parse.urlencode({**parameters, "timestamp": str(int(time.time() * 1000))})
        signature = hmac.new(self._secret, query.encode(), hashlib.sha256).hexdigest()
        url = f"{self._url}/api/v3/{path}?{query}&signature={signature}"
        request = urllib.request.Request(url, headers={"X-MBX-APIKEY": self._key})  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            return json.loads(answer.read())


def pid_of(demo: Any, name: str) -> int:
    status = demo.ask("status")
    if name == "supervisor":
        return int(status["supervisor"]["pid"])
    return next(int(one["pid"]) for one in status["services"] if one["name"] == name)


def assert_books_agree(demo: Any) -> None:
    """Orders and fills of the bot are those of the exchange: the same ids, each once."""
    exchange = Exchange(demo.ask("paper", "info"))
    orders = [one for one in demo.ask("orders") if one["state"] != "DENIED"]
    fills = demo.ask("fills")
    theirs = exchange.get("allOrders", symbol="BTCUSDT")
    trades = exchange.get("myTrades", symbol="BTCUSDT")

    ids = [one["clientOrderId"] for one in orders]
    intents = [one["intentId"] for one in orders]
    assert sorted(ids) == sorted(one["clientOrderId"] for one in theirs)
    assert len(ids) == len(set(ids)) == len(set(intents))
    assert sorted(one["id"] for one in fills) == sorted(str(one["id"]) for one in trades)


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_killed_service_is_healed_in_the_middle_of_trading(
    victim: str, demo: Callable[..., Any], left_over: Callable[..., Any]
) -> None:
    """It is back with a new pid, the bot goes on trading, and bot and exchange agree on every order."""
    running = demo("--set", "paper.start=1010")
    running.wait_for("bought ")
    before = pid_of(running, victim)

    os.kill(before, signal.SIGKILL)

    running.wait_for(f"{victim} is RUNNING")
    running.wait_for("sold ")
    after = {one["name"]: one for one in running.ask("status")["services"]}
    running.ask("stop", "strategy")
    assert after[victim]["pid"] not in {0, before}
    assert after[victim]["restarts"] == 1
    assert [name for name, one in after.items() if one["restarts"] and name != victim] == []
    assert_books_agree(running)
    running.interrupt()
    code, out = running.end()
    assert code == 0, "\n".join(running.lines)
    assert "ledger equals the exchange's" in out
    assert left_over() == []


@pytest.mark.slow
def test_a_killed_supervisor_is_replaced_and_takes_the_services_over(
    demo: Callable[..., Any], left_over: Callable[..., Any]
) -> None:
    """The services trade on with their old pids; the next supervisor adopts them and restarts none."""
    running = demo("--set", "paper.start=1010")
    running.wait_for("bought ")
    before = {one["name"]: one["pid"] for one in running.ask("status")["services"]}
    killed = pid_of(running, "supervisor")

    os.kill(killed, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(killed)] if psutil.pid_exists(killed) else [], timeout=10)

    running.wait_for("takes the services over")
    running.wait_for("sold ")
    after = {one["name"]: one["pid"] for one in running.ask("status")["services"]}
    assert after == before
    running.ask("stop", "strategy")
    assert_books_agree(running)
    running.interrupt()
    code, _ = running.end()
    assert code == 0, "\n".join(running.lines)
    assert left_over() == []
