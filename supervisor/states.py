"""The states of a service and the changes allowed between them. Drawn in docs/states.md.

This module imports nothing, so that every other part, and every test, can rely on it.
"""

STOPPED = "STOPPED"
STARTING = "STARTING"
RUNNING = "RUNNING"
DEGRADED = "DEGRADED"
BACKOFF = "BACKOFF"
STOPPING = "STOPPING"
EXITED = "EXITED"
FATAL = "FATAL"

STATES = (STOPPED, STARTING, RUNNING, DEGRADED, BACKOFF, STOPPING, EXITED, FATAL)

MEANING = {
    STOPPED: "No process; nobody wants one.",
    STARTING: "Waits for what it requires, or has a process that is not ready yet.",
    RUNNING: "Has a process and is ready.",
    DEGRADED: "Has a process that does not do its work: no heartbeat, a failed probe, a limit reached.",
    BACKOFF: "Failed; the next start is due after a wait.",
    STOPPING: "Was told to stop; its process is still there.",
    EXITED: "Ended by itself and its policy does not restart it.",
    FATAL: "Cannot run as things are, or failed too often; a person has to act.",
}

TRANSITIONS: dict[str, dict[str, str]] = {
    STOPPED: {STARTING: "start", FATAL: "cannot be started"},
    STARTING: {
        RUNNING: "ready",
        BACKOFF: "ended or not ready in time",
        STOPPING: "stop",
        STOPPED: "stop while it waits",
        EXITED: "ended, no restart",
        FATAL: "cannot start, or failed too often",
    },
    RUNNING: {
        DEGRADED: "no heartbeat, or a failed probe",
        BACKOFF: "ended",
        STOPPING: "stop",
        EXITED: "ended, no restart",
        FATAL: "failed too often",
    },
    DEGRADED: {
        RUNNING: "recovered",
        BACKOFF: "ended",
        STOPPING: "stop",
        EXITED: "ended, no restart",
        FATAL: "failed too often",
    },
    BACKOFF: {STARTING: "wait is over", STOPPED: "stop", FATAL: "failed too often"},
    STOPPING: {STOPPED: "process gone", FATAL: "process cannot be killed"},
    EXITED: {STARTING: "start", STOPPED: "stop"},
    FATAL: {STARTING: "start", STOPPED: "stop"},
}

WITH_PROCESS = frozenset({STARTING, RUNNING, DEGRADED, STOPPING})
AT_REST = frozenset({STOPPED, EXITED, FATAL})


def allowed(before: str, after: str) -> bool:
    """Whether a service may go from one state to the other."""
    return after in TRANSITIONS[before]
