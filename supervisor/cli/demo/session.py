"""One demo: a leashed daemon, the display, and the end."""

import threading
import time
from collections.abc import Callable

from ....bus.blocking import BlockingBus
from ....configs.errors import CryptoBotError, NotRunningError, ServiceError
from ....configs.paths import Home
from .. import daemon, web
from ..ask import CLIENT
from ..launching import Launched
from ..output import note
from ..progress import Progress, show, why_not_ready
from .screen import Screen, choose
from .summary import Summary, take
from .watch import Watch

HEADLINE = "recorded Coinbase BTC/USD prices 2017-2019, one hour played each second"
START_TIMEOUT_S = 90.0
_STOP_TIMEOUT_S = 60.0
_RELAUNCHES = 5


class Session:
    """Everything between the start of the daemon and its end. Used by the main thread.

    The daemon runs as a child on a leash: it ends when this process ends, however that happens. Should the
    daemon itself be killed, it is started again and takes the running services over.
    """

    def __init__(self, home: Home, *, leashed: bool, overrides: tuple[str, ...] = ()) -> None:
        self._home, self._leashed, self._overrides = home, leashed, overrides
        self._launched: Launched | None = None
        self._bus: BlockingBus | None = None
        self._ending = threading.Event()
        self._launching = threading.Lock()
        self._failed = ""
        self._stopped_elsewhere = False
        self.began = self.ready_at = time.monotonic()

    @property
    def pid(self) -> int:
        return self._launched.pid if self._launched is not None else 0

    # The start

    def start(self) -> Progress:
        """Start the daemon and show how the services become ready.

        Raises:
            ServiceError: one of them cannot.
        """
        self._launched = Launched(self._home, leashed=self._leashed, overrides=self._overrides)
        progress = Progress()
        with self._launched.connect() as client:
            client.start(wait=False)  # also what a person has stopped in this home
            show(client, progress, timeout_s=START_TIMEOUT_S)
        if not progress.settled:
            raise ServiceError(f"The demo could not start: {why_not_ready(self._home, progress)}.")
        self.ready_at = time.monotonic()
        return progress

    # The watching

    def watch(self, wait: Callable[[Screen], None]) -> Screen:
        """Show what happens, as long as `wait` takes."""
        self._bus = BlockingBus.open(self._home, CLIENT)
        screens: list[Screen] = []
        watch = Watch(
            self._bus,
            on_fill=lambda fill: screens[0].filled(fill) if screens else None,
            on_service=lambda service: screens[0].service_changed(service) if screens else None,
        )
        screen = choose(watch.picture, HEADLINE)
        guard = threading.Thread(target=self._guard, name="demo-guard", daemon=True)
        guard.start()
        screen.open()
        screens.append(screen)
        try:
            wait(screen)
        finally:
            screens.clear()
            self._ending.set()
            screen.close()
            watch.close()
        return screen

    def _guard(self) -> None:
        # Runs on a thread of its own: waits for the daemon's death, which nobody but us would notice.
        for _ in range(_RELAUNCHES):
            assert self._launched is not None
            code = self._launched.process.wait()
            if self._ending.is_set():
                return
            if code == 0:
                self._stopped_elsewhere = True
                return
            note("The supervisor was killed; starting another one, which takes the services over.")
            try:
                self._relaunch()
            except CryptoBotError as error:
                self._failed = str(error)
                return
        self._failed = "The supervisor ended again and again."

    def _relaunch(self) -> None:
        with self._launching:
            if not self._ending.is_set():
                self._launched = Launched(self._home, leashed=self._leashed, overrides=self._overrides)

    @property
    def watched(self) -> bool:
        """Whether the bus was reached, so that a summary can be had."""
        return self._bus is not None

    @property
    def failed(self) -> str:
        """Why the demo cannot go on; "" as long as it can."""
        return self._failed

    @property
    def stopped_elsewhere(self) -> bool:
        """Somebody has stopped the platform, as `cryptobot down` does."""
        return self._stopped_elsewhere

    # The end

    def sum_up(self, *, patience_s: float) -> Summary:
        """Stop the strategies, so that nothing is in flight, and hold trade's ledger against the exchange.

        Raises:
            CryptoBotError: trade does not answer.
        """
        seconds = time.monotonic() - self.ready_at
        assert self._bus is not None
        with daemon.connect(self._home) as client:
            restarts = sum(service["restarts"] for service in client.status()["services"])
            client.stop("strategy", timeout_s=patience_s, remember=False)
        return take(
            self._bus,
            seconds=seconds,
            restarts=restarts,
            dashboard=web.address_or_nothing(self._home),
            home=str(self._home.root),
            patience_s=patience_s,
        )

    def stop(self) -> None:
        """Stop everything; when this returns no process is left."""
        self._ending.set()
        if self._bus is not None:
            self._bus.close()
        with self._launching:
            if self._launched is None:
                return
            try:
                self._shut_down()
            except NotRunningError:
                if self._launched.wait(_STOP_TIMEOUT_S) != 0:
                    # It was killed: its services live on, and only another daemon can stop them in order.
                    self._launched = Launched(self._home, leashed=self._leashed, overrides=self._overrides)
                    self._shut_down()
            self._launched.wait(_STOP_TIMEOUT_S)

    def _shut_down(self) -> None:
        with daemon.connect(self._home) as client:
            client.shutdown(timeout_s=_STOP_TIMEOUT_S)
