"""cryptobot addon verify"""

import click

from ....configs.errors import CryptoBotError, UsageError
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("name", required=False)
@json_option
@pass_call
def command(call: Call, name: str | None, as_json: bool) -> None:
    """Compare add-ons on the disk with what their signers vouched for; all, or the one called NAME.

    Exits with 1 when anything was changed, added or lost, when a signer is not trusted any more, or when
    something was put into HOME/addons by hand.
    """
    from ...install import addons

    found = [one for one in addons.list_all(call.home) if name is None or one.is_called(name)]
    if name is not None and not found:
        raise UsageError(f"There is no add-on {name!r}; `cryptobot addon list` shows all.")
    wrong = {one.name: addons.verify(call.home, one) for one in found}
    if as_json:
        print_json([{"name": one, "sound": not said, "wrong": said} for one, said in wrong.items()])
    for one, sentences in wrong.items():
        for sentence in sentences or ["sound"]:
            if not as_json:
                note(f"{one}: {sentence}")
    bad = [one for one, sentences in wrong.items() if sentences]
    if bad:
        raise CryptoBotError(f"Not to be trusted: {', '.join(bad)}.")
    if not found:
        note("There is no add-on.")
