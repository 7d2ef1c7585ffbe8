"""What commands about money share: which accounts they are about, and asking the services that trade them."""

from collections.abc import Callable
from typing import TypeVar

import click
import msgspec

from ...bus.api import BlockingBusApi
from ...bus.contracts.base import Message
from ...configs import accounts, snapshot
from ...configs.errors import CryptoBotError, NotRunningError, RequestFailedError, UsageError
from .ask import ask_over, open_bus
from .call import Call
from .output import Column

R = TypeVar("R", bound=Message)
M = TypeVar("M", bound=Message)
COLUMN = Column("account")

account_option = click.option(
    "--account", metavar="NAME", help="Only this account, of those that the section accounts names; else all."
)


def chosen(call: Call, account: str | None) -> list[str]:
    """The account that was asked for, or all.

    Raises:
        UsageError: there is none of that name; the names are given.
    """
    try:
        known = accounts.names(snapshot.read(call.home))
    except NotRunningError:
        known = [accounts.MAIN]
    if account is None:
        return known
    if account not in known:
        raise UsageError(f"There is no account {account}; there are {', '.join(known)}.")
    return [account]


def ask_each(
    call: Call,
    names: list[str],
    message: Callable[[str], Message],
    reply: type[R],
    *,
    timeout_s: float = 10.0,
) -> list[R]:
    """Ask the service of every account, one after the other."""
    with open_bus(call) as bus:
        return [
            ask_over(bus, accounts.service_of(name), message(name), reply, timeout_s=timeout_s)
            for name in names
        ]


def tell_each(
    call: Call, names: list[str], message: Callable[[str], Message], reply: type[R], *, timeout_s: float
) -> list[R]:
    """As `ask_each`; an account that cannot be reached keeps none of the others from being told.

    Raises:
        CryptoBotError: some could not be told; the text names them.
    """
    done, failed = [], []
    with open_bus(call) as bus:
        for name in names:
            try:
                done.append(
                    ask_over(bus, accounts.service_of(name), message(name), reply, timeout_s=timeout_s)
                )
            except CryptoBotError as error:
                if len(names) == 1:
                    raise
                failed.append(f"{name}: {error}")
    if failed:
        told = f"The {len(done)} others were told. " if done else ""
        raise CryptoBotError(f"{told}Not reached: {' '.join(failed)}")
    return done


def ask_owner(call: Call, names: list[str], message: M, reply: type[R]) -> R:
    """Ask one account after the other until one knows the order that the message names.

    Raises:
        RequestFailedError: none knows it, or the one that does refuses.
    """
    with open_bus(call) as bus:
        for name in names[:-1]:
            try:
                return _ask_as(bus, name, message, reply)
            except RequestFailedError as error:
                if error.code != "unknown_order":
                    raise
        return _ask_as(bus, names[-1], message, reply)


def _ask_as(bus: BlockingBusApi, name: str, message: Message, reply: type[R]) -> R:
    own = msgspec.structs.replace(message, account=name)
    return ask_over(bus, accounts.service_of(name), own, reply)


def with_account(columns: tuple[Column, ...], names: list[str]) -> tuple[Column, ...]:
    """The columns of a table, with the account where there are several."""
    return (COLUMN, *columns) if len(names) > 1 else columns


def with_name(row: list[object], account: str, names: list[str]) -> list[object]:
    """A row of such a table."""
    return [account, *row] if len(names) > 1 else row
