"""A platform to look at: a real broker, the real dashboard, and small services that serve the contracts.

Run by the tests of this folder, and by hand: `python tests/browser/fake_platform.py HOME [PORT]`.
It prints one JSON line when the dashboard is ready, and then takes commands, one word a line, on stdin:
bus-stop, bus-start, dashboard-stop, dashboard-start, revoke, must-change, proofs-end, alert, log,
storm, quit.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from decimal import Decimal

from cryptobot.bus import topics
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.contracts.service import (
    Alert,
    Heartbeat,
)
from cryptobot.configs import snapshot
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DashboardSettings, Settings
from fake_market import FakeMarket, FakeTrade
from fake_services import PASSWORD, FakeAuth, FakeSupervisor

TARGETS = {"bus": "cryptobot.bus.broker", "dashboard": "cryptobot.dashboard.service"}


class Platform:
    """All of it."""

    def __init__(self, home: Home, port: int) -> None:
        self.home, self.port = home, port
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    async def open(self) -> str:
        """Start everything; the dashboard's address."""
        self.home.create()
        settings = Settings(dashboard=DashboardSettings(port=self.port))
        snapshot.write(self.home, settings)
        self.spawn("bus")
        names = ("auth", "supervisor", "trade", "data", "strategy", "paper")
        self.buses = {name: await AsyncBus.open(self.home, name) for name in names}
        self.auth, self.supervisor = FakeAuth(self.buses["auth"]), FakeSupervisor(self.buses["supervisor"])
        self.trade = FakeTrade(self.buses["trade"])
        self.market = FakeMarket(self.buses["data"], self.buses["strategy"], self.trade)
        for bus in self.buses.values():
            await bus.settled()
        self.trade.rest(Decimal(6200))
        self.tasks = [asyncio.create_task(self.market.play()), asyncio.create_task(self.beat())]
        return await self.start_dashboard()

    async def start_dashboard(self) -> str:
        """Start the dashboard and wait for its address."""
        address = self.home.run / "dashboard.json"
        before = address.stat().st_mtime_ns if address.exists() else 0
        self.spawn("dashboard")
        while not (address.exists() and address.stat().st_mtime_ns != before):
            if self.processes["dashboard"].poll() is not None:
                raise SystemExit("the dashboard did not start")
            await asyncio.sleep(0.02)
        return str(json.loads(address.read_bytes())["url"])

    def spawn(self, name: str) -> None:
        """Start one real process."""
        code = f"import sys; from {TARGETS[name]} import main; from cryptobot.configs.paths import Home; "
        words = [sys.executable, "-c", f"{code}sys.exit(main(Home.find(sys.argv[1])))", str(self.home.root)]
        with (self.home.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(words, stderr=log, stdin=subprocess.DEVNULL)

    def end(self, name: str) -> None:
        """Kill one real process."""
        self.processes[name].kill()
        self.processes[name].wait()

    async def beat(self) -> None:
        """Heartbeats and samples."""
        turn = 0
        while True:
            turn += 1
            for name, bus in self.buses.items():
                if name != "auth" or self.auth is not None:
                    beat = Heartbeat(name=name, pid=os.getpid(), progress=turn, loop_lag_ms=0.1)
                    bus.publish(topics.service_heartbeat(name), beat)
            self.supervisor.sample(turn)
            await asyncio.sleep(1.0)

    async def storm(self) -> None:
        """A value with its time, fifty times a second, for measuring how long it takes to a browser."""
        topic = topics.equity("storm")
        while True:
            self.buses["trade"].publish(topic, self.trade.equity())
            await asyncio.sleep(0.02)

    async def command(self, word: str) -> None:
        """Carry out one command of a test."""
        if word == "bus-stop":
            self.end("bus")
        elif word == "bus-start":
            self.spawn("bus")
        elif word == "dashboard-stop":
            self.processes["dashboard"].send_signal(signal.SIGTERM)
            self.processes["dashboard"].wait(10)
        elif word == "dashboard-start":
            await self.start_dashboard()
        elif word == "storm":
            self.tasks.append(asyncio.create_task(self.storm()))
        elif word == "revoke":
            self.auth.revoke()
        elif word == "must-change":
            self.auth.must_change = True
        elif word == "proofs-end":
            self.auth.proofs_hold_ms = 0
        elif word == "alert":
            self.buses["supervisor"].publish(
                topics.alert("warning"),
                Alert(
                    key="disk",
                    severity="warning",
                    source="supervisor",
                    title="Little disk space",
                    detail="2.1 GiB are left on the disk of the home folder.",
                ),
            )
        elif word == "log":
            line = {"service": "data", "lag_s": 3.2, "event": "feed is slow", "level": "warning", "ts": ""}
            with (self.home.logs / "data.log").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        print(json.dumps({"done": word}), flush=True)

    async def close(self) -> None:
        """End everything."""
        for task in self.tasks:
            task.cancel()
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(10)
        for bus in self.buses.values():
            await bus.close()


async def main(folder: str, port: int) -> None:
    """Run until stdin ends or says quit."""
    platform = Platform(Home.find(folder), port)
    url = await platform.open()
    print(json.dumps({"url": url, "user": "admin", "password": PASSWORD, "home": folder}), flush=True)
    loop = asyncio.get_running_loop()
    try:
        while (line := await loop.run_in_executor(None, sys.stdin.readline)) and line.strip() != "quit":
            await platform.command(line.strip())
    finally:
        await platform.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
