"""Wheels made by hand, sound ones and others."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptobot.configs.paths import Home
from cryptobot.supervisor.install.wheel import record_line

STRATEGY = "from cryptobot import Strategy\n\n\nclass Idea(Strategy):\n    pass\n"
Make = Callable[..., Path]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that is made."""
    made = Home(tmp_path / "home")
    made.create()
    return made


@pytest.fixture
def other(tmp_path: Path) -> Home:
    """Somebody else's home."""
    made = Home(tmp_path / "other")
    made.create()
    return made


@pytest.fixture
def make_wheel(tmp_path: Path) -> Make:
    """Write an unsigned wheel; `files` are added to it, `unlisted` are left out of RECORD."""

    def make(
        name: str = "thing",
        version: str = "1.0",
        *,
        metadata: str = "",
        tag: str = "py3-none-any",
        files: dict[str, str] | None = None,
        unlisted: dict[str, str] | None = None,
        entry_points: str = "",
    ) -> Path:
        info = f"{name}-{version}.dist-info"
        inside = {
            **({f"{name}_code.py": "VALUE = 1\n"} if files is None else files),
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
            **({f"{info}/entry_points.txt": entry_points} if entry_points else {}),
        }
        record = "".join(record_line(path, text.encode()) for path, text in inside.items())
        inside[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
        folder = tmp_path / "wheels"
        folder.mkdir(exist_ok=True)
        wheel = folder / f"{name}-{version}-{tag}.whl"
        with zipfile.ZipFile(wheel, "w") as packed:
            for path, text in {**inside, **(unlisted or {})}.items():
                packed.writestr(path, text)
        return wheel

    return make


@pytest.fixture
def strategy_file(tmp_path: Path) -> Path:
    """A strategy as an author has it."""
    path = tmp_path / "my_idea.py"
    path.write_text(STRATEGY, encoding="utf-8")
    return path
