"""cryptobot addon sign"""

from pathlib import Path

import click

from ..call import Call, pass_call
from ..group import Command
from ..output import note


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file with the key to use instead of this home's own.",
)
@pass_call
def command(call: Call, file: Path, key: Path | None) -> None:
    """Sign a wheel: you vouch for it. The key of this home is made when it is first needed.

    What this home signed, it takes; others take it when they trust your public key, which is printed.
    """
    from ...install import bundle, signature

    private = signature.own_key(call.home) if key is None else signature.read_key(key)
    bundle.sign_file(file, private)
    note(f"{file} is signed by {signature.public_text(private)}.")
