"""cryptobot doctor"""

import click

from ...doctor.examine import examine
from ...doctor.finding import FAULT, OK, Finding
from ..call import Call, json_option, pass_call
from ..contents import contents
from ..failures import EXIT_DONE, EXIT_FAILED
from ..group import Command
from ..output import Column, note, print_json, print_table


def _verdict_style(verdict: str) -> str:
    return {"ok": "green", "warning": "yellow", "fault": "bold red"}.get(verdict, "")


COLUMNS = (Column("check"), Column("verdict", style=_verdict_style), Column("found"))


@click.command(cls=Command)
@click.option("--fix", is_flag=True, help="Mend what can safely be mended, and say what was done.")
@json_option
@pass_call
def command(call: Call, fix: bool, as_json: bool) -> int:
    """Find the usual faults: what, why it matters, what to do.

    --fix closes what others can read, writes damaged settings in force anew, renews our own certificates,
    removes what a crash left behind, cuts torn journals. It starts, stops and trades nothing, but for a
    restart of the dashboard when its certificate is renewed.

    Exits with 0 when there is no fault (warnings may be), with 1 when there is one that was not mended.
    With --json: {"ok", "checks": [{"check", "verdict", "what", "why", "todo", "mended"}], "commands",
    "services", "pages", "connectors", "strategies", "schemas", "extras", "unreadable"}; all but the first
    two tell what this program holds, to compare two installations.
    """
    findings = list(examine(call.home, fix=fix))
    ok = all(finding.verdict != FAULT for finding in findings)
    if as_json:
        print_json({"ok": ok, "checks": findings, **contents(call.home)})
    else:
        print_table(COLUMNS, [[one.check, one.verdict, one.what] for one in findings], empty="")
        _explain(findings)
        note("No fault was found." if ok else "There are faults.")
    return EXIT_DONE if ok else EXIT_FAILED


def _explain(findings: list[Finding]) -> None:
    for one in findings:
        if one.verdict == OK and not one.mended:
            continue
        click.echo(f"\n{one.check}: {one.what}")
        for word, text in (("why", one.why), ("what to do", one.todo), ("mended", one.mended)):
            if text:
                click.echo(f"  {word}: {text}")
