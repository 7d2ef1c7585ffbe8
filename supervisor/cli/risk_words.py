"""How answers of the risk service read in a terminal."""

from datetime import datetime

from ...bus.contracts.risk import RiskBlock


def until(moment_ms: int) -> str:
    """A moment in local time; nothing for none."""
    return datetime.fromtimestamp(moment_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def block_row(block: RiskBlock) -> list[object]:
    """What is blocked, why, and until when."""
    where = " in ".join(part for part in (block.name or "everything", block.symbol) if part)
    return [where, block.sentence, until(block.until_ms) if block.until_ms else "the reason is gone"]
