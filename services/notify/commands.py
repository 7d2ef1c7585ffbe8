"""What a linked chat can ask for, and what each command needs. One command, one line of `COMMANDS`.

The permission of a command is the one its message declares (`PERMISSION`), as in the dashboard.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal

from ...bus.api import AsyncBusApi
from ...bus.contracts.base import Done
from ...bus.contracts.monitor import AlertLog, ListAlerts
from ...bus.contracts.notify import MuteNotices
from ...bus.contracts.service import ControlService, GetStatus, SupervisorStatus
from ...bus.contracts.strategy import ListStrategies, SetStrategyRunning, Strategies
from ...bus.contracts.trade import (
    CancelOrder,
    Fills,
    GetPortfolio,
    ListFills,
    ListOrders,
    Orders,
    Portfolio,
    SetTradingState,
    TradingState,
)
from ...configs.accounts import MAIN, service_of
from ...configs.errors import CryptoBotError, RequestFailedError, UsageError
from .news import plain

_ACT_WITHIN_S = 10.0
_MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """One command of one person. `actor` goes into the audit log, such as telegram:alice."""

    bus: AsyncBusApi
    actor: str
    words: tuple[str, ...]
    may: Callable[[str], bool]
    mute: Callable[[float], Awaitable[None]]
    accounts: tuple[str, ...] = (MAIN,)

    async def portfolios(self) -> list[Portfolio]:
        """Of every account."""
        services = (service_of(name) for name in self.accounts)
        return [await self.bus.request(one, GetPortfolio(), Portfolio) for one in services]

    def of(self, account: str) -> str:
        """The account's name before a line, where there are several."""
        return f"{account}: " if len(self.accounts) > 1 else ""

    @property
    def first(self) -> str:
        """The first word behind the command.

        Raises:
            UsageError: there is none.
        """
        if not self.words:
            raise UsageError("Say which one.")
        return self.words[0]

    @property
    def text(self) -> str:
        """All words behind the command."""
        return " ".join(self.words)


@dataclass(frozen=True, slots=True)
class Command:
    """What a command needs and does.

    Args:
        usage: what stands behind its name.
        permission: what its user needs; narrowed permissions are held against its first word.
        kind: of the audit entry, for what changes something; "" for what only looks.
        question: asked back before it is done; {} is what was written behind the name.
    """

    work: Callable[[Asked], Awaitable[str]]
    help: str
    permission: str
    usage: str = ""
    kind: str = ""
    question: str = ""
    on_resource: bool = False


async def _status(asked: Asked) -> str:
    status = await asked.bus.request("supervisor", GetStatus(), SupervisorStatus)
    wanted = [one for one in status.services if one.state not in ("STOPPED", "RUNNING")]
    running = sum(one.state == "RUNNING" for one in status.services)
    lines = [f"{running} services run."]
    lines += [f"{one.name} is {one.state}: {one.reason or one.health}" for one in wanted]
    if asked.may(GetPortfolio.PERMISSION):
        found = await asked.portfolios()
        for number, portfolio in enumerate(found):
            state = portfolio.trading_state
            told = f"Trading is {state.state}." + (f" {state.reason}" if state.reason else "")
            lines.insert(number, asked.of(state.account) + told)
            if portfolio.equity is not None:
                equity = portfolio.equity
                profit = equity.equity - equity.start_equity
                lines.append(
                    f"{asked.of(equity.account)}Equity {_money(equity.equity)} {equity.currency}, "
                    f"{_signed(profit)} since the beginning."
                )
        held = sum(position.amount != 0 for portfolio in found for position in portfolio.positions)
        lines.append(f"{held} open positions." if held != 1 else "1 open position.")
    return "\n".join(lines)


async def _positions(asked: Asked) -> str:
    lines = [
        f"{asked.of(one.account)}{one.symbol}: {plain(one.amount)} at {_price(one.average)}, "
        f"open {_signed(one.unrealised_pnl)}, made {_signed(one.realised_pnl)}"
        for portfolio in await asked.portfolios()
        for one in portfolio.positions
        if one.amount
    ]
    return _list(lines, "No open position.")


async def _balance(asked: Asked) -> str:
    lines = []
    for portfolio in await asked.portfolios():
        lines += [
            f"{asked.of(one.account)}{one.asset}: {plain(one.total)}"
            + (f" ({plain(one.used)} in orders)" if one.used else "")
            for one in portfolio.balances
            if one.total
        ]
        if portfolio.equity is not None:
            equity = portfolio.equity
            lines.append(f"{asked.of(equity.account)}Worth {_money(equity.equity)} {equity.currency}.")
    return _list(lines, "Nothing is held.")


async def _orders(asked: Asked) -> str:
    wish = ListOrders(open_only=True, limit=_MOST_LINES)
    found = [await asked.bus.request(service_of(name), wish, Orders) for name in asked.accounts]
    lines = [
        f"{asked.of(one.account)}{one.id}: {one.side} {plain(one.remaining)} {one.symbol} {one.type}"
        + (f" at {plain(one.price)}" if one.price is not None else "")
        + f", {one.state.lower()}"
        for each in found
        for one in each.orders
    ]
    return _list(lines, "No open order.")


async def _fills(asked: Asked) -> str:
    found = [await asked.bus.request(service_of(name), ListFills(limit=10), Fills) for name in asked.accounts]
    newest = sorted((one for each in found for one in each.fills), key=lambda one: -one.ts_ms)[:10]
    lines = [
        f"{asked.of(one.account)}{one.side} {plain(one.amount)} {one.symbol} "
        f"at {plain(one.price)} ({one.source})"
        for one in newest
    ]
    return _list(lines, "Nothing was traded yet.")


async def _strategies(asked: Asked) -> str:
    found = await asked.bus.request("strategy", ListStrategies(), Strategies)
    lines = [
        f"{one.name}: {one.state}, {one.symbol} {one.timeframe}, made {_signed(one.realised)}"
        + (f" ({one.reason})" if one.reason and one.state != "RUNNING" else "")
        for one in found.strategies
    ]
    return _list(lines, "No strategy is set up.")


async def _services(asked: Asked) -> str:
    status = await asked.bus.request("supervisor", GetStatus(), SupervisorStatus)
    return _list([f"{one.name}: {one.state}" for one in status.services], "There are none.")


async def _alerts(asked: Asked) -> str:
    log = await asked.bus.request("monitor", ListAlerts(open_only=True, limit=_MOST_LINES), AlertLog)
    return _list([f"[{one.severity}] {one.title}" for one in log.alerts], "Nothing is wrong.")


async def _halt(asked: Asked) -> str:
    return await _set_state(asked, "HALTED", cancel=True)


async def _reduce(asked: Asked) -> str:
    return await _set_state(asked, "REDUCING")


async def _flatten(asked: Asked) -> str:
    return await _set_state(asked, "HALTED", cancel=True, flatten=True)


async def _resume(asked: Asked) -> str:
    return await _set_state(asked, "ACTIVE")


async def _set_state(asked: Asked, state: str, *, cancel: bool = False, flatten: bool = False) -> str:
    wish = SetTradingState(
        state=state,
        reason=asked.text or "by Telegram",
        actor=asked.actor,
        cancel_orders=cancel,
        flatten=flatten,
    )
    lines, failed = [], []
    for name in asked.accounts:
        try:
            now = await asked.bus.request(service_of(name), wish, TradingState, timeout_s=_ACT_WITHIN_S)
            lines.append(f"{asked.of(name)}Trading is {now.state}.")
        except CryptoBotError as error:
            if len(asked.accounts) == 1:
                raise
            failed.append(f"{name}: not told: {error}")
    if not lines:
        raise CryptoBotError(" ".join(failed))
    return "\n".join([*lines, *failed])


async def _cancel(asked: Asked) -> str:
    wish = CancelOrder(order_id=asked.first, actor=asked.actor)
    for name in asked.accounts:
        try:
            done = await asked.bus.request(service_of(name), wish, Done, timeout_s=_ACT_WITHIN_S)
        except RequestFailedError as error:
            if error.code != "unknown_order" or name == asked.accounts[-1]:
                raise
        else:
            break
    return done.message or "The order is being cancelled."


async def _start_strategy(asked: Asked) -> str:
    return await _run_strategy(asked, running=True)


async def _stop_strategy(asked: Asked) -> str:
    return await _run_strategy(asked, running=False)


async def _run_strategy(asked: Asked, *, running: bool) -> str:
    wish = SetStrategyRunning(name=asked.first, running=running, actor=asked.actor)
    done = await asked.bus.request("strategy", wish, Done, timeout_s=_ACT_WITHIN_S)
    return done.message or f"{asked.first} is {'started' if running else 'stopped'}."


async def _restart(asked: Asked) -> str:
    wish = ControlService(action="restart", service=asked.first, actor=asked.actor)
    done = await asked.bus.request("supervisor", wish, Done, timeout_s=_ACT_WITHIN_S)
    return done.message or f"{asked.first} is being restarted."


async def _mute(asked: Asked) -> str:
    minutes = asked.words[0] if asked.words else "60"
    if not minutes.isascii() or not minutes.isdigit() or len(minutes) > 5:
        raise UsageError("Say for how many minutes, such as /mute 60; /mute 0 ends it.")
    await asked.mute(int(minutes) * 60.0)
    if minutes == "0":
        return "Notices are sent again."
    return f"Only critical notices for {minutes} minutes; the others wait."


COMMANDS: dict[str, Command] = {
    "status": Command(_status, "how things are", GetStatus.PERMISSION),
    "positions": Command(_positions, "what is held", GetPortfolio.PERMISSION),
    "balance": Command(_balance, "money and coins", GetPortfolio.PERMISSION),
    "orders": Command(_orders, "open orders", ListOrders.PERMISSION),
    "fills": Command(_fills, "the last trades", ListFills.PERMISSION),
    "strategies": Command(_strategies, "which strategies run", ListStrategies.PERMISSION),
    "services": Command(_services, "the states of all services", GetStatus.PERMISSION),
    "alerts": Command(_alerts, "what is wrong now", ListAlerts.PERMISSION),
    "halt": Command(
        _halt,
        "no new orders, open ones are cancelled",
        SetTradingState.PERMISSION,
        "[REASON]",
        "trading",
        "Halt trading and cancel all open orders?",
    ),
    "reduce": Command(
        _reduce,
        "only what makes positions smaller",
        SetTradingState.PERMISSION,
        "[REASON]",
        "trading",
        "Allow only orders that make positions smaller?",
    ),
    "flatten": Command(
        _flatten,
        "halt, and sell all positions",
        SetTradingState.PERMISSION,
        "[REASON]",
        "trading",
        "Halt trading, cancel all orders AND SELL ALL POSITIONS at the market?",
    ),
    "resume": Command(
        _resume,
        "trade again",
        SetTradingState.PERMISSION,
        "[REASON]",
        "trading",
        "Let the bot trade again?",
    ),
    "cancel": Command(
        _cancel, "cancel one order", CancelOrder.PERMISSION, "ORDER", "trading", "Cancel the order {}?"
    ),
    "start": Command(
        _start_strategy,
        "start a strategy",
        SetStrategyRunning.PERMISSION,
        "STRATEGY",
        "trading",
        "Start the strategy {}?",
        on_resource=True,
    ),
    "stop": Command(
        _stop_strategy,
        "stop a strategy; what it holds stays",
        SetStrategyRunning.PERMISSION,
        "STRATEGY",
        "trading",
        "Stop the strategy {}? What it holds stays.",
        on_resource=True,
    ),
    "restart": Command(
        _restart,
        "restart a service",
        ControlService.PERMISSION,
        "SERVICE",
        "system",
        "Restart the service {}?",
        on_resource=True,
    ),
    "mute": Command(
        _mute, "only critical notices for a while", MuteNotices.PERMISSION, "[MINUTES]", "system"
    ),
}


def help_text(permissions: list[str]) -> str:
    """The commands that somebody with these permissions may use, if only on some resources."""
    held = {one.partition(":")[0] for one in permissions}
    lines = [
        f"/{name} {one.usage}".rstrip() + f" - {one.help}"
        for name, one in COMMANDS.items()
        if one.permission in held
    ]
    return "\n".join([*lines, "/unlink - this chat speaks for you no more"])


def failure(error: CryptoBotError) -> str:
    """An error as a sentence for a chat."""
    return f"That did not work: {error}"


def _list(lines: list[str], empty: str) -> str:
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], f"and {len(lines) - _MOST_LINES} more"]
    return "\n".join(lines) or empty


def _money(value: Decimal) -> str:
    return f"{value:,.2f}"


def _signed(value: Decimal) -> str:
    return f"{value:+,.2f}"


def _price(value: Decimal | None) -> str:
    return "-" if value is None else plain(value.quantize(Decimal("1e-8")))
