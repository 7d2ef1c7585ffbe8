"""Telegram's Bot API, the few methods that are used (https://core.telegram.org/bots/api)."""

import json
from typing import Any

import aiohttp

from ...configs.errors import CryptoBotError
from ...configs.secret import Secret

_CALL_TIMEOUT_S = 15.0


class BotApiError(CryptoBotError):
    """The Bot API refused, or cannot be reached.

    Args:
        code: of HTTP; 0 when there was no answer.
        reason: one sentence.
        retry_after_s: how long to wait, as the API told; 0 when it told nothing.
    """

    def __init__(self, code: int, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.code, self.reason, self.retry_after_s = code, reason, retry_after_s


class BotApi:
    """One bot. Opens its connection with the first call; close it."""

    def __init__(self, base: str, token: Secret) -> None:
        self._base, self._token = base.rstrip("/"), token
        self._session: aiohttp.ClientSession | None = None

    async def call(self, method: str, *, within_s: float = _CALL_TIMEOUT_S, **parameters: Any) -> Any:
        """Call a method; its `result`.

        Raises:
            BotApiError: with what the API said. The token is in no message.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession()
        url = f"{self._base}/bot{self._token.reveal()}/{method}"
        try:
            timeout = aiohttp.ClientTimeout(total=within_s)
            async with self._session.post(url, json=parameters, timeout=timeout) as answer:
                data = json.loads(await answer.read())
        except TimeoutError as error:
            raise BotApiError(0, f"Telegram did not answer within {within_s:g} s") from error
        except aiohttp.ClientError as error:
            reason = str(error).replace(self._token.reveal(), "***")
            raise BotApiError(0, f"Telegram cannot be reached: {reason}") from None
        except ValueError as error:
            raise BotApiError(0, "Telegram answered something that is no JSON") from error
        return _result(data)

    async def close(self) -> None:
        """Close the connection. Does nothing when there is none."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _result(data: Any) -> Any:
    if not isinstance(data, dict):
        raise BotApiError(0, "Telegram answered something that is not understood")
    if data.get("ok") is True:
        return data.get("result")
    told = data.get("parameters")
    wait = told.get("retry_after", 0) if isinstance(told, dict) else 0
    code = data.get("error_code", 0)
    raise BotApiError(
        code if isinstance(code, int) else 0,
        f"Telegram refused: {data.get('description', 'without a reason')}",
        float(wait) if isinstance(wait, int | float) else 0.0,
    )
