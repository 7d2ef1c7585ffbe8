"""Colours of cells on terminals. The same word has the same colour everywhere."""

_STATES = {
    "RUNNING": "green",
    "FILLED": "green",
    "ACTIVE": "green",
    "STARTING": "yellow",
    "DEGRADED": "yellow",
    "BACKOFF": "yellow",
    "STOPPING": "yellow",
    "REDUCING": "yellow",
    "UNKNOWN": "yellow",
    "FATAL": "bold red",
    "FAILED": "bold red",
    "REJECTED": "red",
    "DENIED": "red",
    "HALTED": "bold red",
    "STOPPED": "dim",
    "EXITED": "dim",
}


def state_style(state: str) -> str:
    """Of a service, an order or of trading."""
    return _STATES.get(state, "")


def side_style(side: str) -> str:
    return {"buy": "green", "sell": "red"}.get(side, "")


def money_style(text: str) -> str:
    """Green above zero, red below."""
    if text.startswith("-") and text != "-":
        return "red"
    return "green" if text.strip("0.") and text != "-" else ""


def level_colour(level: str) -> str | None:
    """Of a line of a log: a colour by click's names."""
    return {"warning": "yellow", "error": "red", "critical": "bright_red"}.get(level)


def severity_style(severity: str) -> str:
    """Of an alert."""
    return {"warning": "yellow", "error": "red", "critical": "bold red"}.get(severity, "")
