"""The first process of the strategy service answers for the others: it asks them, and hands requests on."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping

from ...bus.api import AsyncBusApi
from ...bus.contracts.base import Done, Message
from ...bus.contracts.strategy import ListStrategies, Strategies, StrategyStatus
from ...configs.accounts import venue_of
from ...configs.errors import BusError, BusTimeoutError, RequestFailedError
from ...configs.schema import Settings, StrategyInstance

_ANSWER_S = 2.0


def runs(instances: Mapping[str, StrategyInstance]) -> Iterator[tuple[str, StrategyInstance, str]]:
    """(name of the run, what the settings say, market) of every run: one for each market of an instance."""
    for name, instance in instances.items():
        for symbol in instance.markets:
            label = name if not instance.symbols else f"{name}@{symbol.replace('/', '-').replace(':', '-')}"
            yield label, instance, symbol


class Front:
    """The other processes, as the first one reaches them.

    Args:
        number: of this process; only the first asks others.
    """

    def __init__(self, bus: AsyncBusApi, settings: Settings, number: int) -> None:
        self._bus, self._settings = bus, settings
        self._elsewhere = {
            name: (instance, symbol)
            for name, instance, symbol in runs(settings.strategy.instances)
            if number == 1 and instance.process != 1
        }

    async def statuses(self) -> list[StrategyStatus]:
        """The runs of all other processes; those of one that does not answer are told as they are set."""
        numbers = sorted({instance.process for instance, _ in self._elsewhere.values()})
        found = await asyncio.gather(*(self._ask(number) for number in numbers))
        return [status for statuses in found for status in statuses]

    async def forward(self, run: str, wish: Message, known: Iterable[str]) -> Done:
        """Hand a request on to the process that has the run.

        Raises:
            RequestFailedError: no process has it, or its process does not answer.
        """
        found = self._elsewhere.get(run)
        if found is None:
            names = ", ".join([*known, *self._elsewhere]) or "none"
            raise RequestFailedError("unknown_strategy", f"No strategy {run!r} runs here; there are {names}.")
        service = _service(found[0].process)
        try:
            return await self._bus.request(service, wish, Done, timeout_s=_ANSWER_S)
        except BusTimeoutError as error:
            raise RequestFailedError("no_answer", f"The process {service} does not answer now.") from error

    async def _ask(self, number: int) -> list[StrategyStatus]:
        try:
            wish = ListStrategies()
            return (
                await self._bus.request(_service(number), wish, Strategies, timeout_s=_ANSWER_S)
            ).strategies
        except BusError:
            return [
                self._silent(name, instance, symbol)
                for name, (instance, symbol) in self._elsewhere.items()
                if instance.process == number
            ]

    def _silent(self, name: str, instance: StrategyInstance, symbol: str) -> StrategyStatus:
        return StrategyStatus(
            name=name,
            title=name,
            exchange=venue_of(self._settings, instance.account),
            symbol=symbol,
            timeframe=instance.timeframe,
            state="STOPPED",
            reason=f"its process {_service(instance.process)} does not answer",
            parameters={key: str(value) for key, value in instance.parameters.items()},
            candles=0,
            signals=0,
            mode=instance.mode,
            process=_service(instance.process),
            account=instance.account,
        )


def _service(number: int) -> str:
    return f"strategy-{number}"
