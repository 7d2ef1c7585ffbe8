"""The dashboard's process: HTTPS for people, fed by the bus."""

import asyncio
import contextlib
import json
import socket
from typing import ClassVar, cast

from ..bus import topics
from ..bus.contracts.service import Alert
from ..configs import accounts
from ..configs.errors import StartError
from ..configs.files import replace
from ..configs.paths import Home
from ..configs.schema import Settings
from ..services.host.service import Service, run
from . import tls
from .app import ANSWERS, create_app
from .asgi import Dispatcher
from .assets import Assets
from .certificate import CHECK_S, ServedCertificate
from .context import EXTENSION, Dashboard
from .gateway import Gateway
from .idempotency import Answers
from .live import Hub, LiveEndpoint
from .logtail import LogTail
from .server import WebServer, listen
from .sessions import Sessions

ADDRESS_FILE = "dashboard.json"
_BACK_TO_LOOPBACK = "dashboard.host 127.0.0.1 is this machine only."


class DashboardService(Service):
    """Serves pages, API and live stream. Ready when it listens."""

    name: ClassVar[str] = "dashboard"

    async def setup(self) -> None:
        """Open the port, load the certificate, follow the bus."""
        host, port = self.settings.dashboard.host, self.settings.dashboard.port
        listener = listen(host, port) if port else _listen_as_before(self.home, host)
        names = tls.names_for(host)
        self._certificate = ServedCertificate(self.home, self.settings.dashboard, names)
        self._tell_certificate()
        self._gateway = Gateway(self.bus, self.log, accounts.names(self.settings))
        self._sessions, self._hub = Sessions(self._gateway), Hub(self._gateway, self.log)
        self._hub.offer("output", LogTail(self.home.logs, self._hub.put))
        self._live = LiveEndpoint(self._hub, self._sessions, self.log)
        self._gateway.on_revoked = self._revoked
        self._gateway.on_logout = self._live.end
        self._gateway.on_rotated = self._live.rotated
        assets = Assets()
        flask = create_app(self._gateway, self._sessions, assets, self.home, self.log)
        self._answers = cast(Answers, flask.extensions[ANSWERS])
        self._jobs = cast(Dashboard, flask.extensions[EXTENSION]).jobs
        self._dispatcher = Dispatcher(flask, assets, self._live, self._certificate.hosts)
        self._server = WebServer(self._dispatcher, self._certificate.context, listener)
        await self._gateway.start()
        # Not a task of the frame: it is asked to end in `stop`, so that answers under way are finished.
        self._serving = asyncio.create_task(self._server.run_until_stopped(), name="dashboard:https")
        self._serving.add_done_callback(self._finished)
        await self._server.listening.wait()
        self.spawn(self._renew(), "certificate")
        self._announce(host)

    async def stop(self) -> None:
        """Tell the browsers, finish what is under way, let go of the port."""
        if hasattr(self, "_serving"):
            self._hub.close_all()
            self._server.stop()
            await asyncio.gather(self._serving, return_exceptions=True)
            await asyncio.to_thread(self._jobs.close)
            self._answers.close()
        if hasattr(self, "_gateway"):
            await self._gateway.close()

    def _announce(self, host: str) -> None:
        was_open = _was_open(self.home)
        name = host if host not in ("0.0.0.0", "::") else "localhost"  # noqa: S104 - compared with only
        shown = f"[{name}]" if ":" in name else name
        url = f"https://{shown}:{self._server.port}/"
        is_open = host not in tls.LOOPBACK_NAMES
        told = {"url": url, "port": self._server.port, "open": is_open}
        replace(self.home.run / ADDRESS_FILE, json.dumps(told).encode())
        self.log.info("listening", url=url)
        if is_open:
            self.log.warning("open to the network", host=host, advice=_BACK_TO_LOOPBACK)
        if is_open or was_open:
            self.bus.publish(topics.alert("warning"), _open_alert(host, is_open))

    def _revoked(self, user: str) -> None:
        self._sessions.forget_user(user)
        task = asyncio.ensure_future(self._live.recheck(user))
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            self.look_at_certificate()

    def settings_changed(self, before: Settings) -> None:
        """A reload is when a person expects a new certificate to be taken."""
        if hasattr(self, "_dispatcher"):
            self.look_at_certificate()

    def look_at_certificate(self) -> None:
        """Serve a newer certificate from now on: ours before it ends, the user's when its file changed."""
        was = self._certificate.problem
        if self._certificate.look():
            self._dispatcher.hosts = self._certificate.hosts
            self.log.info("certificate renewed", until=str(self._certificate.current.not_after))
        if self._certificate.problem != was:
            self._tell_certificate()

    def _tell_certificate(self) -> None:
        problem = self._certificate.problem
        if problem:
            self.log.error("certificate not renewed", reason=problem)
        elif self._certificate.ends_soon:
            self.log.warning("your certificate ends soon", until=str(self._certificate.current.not_after))
        self.ill("certificate", problem)


def _open_alert(host: str, is_open: bool) -> Alert:
    return Alert(
        key="dashboard.open", severity="warning", source="dashboard",
        title="The dashboard is open to the network",
        detail=f"It listens on {host}. {_BACK_TO_LOOPBACK if is_open else ''}".strip(),
        recovered=not is_open,
    )  # fmt: skip


def _was_open(home: Home) -> bool:
    try:
        return bool(json.loads((home.run / ADDRESS_FILE).read_bytes()).get("open", False))
    except (OSError, ValueError, AttributeError):
        return False


def _listen_as_before(home: Home, host: str) -> socket.socket:
    last = _last_port(home)
    if last:
        with contextlib.suppress(StartError):
            return listen(host, last)
    return listen(host, 0)


def _last_port(home: Home) -> int:
    """The port of the life before, so that open pages find the dashboard after its restart; 0 when none."""
    try:
        port = int(json.loads((home.run / ADDRESS_FILE).read_bytes())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return port if 0 < port < 65_536 else 0


def main(home: Home) -> int:
    """Run the dashboard until it is told to stop; the exit code."""
    return run(DashboardService, home)
