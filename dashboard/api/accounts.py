"""Asking the services that trade the accounts a request is about, and putting their answers together."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from flask import request

from ...bus.contracts.base import Message
from ...configs.accounts import MAIN, service_of
from ...configs.errors import RequestFailedError
from ..access import permitted
from ..context import dashboard
from ..problems import ApiProblem
from .answers import ask

R = TypeVar("R", bound=Message)
T = TypeVar("T")


def named() -> str:
    """The account that the request names, "" when it names none."""
    return request.args.get("account", "")


def one_account() -> str:
    """The account that the request names; main when it names none."""
    return named() or MAIN


def ask_one(question: Message, reply: type[R], timeout_s: float = 4.0) -> R:
    """Ask the service of the account that the request names, or of main."""
    return ask(service_of(one_account()), _for(question, one_account()), reply, timeout_s)


def ask_each(question: Message, reply: type[R], timeout_s: float = 4.0) -> list[R]:
    """Ask the service of every account that the request is about.

    Raises:
        ApiProblem: one does not run.
    """
    return [ask(service_of(name), _for(question, name), reply, timeout_s) for name in permitted()]


def tell_each(question: Message, reply: type[R], timeout_s: float) -> list[R]:
    """As `ask_each`; an account that cannot be reached keeps none of the others from being told.

    Raises:
        ApiProblem: some were not reached; named.
    """
    names, done, failed = permitted(), [], []
    for name in names:
        try:
            done.append(ask(service_of(name), _for(question, name), reply, timeout_s))
        except Exception as error:  # told below, whatever it was
            if len(names) == 1:
                raise
            failed.append(f"{name}: {error}")
    if failed:
        raise ApiProblem(503, "not_reached", f"Not all accounts were told. {' '.join(failed)}")
    return done


def ask_owner(question: Message, reply: type[R], timeout_s: float) -> R:
    """Ask one account after the other until one knows the order that the question names."""
    names = permitted()
    for name in names[:-1]:
        try:
            return ask(service_of(name), _for(question, name), reply, timeout_s)
        except RequestFailedError as error:
            if error.code != "unknown_order":
                raise
    return ask(service_of(names[-1]), _for(question, names[-1]), reply, timeout_s)


def pages(
    cursor: str,
    most: int,
    read: Callable[[str, str], Sequence[T]],
    key: Callable[[T], str],
    when: Callable[[T], int],
) -> tuple[list[T], str]:
    """One page over all accounts that the request is about, newest first, and what the next cursor names.

    Args:
        cursor: of the page before: the last key of each account, "" for the first page.
        read: (account, key of its last row or "") to its next rows, newest first, at most `most`.
        when: the time of a row.
    """
    names = permitted()
    if names == [MAIN] and len(dashboard().gateway.accounts) == 1:
        rows = list(read(MAIN, cursor))
        return rows, key(rows[-1]) if len(rows) == most else ""
    last = _places(cursor)
    found = [(when(row), name, row) for name in names for row in read(name, last.get(name, ""))]
    found.sort(key=lambda one: -one[0])
    shown = found[:most]
    for _, name, row in shown:
        last[name] = key(row)
    more = len(found) > most or len(shown) == most
    return [row for _, _, row in shown], msgspec.json.encode(last).decode() if more else ""


def _places(cursor: str) -> dict[str, str]:
    try:
        return msgspec.json.decode(cursor, type=dict[str, str]) if cursor else {}
    except msgspec.MsgspecError:
        raise ApiProblem(
            400, "invalid_cursor", "This is no cursor; take `next` of the page before."
        ) from None


def _for(question: Message, account: str) -> Message:
    """The question with the account that was checked for it, where it can carry one."""
    if "account" not in question.__struct_fields__:
        return question
    return msgspec.structs.replace(question, account=account)
