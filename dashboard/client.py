"""A client of the management API for programs: `from cryptobot.dashboard.client import Client`.

Needs nothing but Python's standard library (and `websockets` for `stream`), so this file may be copied to
where the platform is not installed. A lost connection is made anew; a POST carries an Idempotency-Key, so
that sending it again never does it twice.
"""

import http.client
import json
import secrets
import ssl
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

PREFIX = "/api/v1/"
MAX_TRIES = 4
# What may be better in a moment; the platform did nothing yet.
_AGAIN = frozenset({429, 503})


class ApiError(Exception):
    """The API refused; `code` is stable, `detail` is for people (RFC 9457)."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{detail} ({code}, {status})")
        self.status, self.code, self.detail = status, code, detail


class UnreachableError(Exception):
    """No answer: the platform is down, the address is wrong, or its certificate is not trusted."""


class Client:
    """Asks the API with an API key. One thread at a time.

    Args:
        url: such as https://127.0.0.1:8443.
        key: an API key (`cryptobot apikey create`).
        ca: PEM file of the authority to trust, `keys/ca.crt` of the home; None takes the system's.
        timeout_s: for one answer.
    """

    def __init__(self, url: str, key: str, *, ca: str | Path | None = None, timeout_s: float = 30.0) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError(f"{url!r} is no https:// address; a key is never sent without TLS.")
        self._host, self._port = parts.hostname, parts.port or 443
        self._key, self._timeout_s = key, timeout_s
        self._trust = ssl.create_default_context(cafile=None if ca is None else str(ca))
        self._connection: http.client.HTTPSConnection | None = None

    @classmethod
    def of_home(cls, home: str | Path, key: str, *, timeout_s: float = 30.0) -> "Client":
        """The platform whose home is this folder of this machine.

        Raises:
            UnreachableError: its dashboard never ran.
        """
        folder = Path(home)
        try:
            told = json.loads((folder / "run" / "dashboard.json").read_bytes())
        except (OSError, ValueError):
            raise UnreachableError(
                f"The dashboard of {folder} does not run; `cryptobot up` starts it."
            ) from None
        return cls(told["url"], key, ca=folder / "keys" / "ca.crt", timeout_s=timeout_s)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, path: str, **query: Any) -> Any:
        """GET below /api/v1/; parameters that are None are left out.

        Raises:
            ApiError: refused. UnreachableError: no answer.
        """
        words = {name: value for name, value in query.items() if value is not None}
        return self._send("GET", path + (f"?{urlencode(words)}" if words else ""), None, {})

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, key: str = "") -> Any:
        """POST below /api/v1/, once, however often it has to be sent.

        Args:
            key: an Idempotency-Key of your own, to go on after your program's restart.

        Raises:
            ApiError: refused. UnreachableError: no answer; it may have been done.
        """
        headers = {"Content-Type": "application/json", "Idempotency-Key": key or secrets.token_urlsafe(16)}
        return self._send("POST", path, json.dumps(body or {}).encode(), headers)

    def each(self, path: str, member: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every row of a list, page by page: `client.each("fills", "fills", symbol="BTC/USDT")`.

        Raises:
            ApiError: refused. UnreachableError: no answer.
        """
        cursor: str | None = None
        while True:
            page = self.get(path, cursor=cursor, **query)
            yield from page[member]
            cursor = page.get("next")
            if cursor is None:
                return

    def stream(self, *channels: str) -> Iterator[dict[str, Any]]:
        """What happens, as it happens: first a snapshot, then updates, until the connection ends.

        Args:
            channels: core, money, market, depth, strategy, backtest, logs, audit, bus.

        Raises:
            UnreachableError: refused, or the connection was lost; a new call begins with a new snapshot.
        """
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        host = f"[{self._host}]" if ":" in self._host else self._host
        address = f"wss://{host}:{self._port}/live?channels={','.join(channels)}"
        headers = {"Authorization": f"Bearer {self._key}"}
        try:
            with connect(
                address, ssl=self._trust, additional_headers=headers, max_size=None, compression=None,
                open_timeout=self._timeout_s,
            ) as socket:  # fmt: skip
                for text in socket:
                    yield json.loads(text)
        except (OSError, TimeoutError, WebSocketException) as error:
            raise UnreachableError(f"The stream of {host} ended: {error}") from error

    # what programs ask most

    def status(self) -> dict[str, Any]:
        """The supervisor and all services."""
        return dict(self.get("status"))

    def orders(self, *, symbol: str | None = None, open_only: bool = False) -> Iterator[dict[str, Any]]:
        """Orders, newest first."""
        return self.each("orders", "orders", symbol=symbol, open=1 if open_only else None)

    def fills(self, *, symbol: str | None = None, since_ms: int | None = None) -> Iterator[dict[str, Any]]:
        """Fills, newest first."""
        return self.each("fills", "fills", symbol=symbol, since_ms=since_ms)

    def positions(self) -> list[dict[str, Any]]:
        """All positions."""
        return list(self.each("positions", "positions"))

    def balances(self) -> list[dict[str, Any]]:
        """What the account holds."""
        return list(self.each("balance", "balances"))

    def halt(self, reason: str = "", *, cancel_orders: bool = False, flatten: bool = False) -> dict[str, Any]:
        """No new orders from now on."""
        wish = {"state": "HALTED", "reason": reason, "cancel_orders": cancel_orders, "flatten": flatten}
        return dict(self.post("trading", wish))

    def resume(self, reason: str = "") -> dict[str, Any]:
        """Trading goes on."""
        return dict(self.post("trading", {"state": "ACTIVE", "reason": reason}))

    def cancel(self, order_id: str) -> str:
        """Cancel one order; what the platform says to it."""
        return str(self.post(f"orders/{quote(order_id, safe='')}/cancel")["message"])

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
        headers = {"Authorization": f"Bearer {self._key}", **headers}
        last: Exception | None = None
        for attempt in range(MAX_TRIES):
            try:
                answer, text = self._once(method, PREFIX + path.lstrip("/"), body, headers)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if isinstance(error, ssl.SSLCertVerificationError):
                    raise UnreachableError(
                        f"The certificate of {self._host} is not trusted ({error.verify_message}); `ca` "
                        "names the file keys/ca.crt of its home."
                    ) from error
                last = error
                time.sleep(0.1 * 2**attempt)
                continue
            if answer.status in _AGAIN and attempt + 1 < MAX_TRIES and answer.headers.get("Retry-After"):
                time.sleep(min(float(answer.headers["Retry-After"]), 10.0))
                continue
            return _read(answer, text)
        raise UnreachableError(f"{self._host}:{self._port} does not answer: {last}") from last

    def _once(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout_s, context=self._trust
            )
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        return answer, answer.read()


def _read(answer: http.client.HTTPResponse, text: bytes) -> Any:
    kind = answer.headers.get_content_type()
    told = json.loads(text) if kind.endswith("json") and text else text.decode("utf-8", "replace")
    if answer.status < 400:
        return told
    if isinstance(told, dict):
        raise ApiError(answer.status, str(told.get("code", "unknown")), str(told.get("detail", "")))
    raise ApiError(answer.status, "unknown", str(told)[:200])
