"""cryptobot export kubernetes"""

from functools import partial
from pathlib import Path

import click

from ...export.kubernetes import ADDRESS, write
from ..call import Call, json_option, pass_call
from ..exporting import carry_out, export_options
from ..group import Command


@click.command(cls=Command)
@export_options
@click.option("--image", required=True, help="The container image that holds the program.")
@json_option
@pass_call
def command(
    call: Call, /, out: Path, hosts: tuple[str, ...], image: str, as_json: bool, **asked: str
) -> None:
    """Write objects of Kubernetes, a pod for each machine, with settings and keys.

    A machine needs no address here: `--host core/bus,auth`. Its pod is found as cryptobot-MACHINE. Keys are
    in keys.secret.yaml alone (mode 0600).
    """
    carry_out(call, out, hosts, asked, partial(write, image=image), named_by=ADDRESS, as_json=as_json)
