"""cryptobot paper info"""

import click

from ....bus.contracts.paper import GetPaperInfo, PaperInfo
from ..ask import ask
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, note, print_json, print_table


@click.command(cls=Command)
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """Show how to reach the paper exchange: addresses, demo keys, markets.

    Any client of Binance's spot API works with it, such as ccxt pointed at these addresses.
    With --json: {"rest_url", "ws_url", "ws_api_url", "api_key", "api_secret", "symbols", "note"}.
    """
    found = ask(call, "paper", GetPaperInfo(), PaperInfo)
    if as_json:
        print_json(found)
        return
    rows = [
        ["REST", found.rest_url],
        ["WebSocket streams", found.ws_url],
        ["WebSocket API", found.ws_api_url],
        ["API key", found.api_key],
        ["API secret", found.api_secret],
        ["markets", ", ".join(found.symbols)],
    ]
    print_table((Column("what"), Column("value")), rows, empty="")
    note(found.note)
