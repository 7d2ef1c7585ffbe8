"""What was played when."""

from cryptobot.services.paper.timeline import Segment, Timeline


def test_a_new_exchange_has_a_past() -> None:
    """The candles before the start, up to now; the next one is due in the next slot."""
    timeline = Timeline.begin(1000, 50_000, 10)

    assert (timeline.number, timeline.slot) == (10, 51)
    assert timeline.newest(10**9, 3) == [(48_000, 7), (49_000, 8), (50_000, 9)]


def test_a_pause_is_a_hole() -> None:
    """After it the recording goes on with the next number."""
    timeline = Timeline.begin(1000, 50_000, 10)
    timeline.finish()

    assert timeline.resume(60)
    timeline.finish()

    assert (timeline.number, timeline.slot) == (12, 61)
    assert list(timeline.between(50_000, 70_000)) == [(50_000, 9), (51_000, 10), (60_000, 11)]
    assert timeline.newest(10**9, 2) == [(51_000, 10), (60_000, 11)]


def test_no_pause_makes_no_segment() -> None:
    """Going on in the very next slot, or a second time before anything was played."""
    timeline = Timeline.begin(1000, 50_000, 10)

    assert not timeline.resume(51)
    assert timeline.resume(60)
    assert not timeline.resume(70)
    assert timeline.segments[1:] == [Segment(70, 10, 0)]


def test_questions_about_times_without_candles_are_empty() -> None:
    """Before the past, in a hole, in the future."""
    timeline = Timeline(1000, [Segment(10, 0, 5), Segment(20, 5, 5)])

    assert list(timeline.between(0, 9_000)) == []
    assert list(timeline.between(15_000, 19_999)) == []
    assert list(timeline.between(30_000, 99_000)) == []
    assert timeline.newest(12_500, 10) == [(10_000, 0), (11_000, 1), (12_000, 2)]
