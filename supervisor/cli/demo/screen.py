"""What a person sees while the demo runs: a panel on a terminal, lines otherwise."""

import contextlib
import sys
import time
from abc import ABC, abstractmethod
from decimal import Decimal
from typing import Any

from ....bus.contracts.service import ServiceState
from ....bus.contracts.trade import Fill
from ..output import duration, note, plain_decimal
from .watch import Picture

_STATUS_EVERY_S = 15.0
_CENTS = Decimal("0.01")


def fill_sentence(fill: Fill) -> str:
    verb = {"buy": "bought", "sell": "sold"}.get(fill.side, fill.side)
    base = fill.symbol.partition("/")[0]
    fee = f"{plain_decimal(fill.fee)} {fill.fee_currency}"
    return f"{verb} {plain_decimal(fill.amount)} {base} at {plain_decimal(fill.price)} (fee {fee})"


def orders_told(picture: Picture) -> str:
    """How many, and how many of them were denied."""
    denied = sum(order.state == "DENIED" for order in picture.orders.values())
    return f"{len(picture.orders)}" + (f" ({denied} denied)" if denied else "")


def price_told(picture: Picture) -> str:
    """The newest price without the venue's trailing zeros; "" before the first."""
    return plain_decimal(Decimal(picture.price)) if picture.price else ""


def counted(number: int, noun: str) -> str:
    """`1 order`, `2 orders`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def money(amount: Decimal) -> str:
    return f"{amount.quantize(_CENTS):,}"


def signed(amount: Decimal) -> str:
    return f"{amount.quantize(_CENTS):+,}"


class Screen(ABC):
    """Shows the picture. Methods are called from several threads."""

    def __init__(self, picture: Picture, headline: str) -> None:
        self.picture, self.headline = picture, headline
        self.began = time.monotonic()

    @abstractmethod
    def open(self) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def filled(self, fill: Fill) -> None: ...

    @abstractmethod
    def service_changed(self, service: ServiceState) -> None: ...

    @abstractmethod
    def tick(self) -> None:
        """Called once a second by the waiting main thread."""


class Lines(Screen):
    """A line for every fill and every change of a service, and now and then where things stand."""

    def open(self) -> None:
        note(f"Prices: {self.headline}.")
        self._next = self.began + _STATUS_EVERY_S

    def close(self) -> None:
        return

    def filled(self, fill: Fill) -> None:
        note(fill_sentence(fill))

    def service_changed(self, service: ServiceState) -> None:
        note(f"{service.name} is {service.state}" + (f" ({service.reason})" if service.reason else ""))

    def tick(self) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _STATUS_EVERY_S
            note(standing(self.picture, now - self.began))


def standing(picture: Picture, seconds: float) -> str:
    """Where things stand, in one line."""
    parts = [f"{duration(seconds)}:"]
    if picture.price:
        parts.append(f"{picture.symbol} {price_told(picture)},")
    parts.append(f"orders {orders_told(picture)}, fills {len(picture.fills)}")
    if picture.equity is not None and picture.gain is not None:
        currency = picture.equity.currency
        parts.append(f", equity {money(picture.equity.equity)} {currency} ({signed(picture.gain)})")
    return " ".join(parts).replace(" ,", ",")


class Panel(Screen):
    """A panel that is redrawn in place."""

    def open(self) -> None:
        _echo_control_keys(False)
        from rich.console import Console
        from rich.live import Live

        self._live = Live(
            console=Console(stderr=True), get_renderable=self._draw, refresh_per_second=4, transient=False
        )
        self._live.start()

    def close(self) -> None:
        try:
            self._live.stop()
            _echo_control_keys(True)
        except OSError:
            return  # the terminal is gone; there is nobody left to see it

    def filled(self, fill: Fill) -> None:
        self._live.console.print(f"  {fill_sentence(fill)}", style="green" if fill.side == "buy" else "red")

    def service_changed(self, service: ServiceState) -> None:
        told = f"  {service.name} is {service.state}" + (f" ({service.reason})" if service.reason else "")
        self._live.console.print(told, style="green" if service.ready else "yellow", highlight=False)

    def tick(self) -> None:
        return

    def _draw(self) -> Any:
        from rich.box import ROUNDED
        from rich.panel import Panel as Box

        return Box(
            self._grid(),
            title=f"CryptoBot demo · {duration(time.monotonic() - self.began)}",
            subtitle=self.headline,
            title_align="left",
            subtitle_align="left",
            box=ROUNDED,
            border_style="cyan",
        )

    def _grid(self) -> Any:
        from rich.table import Table
        from rich.text import Text

        picture = self.picture
        grid = Table.grid(padding=(0, 3))
        grid.add_row(
            _cell(picture.symbol or "price", price_told(picture) or "…", "bold"),
            _cell("orders", orders_told(picture), ""),
            _cell("fills", str(len(picture.fills)), ""),
            _cell("position", self._position(), ""),
            _cell("equity", self._equity(), "bold"),
            self._gain(),
            _cell("restarts", str(picture.restarts), "yellow" if picture.restarts else ""),
        )
        last = picture.last_fill
        rows = Table.grid()
        rows.add_row(grid)
        rows.add_row(
            Text(f"last: {fill_sentence(last)}" if last else "waiting for the first signal …", "dim")
        )
        return rows

    def _position(self) -> str:
        position = self.picture.position
        return plain_decimal(position.amount) if position is not None else "0"

    def _equity(self) -> str:
        equity = self.picture.equity
        return f"{money(equity.equity)} {equity.currency}" if equity is not None else "…"

    def _gain(self) -> Any:
        gain = self.picture.gain
        if gain is None:
            return _cell("profit", "…", "")
        return _cell("profit", signed(gain), "green" if gain >= 0 else "red")


def _echo_control_keys(on: bool) -> None:
    """Whether the terminal writes ^C where the cursor stands, which is in the middle of the panel."""
    if sys.platform == "win32" or not sys.stderr.isatty():
        return
    import termios

    with contextlib.suppress(termios.error):
        modes = termios.tcgetattr(sys.stderr.fileno())
        modes[3] = modes[3] | termios.ECHOCTL if on else modes[3] & ~termios.ECHOCTL
        termios.tcsetattr(sys.stderr.fileno(), termios.TCSANOW, modes)


def _cell(title: str, value: str, style: str) -> Any:
    from rich.text import Text

    return Text.assemble((f"{title}\n", "dim"), (value, style))


def choose(picture: Picture, headline: str) -> Screen:
    """A panel on a terminal, lines otherwise."""
    return (Panel if sys.stderr.isatty() else Lines)(picture, headline)
