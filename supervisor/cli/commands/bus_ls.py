"""cryptobot bus ls"""

import click

from ....bus.contracts.base import Message
from ..call import json_option
from ..group import Command
from ..output import Column, print_json, print_table
from ..schemas import all_schemas

COLUMNS = (Column("number"), Column("message"), Column("owner"), Column("class"), Column("what it says"))


@click.command(cls=Command)
@click.argument("word", default="")
@json_option
def command(word: str, as_json: bool) -> None:
    """List the kinds of messages (those with WORD in them). Works when nothing runs."""
    found = [describe(schema) for schema in all_schemas()]
    chosen = [one for one in found if word.lower() in " ".join(map(str, one.values())).lower()]
    if as_json:
        print_json(chosen)
        return
    rows = [[one["number"], one["name"], one["owner"], one["delivery"], one["summary"]] for one in chosen]
    print_table(COLUMNS, rows, empty=f"No kind of message has {word!r} in it.")


def describe(schema: type[Message]) -> dict[str, object]:
    return {
        "number": f"{schema.SCHEMA_ID:#06x}",
        "name": schema.__name__,
        "version": schema.SCHEMA_VERSION,
        "owner": schema.__module__.rpartition(".")[2],
        "delivery": schema.DELIVERY.value,
        "reply": schema.REPLY.__name__ if schema.REPLY else None,
        "permission": schema.PERMISSION,
        "fields": list(schema.__struct_fields__),
        "summary": (schema.__doc__ or "").strip().splitlines()[0],
    }
