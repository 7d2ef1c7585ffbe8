"""The platform that an update is tried on: its supervisor, its services, and what trade says."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from ...bus.contracts.base import Message
from ...bus.contracts.trade import (
    GetPortfolio,
    ListOrders,
    Orders,
    Portfolio,
    Position,
    SetTradingState,
    TradingState,
)
from ...configs import accounts, snapshot
from ...configs.errors import BusError, CryptoBotError, NotRunningError, SettingsError
from ...configs.paths import Home
from ...configs.programfolder import ProgramFolder
from ..control.client import ControlClient

R = TypeVar("R", bound=Message)
ACTOR = "update"
_LOOK_EVERY_S = 0.3
_REPLACE_S = 60.0
_SERVICE_S = 90.0
_UP_S = 180.0


class Running:
    """One home's platform, asked anew each time: its supervisor and its bus are restarted meanwhile."""

    def __init__(self, home: Home, folder: ProgramFolder) -> None:
        self._home, self._folder = home, folder

    # Its supervisor

    def status(self) -> dict[str, Any]:
        """As `cryptobot status --json`.

        Raises:
            NotRunningError: it does not answer.
        """
        with ControlClient(self._home) as client:
            return client.status()

    def version(self) -> str:
        """Of the supervisor that answers; "" when none does."""
        try:
            return str(self.status()["supervisor"]["version"])
        except NotRunningError:
            return ""

    def services(self) -> dict[str, dict[str, Any]]:
        """Every service's status by name, in the order of their start; empty when nobody answers."""
        try:
            return {one["name"]: one for one in self.status()["services"]}
        except NotRunningError:
            return {}

    def replace(self, version: str) -> None:
        """Let the supervisor become the one of the version in use; its services go on meanwhile.

        Raises:
            CryptoBotError: the other one does not answer in time.
        """
        before = self._process()
        if os.name == "posix" and before is not None:
            with contextlib.suppress(CryptoBotError), ControlClient(self._home) as client:
                client.call("replace", program=str(self._folder.stub))
            self._wait(lambda: self.version() == version or not _lives(before), _REPLACE_S)
            if self.version() == version:
                return
        self._end(before)
        self._launch(version)

    def _launch(self, version: str) -> None:
        """Start a supervisor; services that run are adopted by it."""
        words = [
            str(self._folder.stub),
            "--home",
            str(self._home.root),
            "up",
            "-d",
            "--timeout",
            f"{_UP_S:g}",
        ]
        environment = {key: value for key, value in os.environ.items() if key not in MARKS}
        output = self._home.logs / "supervisor.out"
        with output.open("ab") as log:
            code = subprocess.run(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                timeout=_UP_S + 60.0, check=False,
            ).returncode  # fmt: skip
        if self.version() != version:
            raise CryptoBotError(
                f"The supervisor of version {version} did not start (code {code}); {output} may say why."
            )

    def _end(self, process: "tuple[int, float] | None") -> None:
        """A supervisor that does not answer is killed; where the system cannot exec, it stops in order."""
        if os.name != "posix":
            with contextlib.suppress(NotRunningError), ControlClient(self._home) as client:
                client.shutdown()
        elif process is not None and _lives(process):
            import signal

            with contextlib.suppress(ProcessLookupError):
                os.kill(process[0], signal.SIGKILL)
            self._wait(lambda: not _lives(process), 5.0)

    def _process(self) -> "tuple[int, float] | None":
        try:
            pid = int(self.status()["supervisor"]["pid"])
        except NotRunningError:
            pid = _pid_in(self._home)
        return (pid, _started(pid)) if pid and _started(pid) else None

    # Its services

    def reload(self) -> None:
        """Settings as the version in use reads them."""
        with ControlClient(self._home) as client:
            client.reload()

    def restart(self, name: str, patience_s: float = _SERVICE_S) -> None:
        """One service, and wait until it is ready, has failed for good, or `patience_s` are over."""
        with ControlClient(self._home) as client:
            client.restart(name, timeout_s=patience_s)

    def stop(self, name: str) -> None:
        """One service; the next start of the platform starts it again."""
        with ControlClient(self._home) as client:
            client.stop(name, timeout_s=_SERVICE_S, remember=False)

    def start(self, name: str) -> None:
        """One service, and wait for it."""
        with ControlClient(self._home) as client:
            client.start(name, timeout_s=_SERVICE_S)

    # Its money

    def portfolio(self) -> Portfolio:
        """Positions and protections of all accounts, and the trading state of the one that may most.

        Raises:
            BusError: trade does not answer.
        """
        found = self._ask_each(GetPortfolio(), Portfolio)
        return msgspec.structs.replace(
            found[0],
            positions=[one for each in found for one in each.positions],
            protections=[one for each in found for one in each.protections],
            trading_state=min((each.trading_state for each in found), key=lambda one: _STRICT[one.state]),
        )

    def open_orders(self) -> list[str]:
        """Ids of the orders that are not finished."""
        found = self._ask_each(ListOrders(open_only=True), Orders)
        return [order.id for each in found for order in each.orders]

    def known_orders(self) -> set[str]:
        """Ids of the newest orders, finished ones too."""
        return {order.id for each in self._ask_each(ListOrders(limit=500), Orders) for order in each.orders}

    def set_trading(self, state: str, reason: str) -> TradingState:
        """ACTIVE, REDUCING or HALTED. Of several accounts those are changed that trade, or that an update
        has kept from it: what a person has set for one of them stays.
        """
        question = SetTradingState(state=state, reason=reason, actor=ACTOR)
        if len(self._accounts()) == 1:
            return self._ask_each(question, TradingState)[0]
        told = [one.trading_state for one in self._ask_each(GetPortfolio(), Portfolio)]
        ours = [one for one in told if one.state == "ACTIVE" or one.actor == ACTOR]
        changed = self._ask_each(question, TradingState, [one.account for one in ours]) if ours else told
        return changed[0]

    def _accounts(self) -> list[str]:
        """Main, and every other account whose service is ready."""
        try:
            further = accounts.names(snapshot.read(self._home))[1:]
        except (NotRunningError, SettingsError):
            further = []
        services = self.services() if further else {}
        up = [one for one in further if services.get(accounts.service_of(one), {}).get("ready")]
        return [accounts.MAIN, *up]

    def _ask_each(self, question: Message, reply: type[R], names: list[str] | None = None) -> list[R]:
        from ...bus.blocking import BlockingBus

        names = self._accounts() if names is None else names
        bus = BlockingBus.open(self._home, "cli")
        try:
            return [bus.request(accounts.service_of(name), question, reply, timeout_s=15.0) for name in names]
        finally:
            bus.close()

    def _wait(self, done: Callable[[], bool], limit_s: float) -> bool:
        until = time.monotonic() + limit_s
        while not done():
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK_EVERY_S)
        return True


_STRICT = {"ACTIVE": 0, "REDUCING": 1, "HALTED": 2}
MARKS = frozenset({"CRYPTOBOT_SERVICE", "NOTIFY_SOCKET", "CRYPTOBOT_NOTIFY", "CRYPTOBOT_SECRETS_FD"})
"""What makes a process look like a service of ours."""


def exposure(portfolio: Portfolio, wait_for: str, dust: Decimal = Decimal(0)) -> str:
    """What an update still waits for, as a sentence; "" when it may go on.

    Args:
        dust: a position that cost less (in quote) counts as none.
    """
    held = [one for one in portfolio.positions if one.amount and not _is_dust(one, dust)]
    if wait_for == "flat" and held:
        return f"{', '.join(one.symbol for one in held)} is held."
    if wait_for == "protected":
        guarded = {
            (one.account, one.exchange, one.symbol)
            for one in portfolio.protections
            if one.stop_order_id and one.state == "ARMED"
        }
        bare = [one.symbol for one in held if (one.account, one.exchange, one.symbol) not in guarded]
        if bare:
            return f"{', '.join(bare)} is held without a stop at the venue."
    return ""


def _is_dust(position: Position, dust: Decimal) -> bool:
    return position.average is not None and abs(position.amount) * position.average < dust


def trading_of(running: Running) -> str:
    """The trading state; "" when trade does not answer."""
    try:
        return running.portfolio().trading_state.state
    except (BusError, NotRunningError):
        return ""


def _pid_in(home: Home) -> int:
    """Who holds the lock of the home, also when he does not answer; 0 when nobody does."""
    path = home.run / "supervisor.lock"
    if os.name != "posix" or not path.exists():
        return 0
    import fcntl

    with path.open("r+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return 0
        except OSError:
            word = file.read().strip()
            return int(word) if word.isdigit() else 0


def _started(pid: int) -> float:
    """When a process began; 0 when it is gone."""
    import psutil

    try:
        process = psutil.Process(pid)
        return 0.0 if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return 0.0


def _lives(process: tuple[int, float]) -> bool:
    return _started(process[0]) == process[1]
