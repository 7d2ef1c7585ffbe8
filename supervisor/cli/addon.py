"""Asking a service that is off by default: when it is, the person is told how it is switched on."""

from typing import TypeVar

from ...bus.contracts.base import Message
from ...configs.errors import CryptoBotError
from . import daemon
from .ask import ask
from .call import Call

R = TypeVar("R", bound=Message)


def ask_addon(call: Call, service: str, message: Message, reply: type[R], *, timeout_s: float = 10.0) -> R:
    """As `ask`.

    Raises:
        NotRunningError: the platform does not run.
        CryptoBotError: the service is off, or did not answer in time.
        RequestFailedError: the service refused, and says why.
    """
    for one in daemon.status(call.home)["services"]:
        if one["name"] == service and one["state"] == "STOPPED":
            raise CryptoBotError(
                f"The service {service} is off. Switch it on with "
                f"`cryptobot config set services.{service}.enabled true` and `cryptobot reload`."
            )
    return ask(call, service, message, reply, timeout_s=timeout_s)
