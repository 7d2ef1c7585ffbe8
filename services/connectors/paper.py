"""The paper exchange: Binance's connector at the addresses that the paper service tells over the bus."""

import asyncio
from typing import Any

import structlog

from ...bus.api import AsyncBusApi
from ...bus.contracts.paper import GetPaperInfo, PaperInfo
from ...configs.errors import BusTimeoutError, RequestFailedError, RetryLaterError
from . import translate
from .binance import CAPABILITIES, BinanceVenue, make_exchange
from .connector import Connector, OpenContext
from .venue import Credentials, Venue

_ASK_TIMEOUT_S = 5.0
_ASK_PAUSE_S = 0.3
_OPEN_TRIES = 6
_MAIN = "main"
_log = structlog.get_logger(component="connectors")


class PaperVenue(BinanceVenue):
    """Asks for the addresses again when the paper exchange cannot be reached: it may have a new port.

    Args:
        name: of the venue and of the service that plays it: paper, or paper-2 and so on.
        question: what to ask that service for, with the account.
    """

    def __init__(
        self,
        name: str,
        bus: AsyncBusApi,
        exchange: Any,
        info: PaperInfo,
        question: GetPaperInfo,
        *,
        silence_s: float,
    ) -> None:
        super().__init__(name, exchange, CAPABILITIES, silence_s=silence_s)
        self._bus, self._question = bus, question
        self._asking: asyncio.Task[None] | None = None
        self._adopt(info)

    async def _after_failure(self, error: Exception) -> None:
        if not translate.is_away(error):
            return
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask_again())
        await asyncio.shield(self._asking)

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        await super().close()

    async def _ask_again(self) -> None:
        try:
            info = await self._bus.request(
                self.name, self._question, PaperInfo, timeout_s=_ASK_TIMEOUT_S, tries=1
            )
        except (BusTimeoutError, RequestFailedError) as error:
            _log.info("paper exchange does not answer", reason=str(error))
            return
        self._adopt(info)

    def _adopt(self, info: PaperInfo) -> None:
        rest = info.rest_url.rstrip("/")
        base = rest.removesuffix("/api/v3")
        urls = self._exchange.urls["api"]
        urls |= {"public": f"{base}/api/v3", "private": f"{base}/api/v3", "v1": f"{base}/api/v1"}
        urls |= {f"sapi{suffix}": f"{base}/sapi/v{suffix[1:] or 1}" for suffix in ("", "V2", "V3", "V4")}
        urls["ws"] = {**urls["ws"], "spot": info.ws_url, "ws-api": {"spot": info.ws_api_url}}
        self._exchange.apiKey, self._exchange.secret = info.api_key, info.api_secret


async def _open(context: OpenContext, name: str = "paper") -> Venue:
    account = "" if context.account == _MAIN else context.account
    question = GetPaperInfo(account=account, balances=dict(context.balances) if account else {})
    for attempt in range(_OPEN_TRIES):
        try:
            info = await context.bus.request(name, question, PaperInfo, timeout_s=_ASK_TIMEOUT_S)
        except (BusTimeoutError, RequestFailedError) as error:
            _log.info("waiting for the paper exchange", attempt=attempt + 1, reason=str(error))
            await asyncio.sleep(_ASK_PAUSE_S)
            continue
        # ccxt waits between calls to spare Binance; this exchange is ours, and trade keeps its limit of
        # orders.
        credentials = Credentials(info.api_key, info.api_secret)
        exchange = make_exchange(credentials, context.timeout_s, enableRateLimit=False)
        return PaperVenue(name, context.bus, exchange, info, question, silence_s=context.silence_s)
    raise RetryLaterError(f"The paper exchange does not answer on the bus; is the service `{name}` running?")


def further(name: str) -> Connector:
    """A paper exchange beside the first, such as paper-2: with accounts and addresses of its own."""

    async def open_(context: OpenContext) -> Venue:
        return await _open(context, name)

    return Connector(name=name, title=f"Paper exchange {name}", capabilities=CAPABILITIES, open=open_)


CONNECTOR = Connector(name="paper", title="Paper exchange", capabilities=CAPABILITIES, open=_open)
