"""Channels: each is an address of apprise, kept as a secret. Sending happens on a thread of its own.

apprise tells by a bool whether it worked and logs the reason; the reason is read from its log lines of that
thread, without whatever is secret in the address.
"""

import asyncio
import importlib
import logging
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ...configs.secret import MASK, Secret

T = TypeVar("T")
_KINDS = {"info": "info", "warning": "warning", "error": "failure", "critical": "failure"}
_MISSING = "Sending needs apprise: pip install cryptobot[notify]"
_LEAST_HIDDEN = 4
_PARTS = re.compile(r"[/@?&=:,]+")
_HOST = re.compile(r"^[\w-]+(\.[\w-]+)+$|^localhost$|^\d+$")


@dataclass(frozen=True, slots=True)
class Channel:
    """One address. `problem` says why nothing can be sent with it."""

    name: str
    secret: Secret
    kind: str = ""
    address: str = ""
    problem: str = ""


def open_channel(name: str, secret: Secret) -> Channel:
    """Look whether an address can be used. Loads apprise: not on the loop's thread."""
    apprise = _apprise()
    if apprise is None:
        return Channel(name, secret, problem=_MISSING)
    plugin = apprise.Apprise.instantiate(secret.reveal(), suppress_exceptions=True)
    if plugin is None:
        return Channel(name, secret, problem=_why_not(name, secret))
    shown = str(plugin.url(privacy=True)).partition("?")[0]
    return Channel(name, secret, kind=str(plugin.service_name), address=shown)


def _why_not(name: str, secret: Secret) -> str:
    """An address that cannot be used: of a kind that this machine lacks something for, or of no kind."""
    kind = secret.reveal().partition("://")[0].lower()
    known: Any = importlib.import_module("apprise.plugins").N_MGR
    for plugin in known.plugins(include_disabled=True):
        if not plugin.enabled and kind in _kinds(plugin.protocol) + _kinds(plugin.secure_protocol):
            needed = plugin.requirements.get("packages_required") or plugin.requirements.get("details")
            parts = needed if isinstance(needed, list) else [needed]
            lacks = ", ".join(str(part).rstrip(".") for part in parts if part) or "something of the system"
            return f"{plugin.service_name} is not to be had on this machine (needed: {lacks})"
    return f"The secret notify.{name} is no address that apprise understands"


def _kinds(value: str | Sequence[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def use_bot_api(base: str) -> None:
    """Where Telegram's Bot API is."""
    if _apprise() is not None:
        plugin: Any = importlib.import_module("apprise.plugins.telegram")
        plugin.NotifyTelegram.notify_url = f"{base.rstrip('/')}/bot"


def telegram_address(token: Secret, chat_id: str) -> Secret:
    """The address of one chat."""
    return Secret(f"tgram://{token.reveal()}/{chat_id}/?format=text")


def send(secret: Secret, title: str, text: str, severity: str, files: Sequence[Path] = ()) -> str:
    """Send one message and wait for it; "" when it went out, else why it did not. Never raises."""
    apprise = _apprise()
    if apprise is None:
        return _MISSING
    heard = _Heard()
    logger = logging.getLogger("apprise")
    logger.addHandler(heard)
    try:
        # The plugin itself: apprise's own box sends from threads of its own, whose reasons nobody would hear.
        plugin = apprise.Apprise.instantiate(secret.reveal(), suppress_exceptions=True)
        if plugin is None:
            return "The address is not understood"
        there = [str(path) for path in files if path.is_file()]
        done = plugin.notify(
            body=text,
            title=title,
            notify_type=_KINDS.get(severity, "info"),
            attach=apprise.AppriseAttachment(there) if there else None,
        )
    except Exception as error:  # a plugin of apprise may raise anything; its message must not be lost
        return hidden(f"{type(error).__name__}: {error}", secret)
    finally:
        logger.removeHandler(heard)
    return "" if done else hidden(" ".join(heard.lines) or "It was not accepted", secret)


def hidden(text: str, secret: Secret) -> str:
    """A text without the parts of an address that are secret; names of machines stay."""
    for part in sorted(_PARTS.split(secret.reveal()), key=len, reverse=True):
        if len(part) >= _LEAST_HIDDEN and not _HOST.match(part) and part in text:
            text = text.replace(part, MASK)
    return " ".join(text.split())[:500]


class _Heard(logging.Handler):
    """Warnings of this thread alone: others send at the same time."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.lines.append(record.getMessage())


def _apprise() -> Any:
    try:
        return importlib.import_module("apprise")
    except ImportError:
        return None


def on_thread(work: Callable[[], T], name: str) -> "asyncio.Future[T]":
    """Run something that may hang on a thread that holds nobody up, not even the end of the process."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # None only where T allows it

    def run() -> None:
        try:
            result, error = work(), None
        except BaseException as failure:
            result, error = None, failure
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
