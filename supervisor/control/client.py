"""The blocking client of the control socket. It imports nothing heavy: `cryptobot status` starts at once."""

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

from ...configs.errors import CryptoBotError, NotRunningError, SettingsError, UsageError
from ...configs.paths import Home

_ERRORS: dict[str, type[CryptoBotError]] = {"settings": SettingsError, "usage": UsageError}


class ControlClient:
    """Speaks to the daemon of one home. One connection, used by one thread.

    Raises:
        NotRunningError: no daemon runs there, or it went away during a call.
    """

    def __init__(self, home: Home, *, timeout_s: float = 10.0) -> None:
        self._home, self._timeout_s = home, timeout_s
        self._token = ""
        self._number = 0
        self._received = b""
        self._socket = self._connect()

    def _connect(self) -> socket.socket:
        try:
            if hasattr(socket, "AF_UNIX") and not (self._home.run / "control.json").exists():
                sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                sock.settimeout(self._timeout_s)
                sock.connect(str(self._home.sockets / "control.sock"))
                return sock
            address = json.loads((self._home.run / "control.json").read_bytes())
            self._token = address["token"]
            return socket.create_connection(("127.0.0.1", address["port"]), timeout=self._timeout_s)
        except (OSError, ValueError, KeyError) as error:
            raise NotRunningError(
                f"CryptoBot does not run in {self._home.root}; start it with `cryptobot up`."
            ) from error

    def status(self) -> dict[str, Any]:
        """{"supervisor": {...}, "services": [...]} as `cryptobot status --json` prints it."""
        return dict(self.call("status"))

    def start(
        self, service: str = "", *, group: str = "", wait: bool = True, timeout_s: float = 60.0
    ) -> dict[str, Any]:
        """Start one service with what it needs, a group or all; with `wait`, until ready or failed."""
        return dict(self.call("start", service=service, group=group, wait=wait, timeout_s=timeout_s))

    def stop(
        self,
        service: str = "",
        *,
        group: str = "",
        wait: bool = True,
        timeout_s: float = 60.0,
        remember: bool = True,
    ) -> dict[str, Any]:
        """Stop one service, a group or all (the daemon stays). They stay stopped until a person starts them.

        Without `remember` they are started again by the next daemon.
        """
        given = {"service": service, "group": group, "wait": wait, "remember": remember}
        return dict(self.call("stop", timeout_s=timeout_s, **given))

    def restart(
        self, service: str = "", *, group: str = "", wait: bool = True, timeout_s: float = 60.0
    ) -> dict[str, Any]:
        """Restart one service, a group or all."""
        return dict(self.call("restart", service=service, group=group, wait=wait, timeout_s=timeout_s))

    def rolling_restart(
        self, service: str = "", *, group: str = "", timeout_s: float = 300.0
    ) -> dict[str, Any]:
        """Restart instances one after the other: {"done": [names], "failed": name or ""}."""
        return dict(self.call("rolling", service=service, group=group, timeout_s=timeout_s))

    def scale(self, service: str, count: int) -> list[dict[str, Any]]:
        """Run so many instances; the steps that are carried out."""
        return list(self.call("scale", service=service, count=count))

    def add(self, manifest: dict[str, Any]) -> list[dict[str, Any]]:
        """Add a service, as its manifest file has it, and start it; the steps that are carried out."""
        return list(self.call("add", manifest=manifest))

    def remove(self, service: str) -> list[dict[str, Any]]:
        """Stop and forget a service that was added; the steps that are carried out."""
        return list(self.call("remove", service=service))

    def discover(self, service: str = "") -> list[dict[str, Any]]:
        """Every service with its endpoint, epoch, the messages it answers, and its manifest in short."""
        return list(self.call("discover", service=service))

    def wait_ready(self, *, timeout_s: float = 60.0) -> dict[str, Any]:
        """Wait until every wanted service is ready or failed for good: {"ready", "services", ...}."""
        return dict(self.call("wait", timeout_s=timeout_s))

    def shutdown(self, *, timeout_s: float = 60.0) -> None:
        """Stop all services in reverse order and end the daemon; returns when it is gone."""
        self._socket.settimeout(timeout_s)
        self._send("shutdown", {})
        while self._line():
            pass

    def reload(self) -> list[dict[str, Any]]:
        """Take the settings again; only what changed is restarted. Returns the plan that is carried out."""
        return list(self.call("reload"))

    def plan(self, action: str, service: str = "", **given: object) -> list[dict[str, Any]]:
        """What an action would do: objects of service, action, why.

        Args:
            action: start, stop, restart, rolling, scale, add, remove, reload or shutdown.
            given: group, count or manifest, as the action takes them.
        """
        return list(self.call("plan", action=action, service=service, **given))

    def graph(self, style: str = "text") -> str:
        """The graph of services: text, dot or mermaid."""
        return str(self.call("graph", style=style))

    def metrics(self) -> str:
        """Metrics in the text format of Prometheus."""
        return str(self.call("metrics"))

    def events(self) -> Iterator[dict[str, Any]]:
        """First {"kind": "snapshot", "services", "alerts"}, then each change; ends with the daemon."""
        self._send("events", {})
        first = self._reply()
        self._socket.settimeout(None)
        yield {"kind": "snapshot", **first["snapshot"]}
        while line := self._line():
            if line.strip():
                yield json.loads(line)

    def call(self, operation: str, **arguments: object) -> Any:
        """One request and its answer.

        Raises:
            CryptoBotError: what the daemon refused, with its sentence.
            NotRunningError: the daemon went away.
        """
        patience = arguments.get("timeout_s", 0.0)
        assert isinstance(patience, float | int)
        self._socket.settimeout(max(self._timeout_s, patience + 5.0))
        self._send(operation, arguments)
        return self._reply()

    def _send(self, operation: str, arguments: dict[str, object]) -> None:
        self._number += 1
        request = {"id": self._number, "op": operation, **arguments}
        if self._token:
            request["token"] = self._token
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise NotRunningError("The daemon went away; `cryptobot status` says more.") from error

    def _reply(self) -> Any:
        line = self._line()
        if not line:
            raise NotRunningError("The daemon went away before it answered.")
        answer = json.loads(line)
        if answer["ok"]:
            return answer["result"]
        error = answer["error"]
        raise _ERRORS.get(error["code"], CryptoBotError)(error["message"])

    def _line(self) -> bytes:
        while b"\n" not in self._received:
            try:
                data = self._socket.recv(65_536)
            except TimeoutError as error:
                raise NotRunningError("The daemon did not answer in time.") from error
            except OSError:
                data = b""
            if not data:
                return b""
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return line + b"\n"

    def hang_up(self) -> None:
        """End what another thread waits for; that thread closes."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def __enter__(self) -> "ControlClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
