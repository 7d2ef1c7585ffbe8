"""cryptobot graph"""

import sys

import click

from ...catalogue.registry import Manifest
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import print_json
from ..services import manifests


@click.command(cls=Command)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "dot", "mermaid"]),
    default="text",
    show_default=True,
    help="dot is for Graphviz, mermaid for Markdown pages.",
)
@json_option
@pass_call
def command(call: Call, form: str, as_json: bool) -> None:
    """Show which service needs which. Works when nothing runs.

    Solid: it starts when the other is ready. Dashed (wants): it starts after it, and does without it.
    """
    found = manifests(call.home)
    if as_json:
        print_json(
            [{"name": m.name, "title": m.label, "requires": m.requires, "wants": m.wants} for m in found]
        )
        return
    drawn = {"text": as_text, "dot": as_dot, "mermaid": as_mermaid}[form](found)
    sys.stdout.write(drawn + "\n")


def as_text(found: list[Manifest]) -> str:
    """One line a service, in an order in which they can start."""
    steps: list[str] = []
    placed: set[str] = set()
    names = {manifest.name for manifest in found}
    rest = list(found)
    while rest:
        ready = [m for m in rest if {*m.requires, *m.wants} & names <= placed]
        if not ready:
            steps.append("never: " + ", ".join(m.name for m in rest) + " (they wait for each other)")
            break
        steps.extend(_text_line(m) for m in ready)
        placed.update(m.name for m in ready)
        rest = [m for m in rest if m not in ready]
    return "\n".join(steps)


def _text_line(manifest: Manifest) -> str:
    needs = []
    if manifest.requires:
        needs.append("requires " + ", ".join(manifest.requires))
    if manifest.wants:
        needs.append("wants " + ", ".join(manifest.wants))
    return f"{manifest.name:<12} {manifest.label:<18} {'; '.join(needs)}".rstrip()


def as_dot(found: list[Manifest]) -> str:
    rows = ["digraph cryptobot {", "  rankdir=BT;", "  node [shape=box];"]
    for manifest in found:
        rows.append(f'  "{manifest.name}" [label="{manifest.label}"];')
        rows.extend(f'  "{manifest.name}" -> "{other}";' for other in manifest.requires)
        rows.extend(f'  "{manifest.name}" -> "{other}" [style=dashed];' for other in manifest.wants)
    return "\n".join([*rows, "}"])


def as_mermaid(found: list[Manifest]) -> str:
    rows = ["graph BT"]
    for manifest in found:
        rows.append(f"  {manifest.name}[{manifest.label}]")
        rows.extend(f"  {manifest.name} --> {other}" for other in manifest.requires)
        rows.extend(f"  {manifest.name} -.-> {other}" for other in manifest.wants)
    return "\n".join(rows)
