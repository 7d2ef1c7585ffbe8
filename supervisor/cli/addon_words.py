"""What the commands of add-ons say and ask."""

import sys
from typing import TYPE_CHECKING

import click

from ...configs.errors import UsageError
from ...configs.paths import Home
from .delegate import load
from .output import note

if TYPE_CHECKING:
    from ..install.addons import Candidate, Receipt


def ask_about(home: Home, candidate: "Candidate") -> bool:
    """Show an add-on to the person and ask whether to install it, trusting its signer where that is new.

    Raises:
        UsageError: nobody is there to ask.
    """
    from ..install import signature

    facts = candidate.facts
    note(f"Add-on   {facts.name} {facts.version}")
    if facts.summary:
        note(f"         {facts.summary}")
    for kind, names in facts.provides.items():
        note(f"Brings   {kind}: {', '.join(names)}")
    signer = candidate.trusted or candidate.signers[0]
    known = {one.key: one.note for one in signature.trusted(home)}
    standing = f"trusted: {known[signer]}" if signer in known else "UNKNOWN to this home"
    note(f"Signer   {signer} ({standing})")
    note("It would run with your rights and may trade.")
    if not sys.stdin.isatty():
        raise UsageError("There is nobody to ask; `cryptobot addon install FILE --trust KEY` asks nothing.")
    question = "Install it?" if candidate.trusted else "Trust this signer from now on, and install it?"
    if not click.confirm(question, err=True):
        return False
    signature.trust(home, signer, f"with {facts.name}")
    return True


def refuse_taken(home: Home, candidate: "Candidate") -> None:
    """Raises UsageError when a strategy in it is called like one that is bundled or lies in the home."""
    offered = candidate.facts.provides.get("strategies", ())
    known = load("cryptobot.services.strategy.loader:Loader")(home.strategies).available() if offered else {}
    taken = sorted(set(offered) & set(known))
    if taken:
        source = known[taken[0]]
        raise UsageError(
            f"{candidate.facts.name} brings a strategy {taken[0]}, and there is one of that name already "
            f"({source.kind}: {source.target})."
        )


def tell_installed(receipt: "Receipt", before: "Receipt | None", services: list[str]) -> None:
    """What is there now, and how it comes into use."""
    replaced = f" (it replaces {before.version})" if before else ""
    note(f"{receipt.name} {receipt.version} is installed{replaced}.")
    for kind, names in receipt.provides.items():
        note(f"It brings {kind}: {', '.join(names)}.")
    if services:
        note(f"When CryptoBot runs, `cryptobot restart {services[0]}` lets it be seen.")
