"""The table of an order's states."""

from pathlib import Path

import pytest
from cryptobot.services.trade.states import (
    AT_VENUE,
    MEANING,
    TABLE,
    TERMINAL,
    Event,
    IllegalMoveError,
    State,
    advance,
    draw,
)

DOCS = Path(__file__).parents[3] / "docs" / "orders.md"


def test_every_state_has_a_meaning_and_a_row():
    """No state is left out of the table or of its explanation."""
    assert set(TABLE) == set(MEANING) == set(State)


def test_every_state_can_be_reached():
    """Each state is where an order begins, or the outcome of a move."""
    reached = {outcome for moves in TABLE.values() for outcome in moves.values()}
    assert reached | {State.PENDING, State.DENIED} == set(State)


def test_only_news_of_fills_leaves_a_filled_order_where_it_is():
    """FILLED is the end, whatever comes."""
    assert set(TABLE[State.FILLED].values()) == {State.FILLED}


def test_denied_never_moves():
    """An order that was never sent has no life at the venue."""
    for event in Event:
        with pytest.raises(IllegalMoveError, match="DENIED"):
            advance(State.DENIED, event)


def test_every_open_state_has_a_way_out():
    """From each open state an end can be reached in one move."""
    for state in set(State) - TERMINAL:
        assert set(TABLE[state].values()) & TERMINAL


def test_what_rests_at_the_venue_can_be_asked_to_end():
    """A cancel is possible wherever the venue may have the order."""
    for state in AT_VENUE:
        assert advance(state, Event.ASK_CANCEL) is State.PENDING_CANCEL


def test_the_drawn_table_is_in_the_docs():
    """docs/orders.md shows the table as it is; remake it with `python -m cryptobot.services.trade.states`."""
    assert draw() in DOCS.read_text(encoding="utf-8")
