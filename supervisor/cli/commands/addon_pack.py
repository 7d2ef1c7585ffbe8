"""cryptobot addon pack"""

import sys
from pathlib import Path

import click

from ..call import Call, pass_call
from ..group import Command
from ..output import note


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", default="", help="Of the strategy; without it the file's.")
@click.option("--version", default="1.0", show_default=True, help="Of the bundle.")
@click.option("-o", "--output", "folder", default=".", type=click.Path(path_type=Path), help="Folder for it.")
@pass_call
def command(call: Call, file: Path, name: str, version: str, folder: Path) -> None:
    """Make a bundle out of a strategy file, signed by this home: NAME-VERSION.cryptobot-strategy.

    Give it to others together with your public key, which is printed: a double click, or `addon install`,
    takes it.
    """
    from ...install import bundle, signature

    key = signature.own_key(call.home)
    path = bundle.pack(file, folder, name=name, version=version, key=key)
    sys.stdout.write(f"{path}\n")
    note(f"It is signed by {signature.public_text(key)}.")
