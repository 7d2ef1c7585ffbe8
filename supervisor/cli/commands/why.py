"""cryptobot why"""

from decimal import Decimal
from typing import Any

import click

from .. import ccxt_names
from ..call import Call, json_option, pass_call
from ..delegate import load
from ..group import Command
from ..output import plain_decimal, print_json

Answer = dict[str, Any]
_GONE = "the journal does not hold it (any more)"


@click.command(cls=Command)
@click.argument("order")
@json_option
@pass_call
def command(call: Call, order: str, as_json: bool) -> None:
    """Say why an order was made: candle, signal, limits, order, fills. Works when nothing runs, too.

    ORDER is the order's id (as `orders` shows it), the exchange's id, or the id of its intent.
    """
    answer: Answer = load("cryptobot.services.trade.why:explain")(call.home, order)
    if as_json:
        print_json(answer)
    else:
        click.echo(as_text(answer), nl=False)


def as_text(answer: Answer) -> str:
    """One paragraph a link of the chain."""
    order = answer["order"]
    head = f"{order['side']} {order['amount']} {order['symbol']} {order['type']}, {order['state']}"
    lines = [f"Order {order['id']}: {head}"]
    if order["reason"]:
        lines.append(f"  {order['reason']}")
    if order["replaces"]:
        lines.append(f"  took the place of {order['replaces']}")
    if answer["replaced_by"]:
        lines.append(f"  {answer['replaced_by']} took its place")
    for title, part in (
        ("candle", _candle(answer)),
        ("signal", _signal(answer)),
        ("limits", _limits(answer)),
        ("order", _states(answer)),
        ("fills", _fills(answer)),
        ("actions", _actions(answer)),
    ):
        lines += [
            f"{title:<8} {line}" if number == 0 else f"{'':<8} {line}" for number, line in enumerate(part)
        ]
    return "\n".join(lines) + "\n"


def _candle(answer: Answer) -> list[str]:
    candle, opened = answer["candle"], answer["order"]["candle_open_ms"]
    if candle is None:
        return [f"opened {_time(opened)}; {_GONE}" if opened else "none: not made on a candle"]
    prices = " ".join(f"{name} {_number(candle[name])}" for name in ("open", "high", "low", "close"))
    return [
        f"{candle['exchange']} {candle['symbol']} {candle['timeframe']} of {_time(opened)}: {prices}, "
        f"volume {_number(candle['volume'])}; published {_time(candle['ts_ms'])}"
    ]


def _signal(answer: Answer) -> list[str]:
    signal, order = answer["signal"], answer["order"]
    if signal is not None:
        return [
            f"{signal['strategy']} wants to {signal['side']} at {_number(signal['price'])}: "
            f"{signal['reason']} ({_time(signal['ts_ms'])})"
        ]
    if order["candle_open_ms"]:
        return [f"of {order['source']}, intent {order['intent_id']}; {_GONE}"]
    return [f"none: asked for by {order['source']}"]


def _limits(answer: Answer) -> list[str]:
    found = answer["limits"]
    if found is None:
        return ["none: it was not asked about (an exit of a guard, a flattening, or an order from outside)"]
    lines = [f"denied: {found['denied']}"] if found["denied"] else ["passed"]
    if "checked" in found:
        lines[0] += f" (in this order: {', '.join(name.replace('_', ' ') for name in found['checked'])})"
        saw = found["saw"]
        lines.append(
            f"saw: worth {_number(found['value'])}, price {_number(saw['price'])} "
            f"({saw['stale_s'] or 0:.1f} s old), position {_number(saw['position'])}, "
            f"free {_number(saw['free_quote'])} quote and {_number(saw['free_base'])} base, "
            f"{saw['open_orders']} open orders, {saw['orders_last_minute']} in the last minute, "
            f"trading {saw['trading_state']}, {'in' if saw['in_step'] else 'not in'} step with the venue"
        )
    return lines


def _states(answer: Answer) -> list[str]:
    order = answer["order"]
    lines = [f"client order id {order['client_order_id']}, at the venue {order['exchange_order_id'] or '-'}"]
    before = order["reason"]
    for state in answer["states"]:
        told = f"{_time(state['ts_ms'])} {state['state']}, {_number(state['filled'])} filled"
        lines.append(f"{told}: {state['reason']}" if state["reason"] not in ("", before) else told)
    if not answer["states"]:
        lines.append(
            f"made {_time(order['created_ms'])}, changed {_time(order['updated_ms'])}; states: {_GONE}"
        )
    return lines


def _fills(answer: Answer) -> list[str]:
    return [_fill(fill) for fill in answer["fills"]] or ["none"]


def _fill(fill: Answer) -> str:
    role, fee = "maker" if fill["maker"] else "taker", f"{_number(fill['fee'])} {fill['fee_currency']}"
    amount, price = _number(fill["amount"]), _number(fill["price"])
    return f"{_time(fill['ts_ms'])} {amount} at {price}, fee {fee} ({role}, trade {fill['id']})"


def _actions(answer: Answer) -> list[str]:
    return [
        f"{_time(one['ts_ms'])} {one['actor']}: {one['action']}, {one['detail']}"
        + ("" if one["ok"] else " (refused)")
        for one in answer["actions"]
    ] or ["none"]


def _number(text: str | None) -> str:
    return "unknown" if text is None else plain_decimal(Decimal(text))


def _time(ts_ms: int) -> str:
    return ccxt_names.iso(ts_ms).replace("T", " ").rstrip("Z")
