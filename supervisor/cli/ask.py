"""Asking a service of the running platform over the bus."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from ...bus.api import BlockingBusApi
from ...bus.contracts.base import Message
from ...configs.errors import BusTimeoutError, CryptoBotError
from .call import Call
from .daemon import require_running

R = TypeVar("R", bound=Message)
CLIENT = "cli"


@contextmanager
def open_bus(call: Call) -> Iterator[BlockingBusApi]:
    """A client of the platform's bus.

    Raises:
        NotRunningError: the platform of this home does not run.
    """
    require_running(call.home)
    from ...bus.blocking import BlockingBus

    bus = BlockingBus.open(call.home, CLIENT)
    try:
        yield bus
    finally:
        bus.close()


def ask(call: Call, service: str, message: Message, reply: type[R], *, timeout_s: float = 10.0) -> R:
    """One request, one answer.

    Raises:
        NotRunningError: the platform does not run.
        RequestFailedError: the service refused, and says why.
        CryptoBotError: the service did not answer in time.
    """
    with open_bus(call) as bus:
        return ask_over(bus, service, message, reply, timeout_s=timeout_s)


def ask_over(
    bus: BlockingBusApi, service: str, message: Message, reply: type[R], *, timeout_s: float = 10.0
) -> R:
    """As `ask`, over a bus that is already open."""
    try:
        return bus.request(service, message, reply, timeout_s=timeout_s)
    except BusTimeoutError as error:
        raise CryptoBotError(
            f"The service {service} did not answer within {timeout_s:g} s. "
            f"`cryptobot status` shows whether it runs, `cryptobot logs {service}` what it says."
        ) from error
