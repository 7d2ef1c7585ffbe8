"""cryptobot top"""

import contextlib
import queue
import signal
import sys
import threading
import time
from typing import Any

import click

from ....configs.errors import CryptoBotError, NotRunningError
from ....configs.paths import Home
from ...control.client import ControlClient
from ...output.logs import tail
from .. import daemon
from ..board import Board
from ..busrates import BusRates
from ..call import Call, pass_call
from ..cockpit import LOG
from ..group import Command
from ..keys import Keys, keys
from ..logview import Line
from ..output import print_json
from ..warningtail import WarningTail

_EVERY_S = 1.0
_LOOK_S = 0.1
_WARNINGS = 10
_LOG_LINES = 200


@click.command(cls=Command)
@click.option("--once", is_flag=True, help="Print one table and end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a second; with --once, one alone.")
@pass_call
def command(call: Call, once: bool, as_json: bool) -> None:
    """Show services, alerts, bus rates and the newest warnings of the logs, live. q or Ctrl-C ends it.

    The arrows choose a service: l shows its log, s starts, x stops and r restarts it (both ask first).

    In a pipe it prints plain text, once a second. With --json: {"supervisor", "services" (as in `status`),
    "alerts", "warnings"}. Exits with 3 when the platform does not run, or stops.
    """
    on_screen = sys.stdout.isatty() and not once and not as_json
    with daemon.connect(call.home) as client:
        watch = _Watch(call.home, client)
        if once or not on_screen:
            _print(watch, once=once, as_json=as_json)
        else:
            _show(watch)


class _Watch:
    """A board that is kept up to date: changes at once by a thread that listens, figures once a second."""

    def __init__(self, home: Home, client: ControlClient) -> None:
        self.board = Board()
        self.home, self._client = home, client
        self._tail = WarningTail(home.logs, _WARNINGS)
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._measured = 0.0
        self.rates: BusRates | None = None
        self._listener = daemon.connect(home)
        events = self._listener.events()
        self.board.take(next(events))
        threading.Thread(target=self._listen, args=(events,), name="events", daemon=True).start()

    def _listen(self, events: Any) -> None:
        try:
            for event in events:
                self._events.put(event)
        finally:
            self._events.put(None)

    def refresh(self) -> bool:
        """Take what came; whether anything is new.

        Raises:
            NotRunningError: the platform has stopped.
        """
        changed = False
        while not self._events.empty():
            event = self._events.get()
            if event is None or event["kind"] == "dropped":
                raise NotRunningError(f"CryptoBot in {self.home.root} has stopped.")
            self.board.take(event)
            changed = True
        if time.monotonic() - self._measured >= _EVERY_S:
            self.board.measure(self._client.status())
            self.board.warnings = self._tail.read()
            if self.rates is not None:
                self.board.rates = self.rates.text
            self._read_log()
            self._measured = time.monotonic()
            changed = True
        return changed

    def _read_log(self) -> None:
        if self.board.cockpit.view == LOG and self.board.cockpit.chosen:
            path = self.home.logs / f"{self.board.cockpit.chosen}.log"
            self.board.log = [Line.parse(text) for text in tail(path, _LOG_LINES) if text]

    def press(self, key: str) -> None:
        """Take a key, and carry out what it asks for."""
        chosen = self.board.cockpit.press(key, list(self.board.services))
        if chosen is not None:
            self._act(*chosen)
        self._read_log()

    def _act(self, action: str, service: str) -> None:
        try:
            self._client.call(action, service=service)
        except CryptoBotError as error:
            self.board.cockpit.message = str(error)
        else:
            self.board.cockpit.message = f"{action} {service}: under way."


def _print(watch: _Watch, *, once: bool, as_json: bool) -> None:
    try:
        while True:
            watch.refresh()
            if as_json:
                print_json(watch.board.as_json())
            else:
                sys.stdout.write(watch.board.plain().rstrip("\n") + ("\n" if once else "\n\n"))
            sys.stdout.flush()
            if once:
                return
            time.sleep(_EVERY_S)
    except KeyboardInterrupt:
        return


def _show(watch: _Watch) -> None:
    from rich.live import Live

    signal.signal(signal.SIGTERM, _interrupt)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, _interrupt)
    watch.rates = BusRates(watch.home)
    with contextlib.closing(watch.rates), keys() as pressed, Live(auto_refresh=False, screen=True) as live:
        try:
            _until_q(watch, live, pressed)
        except KeyboardInterrupt:
            return


def _until_q(watch: _Watch, live: Any, pressed: Keys) -> None:
    drawn = None
    while (key := pressed.wait(_LOOK_S)) not in ("q", "Q"):
        if key:
            watch.press(key)
        changed = watch.refresh()
        if changed or key or live.console.size != drawn:
            drawn = live.console.size
            live.update(watch.board.rich(*drawn), refresh=True)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
