"""The protocol's table of messages."""

from pathlib import Path

from cryptobot.bus import reference

PAGE = Path(__file__).parents[3] / "docs" / "protocol.md"


def test_the_protocol_lists_every_message_as_it_is() -> None:
    """After a change: python -m cryptobot.bus.reference docs/protocol.md"""
    text = PAGE.read_text(encoding="utf-8")
    assert reference.renewed(text) == text
