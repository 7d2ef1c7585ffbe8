"""Times of day in a zone, as settings write them: `07:30`, `Europe/Berlin`."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def zone_of(name: str) -> tzinfo | None:
    """The zone of that name; None, the machine's, for "".

    Raises:
        ValueError: there is none of that name.
    """
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; write one such as Europe/Berlin or UTC") from error


def time_of(text: str) -> time:
    """A time of day.

    Raises:
        ValueError: it is not one.
    """
    try:
        found = time.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time of day; write one such as 07:30") from error
    if found.tzinfo is not None:
        raise ValueError(f"{text!r} names a zone of its own; write a time such as 07:30")
    return found


def next_at(moment: datetime, times: Iterable[str], zone: tzinfo | None) -> datetime | None:
    """The first of these times of day that is later than an aware moment, in UTC; None without times.

    What a clock change skips comes as much later; what it repeats comes the first time.
    """
    wanted = [time_of(text) for text in times]
    first_day = moment.astimezone(zone).date()
    due = [
        aware
        for ahead in range(3)
        for at in wanted
        if (aware := _aware(datetime.combine(first_day + timedelta(days=ahead), at), zone)) > moment
    ]
    return min(due, default=None)


def quiet_until(moment: datetime, begin: str, end: str, zone: tzinfo | None) -> datetime | None:
    """When the quiet hours end in which an aware moment lies; None when it lies in none.

    They may span midnight; equal or empty times are no quiet hours.
    """
    if not begin or not end or time_of(begin) == time_of(end):
        return None
    ends = next_at(moment, [end], zone)
    begins = next_at(moment, [begin], zone)
    if ends is None or begins is None or begins <= ends:
        return None
    return ends


def on(day: date, at: str, zone: tzinfo | None) -> datetime:
    """A time of day on that day, in UTC."""
    return _aware(datetime.combine(day, time_of(at)), zone)


def _aware(naive: datetime, zone: tzinfo | None) -> datetime:
    aware = naive.replace(tzinfo=zone) if zone is not None else naive.astimezone()
    return aware.astimezone(UTC)
