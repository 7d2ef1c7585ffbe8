"""cryptobot export systemd"""

from pathlib import Path

import click

from ...export.systemd import write
from ..call import Call, json_option, pass_call
from ..exporting import carry_out, export_options
from ..group import Command


@click.command(cls=Command)
@export_options
@json_option
@pass_call
def command(call: Call, /, out: Path, hosts: tuple[str, ...], as_json: bool, **asked: str) -> None:
    """Write a unit of systemd, settings and keys for each of several machines.

    Each machine gets OUT/MACHINE/home: its settings, and its keys of the bus (mode 0600). A second export
    into the same folder keeps the keys that are there.
    """
    carry_out(call, out, hosts, asked, write, as_json=as_json)
