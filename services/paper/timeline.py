"""Which recorded candle was played when.

Time is cut into slots of `interval_ms`, aligned to the clock. A segment says that from one slot on so many
candles were played without a pause. Between two segments the exchange was away, and nothing is invented.
Numbers count on over the end of the recording, which then starts over.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class Segment:
    """`count` finished candles, from recorded number `number`, from slot `slot` on."""

    slot: int
    number: int
    count: int

    @property
    def end(self) -> int:
        """First slot after it."""
        return self.slot + self.count


class Timeline:
    """All segments, oldest first. There is always one; it may be empty."""

    def __init__(self, interval_ms: int, segments: list[Segment]) -> None:
        self.interval_ms = interval_ms
        self.segments = segments

    @classmethod
    def begin(cls, interval_ms: int, now_ms: int, start: int) -> "Timeline":
        """A new exchange: the candles before `start` are its past, as if played up to the next slot."""
        slot = now_ms // interval_ms + 1
        return cls(interval_ms, [Segment(slot - start, 0, start)])

    @property
    def number(self) -> int:
        """Number of the candle that is played next or now."""
        last = self.segments[-1]
        return last.number + last.count

    @property
    def slot(self) -> int:
        """The slot in which it is due, if there is no pause."""
        return self.segments[-1].end

    def resume(self, slot: int) -> bool:
        """Go on at `slot`; True when slots were missed, which makes a new segment."""
        if slot <= self.slot:
            return False
        if self.segments[-1].count == 0:
            self.segments[-1].slot = slot
            return False
        self.segments.append(Segment(slot, self.number, 0))
        return True

    def finish(self) -> Segment:
        """The current candle was played to its end."""
        last = self.segments[-1]
        last.count += 1
        return last

    def open_ms(self, slot: int) -> int:
        return slot * self.interval_ms

    def between(self, since_ms: int, until_ms: int) -> Iterator[tuple[int, int]]:
        """(open time, number) of the finished candles that open within the times, oldest first."""
        first, last = -(-since_ms // self.interval_ms), until_ms // self.interval_ms
        for segment in self.segments:
            start, end = max(first, segment.slot), min(last + 1, segment.end)
            for slot in range(start, end):
                yield slot * self.interval_ms, segment.number + slot - segment.slot

    def newest(self, until_ms: int, limit: int) -> list[tuple[int, int]]:
        """The newest `limit` finished candles that open by `until_ms`, oldest first."""
        found: list[tuple[int, int]] = []
        last = until_ms // self.interval_ms
        for segment in reversed(self.segments):
            end = min(last + 1, segment.end)
            start = max(segment.slot, end - (limit - len(found)))
            found[:0] = [(s * self.interval_ms, segment.number + s - segment.slot) for s in range(start, end)]
            if len(found) >= limit:
                break
        return found
