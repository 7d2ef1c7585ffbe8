"""Messages of the bus as lines, for programs and for people."""

from datetime import UTC, datetime
from typing import Any

import click
import msgspec

_FIELDS = ("topic", "source", "seq", "ts_ns", "correlation_id", "payload")
_IDS = ("id", "order_id", "client_order_id", "exchange_order_id", "intent_id")
_COLOURS = {
    "market": "blue",
    "signal": "magenta",
    "order": "cyan",
    "fill": "green",
    "position": "green",
    "balance": "green",
    "equity": "green",
    "alert": "red",
    "audit": "yellow",
    "risk": "yellow",
}


def as_json_line(message: dict[str, Any]) -> str:
    """One JSON object with the fields that outsiders rely on."""
    chosen = {name: message[name] for name in _FIELDS}
    return msgspec.json.encode(chosen, enc_hook=str).decode()


def for_people(message: dict[str, Any], coloured: bool) -> str:
    """`16:20:01.123 market.candle.paper.BTC-USDT.1s  data#12  open=1 close=2`"""
    moment = datetime.fromtimestamp(message["ts_ns"] / 1e9, UTC)
    topic = message["topic"]
    if coloured:
        topic = click.style(topic, fg=_COLOURS.get(topic.partition(".")[0]))
    head = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d} {topic}  {message['source']}#{message['seq']}"
    return f"{head}  {_pairs(message['payload'])}"


def _pairs(payload: object) -> str:
    if not isinstance(payload, dict):
        return str(payload)
    return " ".join(f"{key}={value}" for key, value in payload.items() if value not in (None, "", [], {}))


def mentions(message: dict[str, Any], wanted: str) -> bool:
    """Whether a message concerns the order, fill or intent called `wanted`, or was caused by it."""
    if message["correlation_id"] == wanted:
        return True
    payload = message["payload"]
    return isinstance(payload, dict) and any(payload.get(name) == wanted for name in _IDS)
