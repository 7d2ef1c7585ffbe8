"""The states of an order and the only moves between them. Imports nothing of ours.

`python -m cryptobot.services.trade.states` prints the table of docs/orders.md.
"""

from enum import Enum


class State(Enum):
    """Where an order is in its life."""

    PENDING = "PENDING"
    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    DENIED = "DENIED"


class Event(Enum):
    """What can happen to an order."""

    SEND = "send"
    WITHDRAW = "withdraw"
    ACKNOWLEDGE = "acknowledge"
    FILL_PART = "fill part"
    FILL_REST = "fill rest"
    ASK_CANCEL = "ask cancel"
    KEEP_OPEN = "keep open"
    KEEP_PART = "keep part"
    CANCEL = "cancel"
    EXPIRE = "expire"
    REJECT = "reject"


MEANING: dict[State, str] = {
    State.PENDING: "in the journal, waiting to be sent; the venue has never heard of it",
    State.SUBMITTED: "sent; whether the venue has it is unknown until it answers",
    State.ACCEPTED: "the venue has it, nothing is filled",
    State.PARTIALLY_FILLED: "the venue has it, a part is filled",
    State.PENDING_CANCEL: "its end was asked for; it may still fill",
    State.FILLED: "filled whole",
    State.CANCELED: "cancelled; a filled part stays filled",
    State.EXPIRED: "ended by the venue's rules (time in force); a filled part stays filled",
    State.REJECTED: "the venue refused it, or never got it",
    State.DENIED: "a limit of ours refused it; it was never sent",
}

TERMINAL = frozenset({State.FILLED, State.CANCELED, State.EXPIRED, State.REJECTED, State.DENIED})
AT_VENUE = frozenset({State.SUBMITTED, State.ACCEPTED, State.PARTIALLY_FILLED, State.PENDING_CANCEL})

_ENDS = {Event.CANCEL: State.CANCELED, Event.EXPIRE: State.EXPIRED}
_FILLS = {Event.FILL_PART: State.PARTIALLY_FILLED, Event.FILL_REST: State.FILLED}

TABLE: dict[State, dict[Event, State]] = {
    State.PENDING: {
        Event.SEND: State.SUBMITTED,
        Event.WITHDRAW: State.CANCELED,
        Event.REJECT: State.REJECTED,
    },
    State.SUBMITTED: {
        Event.ACKNOWLEDGE: State.ACCEPTED,
        Event.KEEP_OPEN: State.ACCEPTED,
        Event.REJECT: State.REJECTED,
        Event.ASK_CANCEL: State.PENDING_CANCEL,
        **_FILLS,
        **_ENDS,
    },
    State.ACCEPTED: {
        Event.ACKNOWLEDGE: State.ACCEPTED,
        Event.KEEP_OPEN: State.ACCEPTED,
        Event.ASK_CANCEL: State.PENDING_CANCEL,
        Event.REJECT: State.REJECTED,
        **_FILLS,
        **_ENDS,
    },
    State.PARTIALLY_FILLED: {
        Event.ACKNOWLEDGE: State.PARTIALLY_FILLED,
        Event.KEEP_PART: State.PARTIALLY_FILLED,
        Event.ASK_CANCEL: State.PENDING_CANCEL,
        **_FILLS,
        **_ENDS,
    },
    State.PENDING_CANCEL: {
        Event.ACKNOWLEDGE: State.PENDING_CANCEL,
        Event.ASK_CANCEL: State.PENDING_CANCEL,
        Event.FILL_PART: State.PENDING_CANCEL,
        Event.FILL_REST: State.FILLED,
        Event.KEEP_OPEN: State.ACCEPTED,
        Event.KEEP_PART: State.PARTIALLY_FILLED,
        Event.REJECT: State.REJECTED,
        **_ENDS,
    },
    # What follows an end is rare, but venues do it: a fill is money and is always counted, with an alert.
    State.FILLED: {Event.FILL_PART: State.FILLED, Event.FILL_REST: State.FILLED},
    State.CANCELED: {Event.FILL_PART: State.CANCELED, Event.FILL_REST: State.FILLED},
    State.EXPIRED: {Event.FILL_PART: State.EXPIRED, Event.FILL_REST: State.FILLED},
    State.REJECTED: {
        Event.ACKNOWLEDGE: State.ACCEPTED,
        Event.KEEP_OPEN: State.ACCEPTED,
        **_FILLS,
        **_ENDS,
    },
    State.DENIED: {},
}


class IllegalMoveError(ValueError):
    """This event cannot happen in this state."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"an order that is {state.value} cannot {event.value}")


def advance(state: State, event: Event) -> State:
    """The state after an event.

    Raises:
        IllegalMoveError: the table has no such move.
    """
    try:
        return TABLE[state][event]
    except KeyError:
        raise IllegalMoveError(state, event) from None


def draw() -> str:
    """The states and the moves as Markdown, for docs/orders.md."""
    events = list(Event)
    lines = ["| state | means |", "|---|---|"]
    lines += [f"| {state.value} | {MEANING[state]} |" for state in State]
    lines += ["", "| from \\ event | " + " | ".join(event.value for event in events) + " |"]
    lines.append("|---" * (len(events) + 1) + "|")
    for state in State:
        cells = [TABLE[state][event].value if event in TABLE[state] else "" for event in events]
        lines.append(f"| **{state.value}** | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(draw())
