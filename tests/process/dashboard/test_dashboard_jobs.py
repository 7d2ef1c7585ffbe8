"""Commands that the API runs: real processes of this program."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptobot.configs.paths import Home
from cryptobot.dashboard.jobs import Jobs

DEADLINE_S = 60.0


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    """Jobs of an empty home."""
    home = Home(tmp_path / "home")
    home.create()
    made = Jobs(home)
    yield made
    made.close()


def test_what_a_command_prints_comes_back_as_data(jobs: Jobs) -> None:
    """Its --json, its exit code, and only to who started it."""
    job = jobs.start("ann", ["data", "list", "--json"], DEADLINE_S)

    assert job.ended.wait(DEADLINE_S)
    assert (job.exit_code, job.output) == (0, [])
    assert jobs.find(job.id, "ann") is job
    assert jobs.find(job.id, "bob") is None


def test_a_command_that_fails_says_why(jobs: Jobs) -> None:
    """The sentence of the command line is kept."""
    job = jobs.start("ann", ["why", "--json", "--", "nothing"], DEADLINE_S)

    assert job.ended.wait(DEADLINE_S)
    assert job.exit_code not in (0, None)
    assert "no order nothing" in job.error


def test_a_command_that_takes_too_long_is_ended(jobs: Jobs) -> None:
    """After its time, with what it had said until then."""
    job = jobs.start("ann", ["logs", "--follow", "--json"], 0.5)

    assert job.ended.wait(DEADLINE_S)
    assert job.exit_code not in (0, None)
    assert "was ended after 0.5 s" in job.error


def test_nothing_runs_on_when_the_dashboard_ends(tmp_path: Path) -> None:
    """A command under way is ended with it."""
    home = Home(tmp_path / "home")
    home.create()
    jobs = Jobs(home)
    job = jobs.start("ann", ["logs", "--follow", "--json"], DEADLINE_S)

    jobs.close()

    assert job.ended.wait(DEADLINE_S)
    assert job.exit_code is not None
