"""cryptobot bus send"""

import sys

import click
import msgspec

from ....bus import topics
from ....bus.contracts.base import Delivery, Message
from ....configs.errors import UsageError
from ..ask import open_bus
from ..call import Call, json_option, pass_call
from ..group import Command, nearest
from ..output import note, print_json
from ..schemas import all_schemas

MONEY = (topics.ORDERS, topics.FILLS, topics.POSITIONS, topics.BALANCES, topics.SIGNALS, topics.TRADING_STATE)


@click.command(cls=Command)
@click.argument("topic")
@click.argument("kind")
@click.argument("payload")
@click.option("--yes", is_flag=True, help="Do not ask, not even for topics of the money path.")
@json_option
@pass_call
def command(call: Call, topic: str, kind: str, payload: str, yes: bool, as_json: bool) -> None:
    """Publish one message of KIND (see `bus ls`) with PAYLOAD, a JSON object, on TOPIC.

    Other services believe it. For topics of the money path it asks first.
    """
    message = read_message(kind, payload)
    if topic.startswith(MONEY) and not yes:
        _confirm(topic)
    with open_bus(call) as bus:
        sent = bus.publish(topic, message)
        bus.settled()
    if as_json:
        print_json({"topic": topic, "source": sent.source, "epoch": sent.epoch, "seq": sent.seq})
    else:
        note(f"Sent {kind} on {topic} as {sent.source}#{sent.seq}.")


def read_message(kind: str, payload: str) -> Message:
    """A message from its JSON.

    Raises:
        UsageError: there is no such kind, or the JSON is not one of it.
    """
    published = (Delivery.STREAM, Delivery.EVENT)
    kinds = {schema.__name__: schema for schema in all_schemas() if schema.DELIVERY in published}
    if kind not in kinds:
        raise UsageError(f"No message that is published is called `{kind}`.{nearest(kind, list(kinds))}")
    try:
        return msgspec.json.decode(payload, type=kinds[kind])
    except msgspec.MsgspecError as error:
        raise UsageError(f"PAYLOAD is no {kind}: {error}.") from error


def _confirm(topic: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError(f"Services act on {topic}; say --yes to send there without being asked.")
    if not click.confirm(f"Services act on {topic}. Send it?", err=True):
        raise click.Abort
