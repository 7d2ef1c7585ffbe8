"""Finding strategies by name."""

from pathlib import Path

import pytest
from cryptobot.configs.errors import SettingsError, StrategyError
from cryptobot.services.strategy.builtin import NAMES
from cryptobot.services.strategy.loader import Loader

GOOD = '''
from cryptobot import Strategy, ema

class Mine(Strategy):
    """Mine."""
    average = ema(5)
'''


@pytest.mark.parametrize("name", NAMES)
def test_every_bundled_strategy_loads_and_is_documented(name: str) -> None:
    """A bundled strategy loads by name, has a title and says what it does."""
    found = Loader().load(name)

    assert found.title
    assert found.__doc__
    assert found()._parameters
    assert all(parameter.help for parameter in found.parameters().values())


def test_every_bundled_file_is_listed() -> None:
    """The list of bundled strategies holds every file of the folder."""
    import cryptobot.services.strategy.builtin as builtin

    files = {path.stem for path in Path(builtin.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == {target.partition(":")[0] for target in NAMES.values()}


def test_a_file_of_the_user_is_found_by_its_name(tmp_path: Path) -> None:
    """strategies/my_idea.py is the strategy my-idea; an edit is seen by the next load."""
    file = tmp_path / "my_idea.py"
    file.write_text(GOOD)
    first = Loader(tmp_path).load("my-idea")
    file.write_text(GOOD.replace("ema(5)", "ema(6)"))

    assert first.__name__ == "Mine"
    assert "my-idea" in Loader(tmp_path).available()
    assert Loader(tmp_path).load("my_idea").average.arguments == (6,)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nonsense_module\n", "line 1: ModuleNotFoundError: No module named 'nonsense_module'."),
        ("\n\nclass Broken(:\n", "line 3: invalid syntax."),
        (GOOD.replace("ema(5)", "emma(5)"), "line 6: NameError: name 'emma' is not defined"),
        ("x = 1\n", "must define one class derived from Strategy; it defines none."),
        (GOOD + GOOD.replace("Mine", "Yours"), "it defines Mine, Yours."),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    """A file that cannot be used is an error of one sentence that names file and line."""
    (tmp_path / "broken.py").write_text(text)

    with pytest.raises(StrategyError) as error:
        Loader(tmp_path).load("broken")

    assert told in str(error.value)
    assert str(tmp_path / "broken.py") in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_name_tells_the_nearest() -> None:
    """A misspelt name is answered with the nearest one."""
    with pytest.raises(SettingsError, match="There is no strategy 'ema-cros'; did you mean 'ema-cross'"):
        Loader().load("ema-cros")


def test_a_doubled_name_is_refused(tmp_path: Path) -> None:
    """A file that is called like a bundled strategy is refused, naming both."""
    (tmp_path / "ema_cross.py").write_text(GOOD)

    with pytest.raises(SettingsError, match="Two strategies are called 'ema-cross'"):
        Loader(tmp_path).available()
