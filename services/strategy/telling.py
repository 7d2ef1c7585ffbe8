"""What a run tells the others: its decisions, its lines for charts, and that it stopped."""

from collections.abc import Mapping

import structlog

from ...bus import topics
from ...bus.api import AsyncBusApi
from ...bus.contracts.market import Candle
from ...bus.contracts.service import Alert
from ...bus.contracts.strategy import DryFill, IndicatorValues, Signal, correlation_of
from ...configs.errors import BusError
from .book import Execution
from .values import Wish


class Teller:
    """Publishes for one run."""

    def __init__(self, bus: AsyncBusApi, run: str) -> None:
        self._bus, self._run = bus, run
        self._log = structlog.get_logger(component="strategy", run=run)

    def decided(self, wish: Wish, symbol: str, candle: Candle, price: str, intent_id: str) -> None:
        """The strategy wants an order, in its own market or in another."""
        self._bus.publish(
            topics.signal(self._run),
            Signal(
                strategy=self._run,
                symbol=symbol,
                side=wish.side,
                reason=wish.reason,
                candle_open_ms=candle.open_ms,
                price=price,
                intent_id=intent_id,
            ),
            correlation_id=correlation_of(intent_id) if intent_id else "",
        )

    def dry_fill(self, done: Execution, candle_open_ms: int) -> None:
        """A simulated order was executed."""
        self._bus.publish(
            topics.dry(self._run),
            DryFill(
                strategy=self._run,
                symbol=done.symbol,
                side=done.side,
                price=done.price,
                amount=done.amount,
                fee=done.fee_quote,
                candle_open_ms=candle_open_ms,
                reason=done.reason,
            ),
        )

    def lines(self, values: Mapping[str, float | bool], candle: Candle) -> None:
        """The declared lines that have a value; signals are left out."""
        known = {
            name: value
            for name, value in values.items()
            if value is not True and value is not False and value == value
        }
        if known:
            self._bus.publish(
                topics.indicator(self._run),
                IndicatorValues(
                    strategy=self._run,
                    symbol=candle.symbol,
                    timeframe=candle.timeframe,
                    open_ms=candle.open_ms,
                    values=known,
                ),
            )

    def failed(self, reason: str) -> None:
        """The run has stopped because of its own code."""
        self._log.error("strategy stopped", reason=reason)
        detail = f"{reason}. Its position and orders stay as they are; the other strategies go on."
        self._alert(f"strategy.failed.{self._run}", "error", f"Strategy {self._run} stopped", detail)

    def edit_refused(self, reason: str) -> None:
        """The run's file was changed into something that cannot run."""
        self._log.warning("edit refused", reason=reason)
        title = f"The new file of strategy {self._run} is not used"
        self._alert(f"strategy.edit.{self._run}", "warning", title, f"{reason} The old one goes on.")

    def _alert(self, key: str, severity: str, title: str, detail: str) -> None:
        alert = Alert(key=key, severity=severity, source="strategy", title=title, detail=detail)
        try:
            self._bus.publish(topics.alert(severity), alert)
        except BusError as error:
            self._log.error("alert not sent", reason=str(error))
