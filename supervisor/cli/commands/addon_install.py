"""cryptobot addon install"""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from ....configs.errors import UsageError
from ....configs.paths import Home
from ..addon_words import refuse_taken, tell_installed
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import print_json

if TYPE_CHECKING:
    from ...install.addons import Candidate


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--trust", "key", metavar="KEY", help="Trust this key from now on; the file must be signed by it."
)
@click.option("--sha256", default="", metavar="HEX", help="Refuse the file unless this is its SHA-256.")
@json_option
@pass_call
def command(call: Call, file: Path, key: str | None, sha256: str, as_json: bool) -> None:
    """Install an add-on: a wheel, or a bundle of a strategy (.cryptobot-strategy).

    Every file in it is compared with its hash, and the hashes with the signature of somebody whom this
    home trusts. An add-on runs with your rights and may trade: trust a key as you would trust its owner
    with your money. Nothing is downloaded.
    """
    from ...install import addons, signature

    candidate = addons.inspect(call.home, file, sha256=sha256)
    refuse_taken(call.home, candidate)
    if key is not None:
        _trust(call.home, signature.check_key(key), candidate)
    receipt, before = addons.install(call.home, file, sha256=sha256)
    if as_json:
        print_json({**msgspec.to_builtins(receipt), "replaced": before.version if before else None})
    else:
        tell_installed(receipt, before, addons.services_of(receipt))


def _trust(home: Home, key: str, candidate: "Candidate") -> None:
    from ...install import signature

    if key not in candidate.signers:
        raise UsageError(f"The file is not signed by {key}, but by {' and '.join(candidate.signers)}.")
    signature.trust(home, key, f"with {candidate.facts.name}")
