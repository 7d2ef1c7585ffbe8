"""Restarts at a time of day, in a time zone, with summer time done right.

`03:30` is every day in the machine's zone, `03:30 Europe/Berlin` in that one, `sun 03:30` on Sundays.
A time that the clock skips in spring happens an hour later by the clock; one that comes twice in autumn
happens the first time.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ...configs.errors import SettingsError

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_MISSED_AFTER = timedelta(minutes=1)


class Schedule:
    """One parsed time of restart.

    Raises:
        SettingsError: it is not understood.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        words = text.split()
        self._day = _DAYS.index(words.pop(0).lower()) if words and words[0].lower() in _DAYS else None
        try:
            self._time = time.fromisoformat(words.pop(0))
            self._zone: tzinfo | None = ZoneInfo(words.pop(0)) if words else None
        except (ValueError, IndexError, ZoneInfoNotFoundError):
            raise SettingsError(
                f"restart_at: {text!r} is not a time; write 03:30, sun 03:30 or 03:30 Europe/Berlin."
            ) from None
        if words:
            raise SettingsError(f"restart_at: {text!r} holds more than a day, a time and a zone.")

    def after(self, moment: datetime) -> datetime:
        """The first due moment later than an aware `moment`, in UTC."""
        local = moment.astimezone(self._zone)
        for ahead in range(9):
            day = local.date() + timedelta(days=ahead)
            if self._day is not None and day.weekday() != self._day:
                continue
            due = self._on(day)
            if due > moment:
                return due
        raise AssertionError("a week holds every weekday")

    def _on(self, day: date) -> datetime:
        # fold=0 takes the first of two equal times, and counts a skipped one with the offset before the skip.
        naive = datetime.combine(day, self._time)
        aware = naive.replace(tzinfo=self._zone) if self._zone is not None else naive.astimezone()
        return aware.astimezone(UTC)


class Clockwork:
    """Knows which scheduled restarts are due, whatever the wall clock does.

    A missed one (the machine slept, the clock jumped) happens once, or not at all when it is to be skipped; a
    clock set back does not make one happen again at once.
    """

    def __init__(self) -> None:
        self._due: dict[str, tuple[str, datetime]] = {}

    def due_now(self, schedules: dict[str, str], skip_missed: frozenset[str] = frozenset()) -> list[str]:
        """As `due`, by the wall clock."""
        return self.due(schedules, datetime.now(UTC), skip_missed)

    def due(
        self, schedules: dict[str, str], now: datetime, skip_missed: frozenset[str] = frozenset()
    ) -> list[str]:
        """Names whose time has come, given name and text of all schedules.

        Args:
            skip_missed: names whose restart is left out when its time has passed by more than a minute.
        """
        found = []
        for name, text in schedules.items():
            known_text, when = self._due.get(name, ("", now))
            if known_text != text or when - now > timedelta(days=8):
                self._due[name] = (text, Schedule(text).after(now))
            elif now >= when:
                if name not in skip_missed or now - when <= _MISSED_AFTER:
                    found.append(name)
                self._due[name] = (text, Schedule(text).after(now))
        return found
