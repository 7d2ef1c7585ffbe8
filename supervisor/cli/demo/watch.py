"""What happens in the demo, as the bus tells it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from ....bus import topics
from ....bus.api import BlockingBusApi, Received
from ....bus.contracts.market import Candle
from ....bus.contracts.service import ServiceState
from ....bus.contracts.trade import Equity, Fill, Order, Position


@dataclass
class Picture:
    """What a person watching wants to know now. Written on the bus's thread, read on the display's."""

    symbol: str = ""
    price: str = ""
    candles: int = 0
    orders: dict[str, Order] = field(default_factory=dict)
    fills: dict[str, Fill] = field(default_factory=dict)
    last_fill: Fill | None = None
    position: Position | None = None
    equity: Equity | None = None
    services: dict[str, ServiceState] = field(default_factory=dict)

    @property
    def gain(self) -> Decimal | None:
        """Equity now less equity at the beginning, in the account's currency."""
        return None if self.equity is None else self.equity.equity - self.equity.start_equity

    @property
    def restarts(self) -> int:
        return sum(service.restarts for service in self.services.values())


class Watch:
    """Subscribes to what the picture needs. `on_fill` and `on_service` are called on the bus's thread."""

    def __init__(
        self,
        bus: BlockingBusApi,
        on_fill: Callable[[Fill], None],
        on_service: Callable[[ServiceState], None],
    ) -> None:
        self.picture = Picture()
        self.changed = threading.Event()
        self._on_fill, self._on_service = on_fill, on_service
        self._subscriptions = [
            bus.subscribe(topics.CANDLES, Candle, self._candle),
            bus.subscribe(topics.ORDERS, Order, self._order),
            bus.subscribe(topics.FILLS, Fill, self._fill),
            bus.subscribe(topics.POSITIONS, Position, self._position),
            bus.subscribe(topics.EQUITY, Equity, self._equity),
            bus.subscribe(topics.SERVICE_STATES, ServiceState, self._service),
        ]

    def _candle(self, received: Received[Candle]) -> None:
        candle = received.message
        self.picture.symbol, self.picture.price = candle.symbol, candle.close
        self.picture.candles += candle.closed

    def _order(self, received: Received[Order]) -> None:
        self.picture.orders[received.message.id] = received.message
        self.changed.set()

    def _fill(self, received: Received[Fill]) -> None:
        fill = received.message
        if fill.id in self.picture.fills:
            return
        self.picture.fills[fill.id] = self.picture.last_fill = fill
        self.changed.set()
        self._on_fill(fill)

    def _position(self, received: Received[Position]) -> None:
        self.picture.position = received.message

    def _equity(self, received: Received[Equity]) -> None:
        self.picture.equity = received.message

    def _service(self, received: Received[ServiceState]) -> None:
        service = received.message
        known = self.picture.services.get(service.name)
        self.picture.services[service.name] = service
        if known is not None and (known.state, known.ready, known.pid) != (
            service.state,
            service.ready,
            service.pid,
        ):
            self._on_service(service)

    def close(self) -> None:
        for subscription in self._subscriptions:
            subscription.close()
