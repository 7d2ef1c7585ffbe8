"""The sentences of requests that failed, for both faces."""

import logging
from typing import Any

from ..configs.errors import BusTimeoutError, CryptoBotError
from .api import Request
from .calls import Attempts, error_reply
from .contracts.base import ErrorReply, Message

_log = logging.getLogger("cryptobot.bus")


def timed_out(service: str, message: Message, plan: Attempts) -> BusTimeoutError:
    """The error of a request without an answer."""
    return BusTimeoutError(
        f"{service} did not answer {type(message).__name__} within {sum(plan.waits_s):.3g} s "
        f"({len(plan.waits_s)} tries); whether it was carried out is unknown."
    )


def failure(service: str, request: Request[Any], error: Exception) -> ErrorReply:
    """The reply to a request whose handler raised; an error that is a bug is logged."""
    if isinstance(error, CryptoBotError):
        return error_reply(error)
    kind = type(request.message).__name__
    _log.error("%s failed on %s %s from %s", service, kind, request.id, request.source, exc_info=error)
    text = f"{service} failed on {kind} with an error of its own ({type(error).__name__}); its log says more."
    return ErrorReply(code="internal", message=text)
