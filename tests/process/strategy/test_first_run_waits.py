"""A new home in which nobody has said what shall trade: the strategy service waits for a person."""

from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.strategy import ListStrategies, SetStrategyRunning, Strategies
from cryptobot.configs import firstrun, snapshot
from cryptobot.configs.schema import Settings, StrategyInstance, StrategySettings

STOPPED, GOING = "STOPPED", {"WARMING_UP", "RUNNING"}


async def test_the_packaged_run_waits_until_a_person_starts_it(line):
    """It says why it stands still; started by hand it runs, and so it does after a restart of the service."""
    firstrun.begin(line.home)
    snapshot.write(line.home, Settings())
    line.start("bus", "strategy")
    await line.open()
    await line.answers("strategy", ListStrategies(), Strategies)
    (waiting,) = (await line.bus.request("strategy", ListStrategies(), Strategies)).strategies
    assert (waiting.state, firstrun.pending(line.home)) == (STOPPED, True)
    assert "first-run wizard" in waiting.reason

    wish = SetStrategyRunning(name="ema-cross", running=True, actor="admin")
    await line.bus.request("strategy", wish, Done)

    assert not firstrun.pending(line.home)
    line.kill("strategy")
    line.start("strategy")
    await line.answers("strategy", ListStrategies(), Strategies)
    (again,) = (await line.bus.request("strategy", ListStrategies(), Strategies)).strategies
    assert again.state in GOING
    await line.bus.close()


async def test_settings_of_ones_own_are_a_decision(line):
    """A run that somebody wrote into the settings starts at once, and nothing waits any more."""
    firstrun.begin(line.home)
    mine = StrategyInstance(strategy="ema-cross", parameters={"fast": 5, "slow": 9})
    snapshot.write(line.home, Settings(strategy=StrategySettings(instances={"mine": mine})))
    line.start("bus", "strategy")
    await line.open()
    await line.answers("strategy", ListStrategies(), Strategies)

    (found,) = (await line.bus.request("strategy", ListStrategies(), Strategies)).strategies

    assert found.state in GOING
    assert not firstrun.pending(line.home)
    await line.bus.close()
