"""What a receiver has seen of each topic of each source: gaps, duplicates, and what is still to come."""

from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Counters:
    """What happened since the client was opened. `lost` are messages that are gone for good."""

    lost: int = 0
    healed: int = 0
    duplicates: int = 0
    malformed: int = 0
    dropped: int = 0
    late: int = 0
    by_topic_lost: dict[str, int] = field(default_factory=dict)

    def troubles(self) -> dict[str, int]:
        """Those that are not zero, for the beat."""
        names = ("lost", "healed", "duplicates", "malformed", "dropped", "late")
        return {name: number for name in names if (number := getattr(self, name))}

    def lose(self, topic: str, number: int) -> None:
        """Count messages that will not come."""
        if number > 0:
            self.lost += number
            self.by_topic_lost[topic] = self.by_topic_lost.get(topic, 0) + number


@dataclass(eq=False, slots=True)
class Flow:
    """One source's topic in one delivery class.

    `next` is the number expected, 0 before the first message. `known` is the last number that is known to
    exist; when it is not below `next`, messages are missing. `told` is what the last beat said. What was sent
    before `after_ns` is not for this receiver. Of one that is `doubled` each message comes by two ways.
    """

    source: str
    topic: str
    event: bool
    healed: bool
    epoch: int = 0
    next: int = 0
    known: int = 0
    told: int = 0
    after_ns: int = 0
    healing: bool = False
    doubled: bool = False

    def missing(self) -> bool:
        """Whether something between what was handled and what exists has not been handled."""
        return bool(self.next) and self.known >= self.next

    def accept_event(self, epoch: int, seq: int, counters: Counters) -> bool:
        """Take the number of an event that is not the expected one; whether to handle it now.

        What lies beyond a gap is left to the healing, which brings it again in order.
        """
        if not self.next or seq == self.next:
            self.epoch = max(self.epoch, epoch)
            return True
        if seq > self.next:
            self.known = max(self.known, seq)
            return not self.healed and self._skip_to(seq, counters)
        if epoch > self.epoch:
            # A later life counts lower: the publisher's outbox was lost with its numbers.
            self.epoch, self.known = epoch, 0
            return True
        counters.duplicates += 1
        return False

    def accept_stream(self, epoch: int, seq: int, counters: Counters) -> bool:
        """Take the number of a stream message that is not the expected one; whether to handle it now."""
        if epoch != self.epoch:
            stale = epoch < self.epoch
            if stale:
                counters.duplicates += not self.doubled
                return False
            self.epoch, self.known, self.told, self.next = epoch, 0, 0, 0
            return True
        if not self.next:
            return True
        if seq < self.next:
            counters.duplicates += not self.doubled
            return False
        self.known = max(self.known, seq)
        return not self.healed and self._skip_to(seq, counters)

    def _skip_to(self, seq: int, counters: Counters) -> bool:
        counters.lose(self.topic, seq - self.next)
        return True

    def give_up_before(self, seq: int, counters: Counters) -> None:
        """Nothing before `seq` can be had any more: count what is missing as lost and go on from there."""
        if seq > self.next:
            if not self.after_ns:
                counters.lose(self.topic, seq - self.next)
            self.next = seq

    def hear(self, epoch: int, last: int, counters: Counters) -> None:
        """A beat says that `last` exists."""
        if not self.event:
            self._hear_stream(epoch, last, counters)
            return
        if not self.next:
            self.next = last + 1
        self.known = max(self.known, last)

    def _hear_stream(self, epoch: int, last: int, counters: Counters) -> None:
        if epoch != self.epoch or not self.next:
            return
        # Beats may overtake messages on a direct connection: only what two beats told is missing.
        if self.told >= self.next:
            if self.healed:
                self.known = max(self.known, self.told)
            else:
                counters.lose(self.topic, self.told + 1 - self.next)
                self.next = self.told + 1
        self.told = last
