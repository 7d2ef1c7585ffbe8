"""docs/states.md, drawn from the table: `python -m cryptobot.supervisor.states_page > docs/states.md`."""

import sys

from .states import AT_REST, MEANING, STATES, TRANSITIONS

_HEAD = """# States of a service
This page is made from `supervisor/states.py` by `python -m cryptobot.supervisor.states_page`; a test fails
when it is stale. Every change of a state is decided in `supervisor/lifecycle.py`, written to
`logs/supervisor.log`, sent to `cryptobot` over the control socket and published on the bus as
`service.state.NAME`.
"""


def page() -> str:
    """The page as Markdown."""
    lines = [_HEAD, "```mermaid", "stateDiagram-v2", "  [*] --> STOPPED"]
    for before, following in TRANSITIONS.items():
        lines += [f"  {before} --> {after}: {why}" for after, why in following.items()]
    lines += ["```", "", "| state | meaning | may become |", "|---|---|---|"]
    for state in STATES:
        may_become = ", ".join(f"{after} ({why})" for after, why in TRANSITIONS[state].items())
        lines.append(f"| {state} | {MEANING[state]} | {may_become} |")
    rest = ", ".join(state for state in STATES if state in AT_REST)
    lines += ["", f"At rest, until somebody starts it: {rest}. `ready` is true in RUNNING alone.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(page())
