"""A supervisor that becomes another version of itself: same process, same children.

The other program is executed in place of this one, so a service manager sees nothing change. The services
trade on; they are adopted as after a supervisor's death, by the lines of `run/supervisor-state.jsonl`.
"""

import json
import os
from pathlib import Path

from ...configs.errors import UsageError
from ..context import Context
from ..unit import Raised

OVERRIDES_VARIABLE = "CRYPTOBOT_OVERRIDES"
_AFTER_S = 0.1


def succeed(supervisor: Context, program: str) -> dict[str, str]:
    """Become `program` a moment later, when the answer to this request is out.

    Raises:
        UsageError: this system cannot, or there is no such program.
    """
    if os.name != "posix":
        raise UsageError(
            "This system cannot replace a running supervisor; stop the platform and start it anew."
        )
    if not Path(program).is_absolute() or not os.access(program, os.X_OK):
        raise UsageError(f"{program or 'nothing'} is not a program that could take over.")
    if supervisor.lifecycle.shutting_down:
        raise UsageError("The platform is being stopped; start it again with `cryptobot up`.")
    supervisor.loop.call_later(_AFTER_S, lambda: _become(supervisor, program))
    return {"program": program}


def _become(supervisor: Context, program: str) -> None:
    words = [program, "--home", str(supervisor.home.root), "service", "run", "supervisor"]
    environment = {**os.environ, OVERRIDES_VARIABLE: json.dumps(supervisor.overrides)}
    supervisor.journal.write("info", "hands over to another version", program=program, pid=os.getpid())
    supervisor.journal.flush()
    try:
        os.execve(program, words, environment)  # noqa: S606 - no shell is wanted
    except OSError as error:
        supervisor.raised(
            Raised(
                key="update.takeover",
                severity="error",
                source="supervisor",
                title="Another version could not take over",
                detail=f"{program}: {error.strerror}. This one goes on.",
            )
        )
