"""Parts that lie beside the compiled program and can be replaced without it, compiled to bytecode.

    python build/binary/parts.py ccxt==4.5.91 dist/cryptobot

puts another ccxt into that program folder; it counts from the next start on. It must be run by a Python of
the version that the program was compiled with.
"""

import compileall
import json
import py_compile
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import Distribution, distributions
from pathlib import Path

LIST = "distributions.txt"
"""In the program's folder: a line for each distribution inside, `NAME VERSION`, and its part if in one."""

SOURCELESS = {"ccxt"}
"""Its sources are 60 MB. Others look for theirs: Optuna's migrations are files that it lists."""

_TESTS = ("tests", "test")
_NO_PACKAGES = ("bin", "include", "share")
_NO_CODE = {".pyi", ".c", ".h", ".cpp", ".pyx", ".pxd", ".a", ".typed"}


def make(
    requirements: list[str], folder: Path, *, held: set[str], constraints: Path | None = None
) -> list[str]:
    """Install into `folder` what the program does not hold; `NAME VERSION` of each distribution there.

    Args:
        held: normalized names of the distributions inside the program.
    """
    shutil.rmtree(folder, ignore_errors=True)
    limits = ["--constraint", str(constraints)] if constraints else []
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile",
         "--target", str(folder), *limits, *requirements],
        check=True,
    )  # fmt: skip
    for one in list(distributions(path=[str(folder)])):
        if normalized(one.metadata["Name"]) in held:
            _remove(one, folder)
    strip(folder)
    return sorted(f"{one.metadata['Name']} {one.version}" for one in distributions(path=[str(folder)]))


def normalized(name: str) -> str:
    """A distribution's name as PEP 503 spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def strip(folder: Path) -> None:
    """Bytecode comes beside or, in some parts, in place of sources; tests, headers and scripts go.

    Raises:
        SystemExit: something is no Python of this version.
    """
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and (path.name in _TESTS or (path.name in _NO_PACKAGES and path.parent == folder)):
            shutil.rmtree(path)
    bare = folder.name in SOURCELESS
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH  # no time in them: the same sources, the same bytes
    if not compileall.compile_dir(
        folder, quiet=1, legacy=bare, force=True, stripdir=str(folder), invalidation_mode=mode
    ):
        raise SystemExit(f"Not everything in {folder} could be compiled.")
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (path.suffix in _NO_CODE or (bare and path.suffix == ".py")):
            path.unlink()
    _sweep(folder)


def held_by(program: Path, part: str) -> set[str]:
    """What a program holds besides one of its parts, by normalized names.

    Raises:
        SystemExit: that is no folder of a program.
    """
    try:
        lines = (program / LIST).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SystemExit(f"{program} is no folder of a compiled CryptoBot: {error}") from None
    words = (line.split() for line in lines)
    return {normalized(name) for name, _, *place in words if place != [part]}


def replace(requirement: str, program: Path) -> list[str]:
    """Make a part anew and put it in place of the one that is there; what it holds."""
    part = normalized(re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0])
    held = held_by(program, part)
    place = program / "parts" / part
    place.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".new-") as beside:
        found = make([requirement], Path(beside) / part, held=held)
        if place.exists():
            place.rename(Path(beside) / "old")
        (Path(beside) / part).rename(place)
    return found


def _remove(one: Distribution, folder: Path) -> None:
    for file in one.files or ():
        path = (folder / str(file)).resolve()
        if path.is_relative_to(folder.resolve()) and path.is_file():
            path.unlink()


def _sweep(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def main(words: list[str]) -> int:
    """The command line; `--json [REQUIREMENTS, FOLDER, HELD, CONSTRAINTS]` is what build.py calls."""
    if len(words) != 2:
        sys.exit("usage: parts.py REQUIREMENT PROGRAM_FOLDER")
    if words[0] == "--json":
        requirements, folder, held, constraints = json.loads(words[1])
        found = make(requirements, Path(folder), held=set(held), constraints=Path(constraints))
        json.dump(found, sys.stdout)
    else:
        print(*replace(words[0], Path(words[1])), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
