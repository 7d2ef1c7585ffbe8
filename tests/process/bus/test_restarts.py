"""Everyone survives the restart of everyone."""

import asyncio
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.api import Received
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.service import Alert, Heartbeat, Ping
from cryptobot.configs.paths import Home


async def test_clients_survive_a_killed_broker(home: Home, broker: Any) -> None:
    """After a new broker is up, old clients exchange messages without being opened again."""
    sender, reader = await AsyncBus.open(home, "data"), await AsyncBus.open(home, "strategy")
    inbox: asyncio.Queue[Received[Heartbeat]] = asyncio.Queue()
    reader.subscribe("service.heartbeat.data", Heartbeat, inbox.put_nowait)
    await asyncio.gather(sender.settled(), reader.settled())
    broker.kill()
    broker.start()
    await asyncio.gather(sender.settled(), reader.settled())
    sender.publish("service.heartbeat.data", Heartbeat(name="data", pid=1, progress=5, loop_lag_ms=0.0))
    async with asyncio.timeout(10):
        assert (await inbox.get()).message.progress == 5
    await sender.close()
    await reader.close()


async def test_clients_open_before_the_broker(home: Home, broker: Any) -> None:
    """What was published before the broker was up arrives when it is."""
    broker.kill()
    sender, reader = await AsyncBus.open(home, "data"), await AsyncBus.open(home, "strategy")
    inbox: asyncio.Queue[Received[Heartbeat]] = asyncio.Queue()
    reader.subscribe("service.", Heartbeat, inbox.put_nowait)
    broker.start()
    await reader.settled()
    sender.publish("service.heartbeat.data", Heartbeat(name="data", pid=1, progress=5, loop_lag_ms=0.0))
    async with asyncio.timeout(10):
        while (await inbox.get()).source != "data":
            pass
    await sender.close()
    await reader.close()


async def test_a_caller_survives_the_restart_of_a_service(home: Home) -> None:
    """A request made while the service is away is answered by its next life."""
    client, server = await AsyncBus.open(home, "dashboard"), await AsyncBus.open(home, "data")
    server.serve(Ping, lambda request: Done(message="first"))
    assert (await client.request("data", Ping(), Done)).message == "first"
    await server.close()
    waiting = asyncio.ensure_future(client.request("data", Ping(), Done))
    await asyncio.sleep(0)
    server = await AsyncBus.open(home, "data")
    server.serve(Ping, lambda request: Done(message="second"))
    assert (await waiting).message == "second"
    await client.close()
    await server.close()


def test_the_broker_tells_that_it_is_ready_alive_and_stopping(home: Home, tmp_path: Path) -> None:
    """The supervisor hears READY, WATCHDOG and STOPPING; SIGTERM ends it with code 0."""
    path = str(home.sockets / "notify")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    listener.settimeout(10)
    code = (
        "import sys; from cryptobot.bus.broker import main; from cryptobot.configs.paths import Home;"
        "sys.exit(main(Home.find(sys.argv[1])))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(home.root)], env={"NOTIFY_SOCKET": path})
    heard = [listener.recv(4096).decode(), listener.recv(4096).decode()]
    process.send_signal(signal.SIGTERM)
    while "STOPPING=1" not in heard[-1]:
        heard.append(listener.recv(4096).decode())
    assert process.wait(10) == 0
    listener.close()
    assert "READY=1" in heard[0]
    assert "WATCHDOG=1" in heard[1]


async def test_two_living_clients_of_one_name_do_not_mix_their_numbers(home: Home, broker: Any) -> None:
    """The second publishes under a name beside it; every message of both arrives."""
    first, second = await AsyncBus.open(home, "cli"), await AsyncBus.open(home, "cli")
    reader = await AsyncBus.open(home, "dashboard")
    inbox: asyncio.Queue[Received[Alert]] = asyncio.Queue()
    reader.subscribe("alert.", Alert, inbox.put_nowait)
    await asyncio.gather(first.settled(), second.settled(), reader.settled())
    alert = Alert(key="k", severity="info", source="s", title="t", detail="d")
    for _ in range(3):
        first.publish("alert.info", alert)
        second.publish("alert.info", alert)
    async with asyncio.timeout(10):
        got = [await inbox.get() for _ in range(6)]
    names = {each.source for each in got}
    assert len(names) == 2
    assert "cli" in names
    assert sorted((each.source, each.seq) for each in got) == sorted((n, q) for n in names for q in (1, 2, 3))
    await first.close()
    again = await AsyncBus.open(home, "cli")
    assert again.publish("alert.info", alert).source == "cli"
    for bus in (again, second, reader):
        await bus.close()
