"""ccxt's errors in our words, which are named by what the reader must do next."""

import asyncio
import importlib
import re
from typing import Any

from ...configs.errors import (
    ConnectorError,
    CredentialsError,
    OrderRejectedError,
    OutcomeUnknownError,
    RetryLaterError,
)
from . import lazy
from .venue import ReplaceFailedError

_TEXT_LIMIT = 300
_CANCEL_RESULT = re.compile(r'"cancelResult"\s*:\s*"(\w+)"')
_QUERY = re.compile(r"\?[^\s'\"]*(timestamp|signature|apiKey)=[^\s'\"]*")


def read_error(venue: str, action: str, error: Exception) -> ConnectorError:
    """What a failed read means. A read can always be tried again."""
    errors = _errors()
    text = _sentence(venue, action, error)
    if isinstance(error, errors.AuthenticationError):
        return CredentialsError(f"{text} Check the API key and its permissions.")
    if isinstance(error, errors.RateLimitExceeded | errors.DDoSProtection):
        return RetryLaterError(text, after_s=5.0)
    if isinstance(error, errors.NetworkError | errors.OperationFailed) or _transport_failed(error):
        return RetryLaterError(text, after_s=1.0)
    return ConnectorError(text)


def submit_error(venue: str, action: str, error: Exception) -> ConnectorError:
    """What a failed submit means: refused for good, or unknown. In doubt it is unknown.

    Connection refused and DNS failures count as unknown too: ccxt does not tell them from a connection
    that broke after the order was sent, and a query settles it.
    """
    errors = _errors()
    text = _sentence(venue, action, error)
    if isinstance(error, errors.DuplicateOrderId):
        return OutcomeUnknownError(f"{text} An order with this client order id exists already.")
    if isinstance(error, errors.AuthenticationError):
        return CredentialsError(f"{text} Check the API key and its permissions.")
    if _refused(errors, error):
        return OrderRejectedError(text)
    return OutcomeUnknownError(text)


def replace_error(venue: str, action: str, error: Exception) -> ConnectorError:
    """What a failed replacement means; Binance's answer tells what became of the old order."""
    meaning = submit_error(venue, action, error)
    # A part of it was carried out when the answer says so, whatever class ccxt gives the error.
    partial = _CANCEL_RESULT.search(str(error))
    if partial is None and not isinstance(meaning, OrderRejectedError):
        return meaning
    old_gone = partial is not None and partial.group(1) == "SUCCESS"
    return ReplaceFailedError(str(meaning), old_gone=old_gone)


def cancel_error(venue: str, action: str, error: Exception) -> ConnectorError:
    """What a failed cancel means: no such open order, or unknown."""
    errors = _errors()
    text = _sentence(venue, action, error)
    if isinstance(error, errors.InvalidOrder | errors.BadRequest | errors.OperationRejected):
        return OrderRejectedError(text)
    if isinstance(error, errors.AuthenticationError):
        return CredentialsError(f"{text} Check the API key and its permissions.")
    return OutcomeUnknownError(text)


def is_order_not_found(error: Exception) -> bool:
    return isinstance(error, _errors().OrderNotFound)


def is_clock_error(error: Exception) -> bool:
    return isinstance(error, _errors().InvalidNonce)


def is_away(error: Exception) -> bool:
    """The venue could not be reached at all, or not in time."""
    errors = _errors()
    return isinstance(error, errors.ExchangeNotAvailable | errors.RequestTimeout) or _transport_failed(error)


def ccxt_base_error() -> type[Exception]:
    """The class that all of ccxt's errors derive from."""
    base: type[Exception] = _errors().BaseError
    return base


def quiet_lost_futures() -> None:
    """ccxt rejects futures that nobody waits for, at every broken connection: not worth an error in the log.

    The break itself is told by the stream that was broken.
    """
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if (
            isinstance(context.get("exception"), ccxt_base_error())
            and "never retrieved" in context["message"]
        ):
            return
        if before is not None:
            before(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)


def _errors() -> Any:
    # Not `import ccxt.base.errors`: in ccxt imported whole by somebody else, `ccxt.base` is a list of names.
    lazy.install()
    return importlib.import_module("ccxt.base.errors")


def _refused(errors: Any, error: Exception) -> bool:
    """The venue answered that it did not take the order (HTTP 4xx with its own error code)."""
    certain = (
        errors.InvalidOrder,
        errors.InsufficientFunds,
        errors.BadRequest,
        errors.OperationRejected,
        errors.ArgumentsRequired,
        errors.NotSupported,
        errors.InvalidNonce,
        errors.RateLimitExceeded,
        errors.DDoSProtection,
    )
    if isinstance(error, certain):
        return True
    # ccxt raises the bare ExchangeError for an error code it has no class for, and also, chained to aiohttp's
    # error, for an answer that broke off: only the first is an answer.
    return type(error) is errors.ExchangeError and error.__cause__ is None


def _transport_failed(error: Exception) -> bool:
    return isinstance(error, OSError | TimeoutError) or (
        error.__cause__ is not None and type(error.__cause__).__module__.startswith("aiohttp")
    )


def _sentence(venue: str, action: str, error: Exception) -> str:
    # A signed address says nothing that helps, and its signature belongs in no log.
    text = _QUERY.sub("", str(error).replace("\n", " "))[:_TEXT_LIMIT].rstrip(".")
    return f"{venue} failed to {action}: {type(error).__name__}: {text}."


def not_available(message: str) -> Exception:
    """ccxt's error for a venue that does not work at the moment."""
    error: Exception = _errors().ExchangeNotAvailable(message)
    return error
