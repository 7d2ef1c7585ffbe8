"""cryptobot config import"""

from typing import TextIO

import click

from ....configs.errors import UsageError
from ....configs.exchange import import_text, template, template_names
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("file", type=click.File("r", encoding="utf-8"), required=False)
@click.option(
    "--template",
    "name",
    metavar="NAME",
    help=f"A bundled start instead of a file: {', '.join(template_names())}.",
)
@json_option
@pass_call
def command(call: Call, file: TextIO | None, name: str | None, as_json: bool) -> None:
    """Make FILE (- is stdin) the config.yaml of this home.

    It is checked first; the old text stays in the history.
    """
    if name is not None and file is None:
        text = template(name)
    elif file is not None and name is None:
        text = file.read()
    else:
        raise UsageError("Give a FILE or --template NAME.")
    made = import_text(call.home, text, actor=person())
    if as_json:
        print_json({"changed": made is not None, "revision": made.number if made else None})
    else:
        note(f"Imported as revision {made.number}." if made else "It was so already.")
