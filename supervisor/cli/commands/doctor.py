"""cryptobot doctor"""

import click

from ..call import Call, json_option, pass_call
from ..checks import FAULT, Finding, run_all
from ..failures import EXIT_DONE, EXIT_FAILED
from ..group import Command
from ..output import Column, note, print_json, print_table
from ..services import known_services
from ..table import COMMANDS


def _verdict_style(verdict: str) -> str:
    return {"ok": "green", "warning": "yellow", "fault": "bold red"}.get(verdict, "")


COLUMNS = (Column("check"), Column("verdict", style=_verdict_style), Column("found"), Column("what to do"))


@click.command(cls=Command)
@json_option
@pass_call
def command(call: Call, as_json: bool) -> int:
    """Find the usual faults and say what to do. Exits with 1 when there is one.

    With --json also what this program holds (commands, services), to compare two installations.
    """
    findings = list(run_all(call.home))
    ok = all(finding.verdict != FAULT for finding in findings)
    if as_json:
        print_json({"ok": ok, "checks": findings, "commands": [entry.name for entry in COMMANDS],
                    "services": known_services(call.home)})  # fmt: skip
    else:
        print_table(COLUMNS, [row(finding) for finding in findings], empty="")
        note("No fault was found." if ok else "There are faults.")
    return EXIT_DONE if ok else EXIT_FAILED


def row(finding: Finding) -> list[object]:
    return [finding.check, finding.verdict, finding.text, finding.advice]
