"""Real packages, made of a standalone folder, and a Debian to install them in that is nobody's machine.

CRYPTOBOT_TEST_FOLDER names the folder of a real build; without it a small stand-in is made, which answers as
the program would. CRYPTOBOT_TEST_DEBIAN names a folder with a minimal Debian (systemd and rpm in it); without
it one is made in .cache by debootstrap.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "build" / "packages"
_STAND_IN = r"""
#include <stdio.h>
#include <string.h>
int main(int count, char **words) {
    if (count > 1 && !strcmp(words[1], "--version")) puts("cryptobot 0.0.0");
    else for (int at = 0; at < count; at++) puts(words[at]);
    return 0;
}
"""
Inside = Callable[..., str]


@pytest.fixture(scope="session")
def scripts() -> Iterator[dict[str, ModuleType]]:
    """Each script of build/packages as a module."""
    before = set(sys.modules)
    sys.path.insert(0, str(SCRIPTS))
    try:
        yield {path.stem: import_module(path.stem) for path in SCRIPTS.glob("*.py")}
    finally:
        sys.path.remove(str(SCRIPTS))
        for name in {path.stem for path in SCRIPTS.glob("*.py")} - before:
            sys.modules.pop(name, None)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real standalone folder, or the stand-in."""
    given = os.environ.get("CRYPTOBOT_TEST_FOLDER")
    if given:
        return Path(given)
    made = tmp_path_factory.mktemp("standalone") / "cryptobot"
    (made / "parts" / "ccxt").mkdir(parents=True)
    (made / "parts" / "ccxt" / "__init__.pyc").write_bytes(b"x")
    source = made.parent / "main.c"
    source.write_text(_STAND_IN)
    subprocess.run(["gcc", "-O1", "-s", "-o", str(made / "cryptobot"), str(source)], check=True, timeout=60)
    return made


@pytest.fixture(scope="session")
def debian() -> Path:
    """A minimal Debian in a folder."""
    given = os.environ.get("CRYPTOBOT_TEST_DEBIAN")
    if given:
        return Path(given)
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("installing packages needs root and debootstrap")
    made = ROOT / ".cache" / "debian"
    if not (made / "whole").exists():
        shutil.rmtree(made, ignore_errors=True)
        more = "--include=systemd,desktop-file-utils,shared-mime-info,rpm"
        subprocess.run(
            ["debootstrap", "--variant=minbase", more, "bookworm", str(made)], check=True, timeout=1200
        )
        (made / "whole").touch()
    return made


@pytest.fixture
def inside(debian: Path, tmp_path: Path) -> Iterator[Inside]:
    """Run shell lines in a copy of that Debian, in namespaces of its own; nothing of this machine is seen.

    Files given as `take` are copied to its /packages first.
    """
    root = tmp_path / "debian"
    subprocess.run(["cp", "-a", str(debian), str(root)], check=True, timeout=120)

    def run(lines: str, *take: Path, code: int = 0) -> str:
        (root / "packages").mkdir(exist_ok=True)
        for path in take:
            shutil.copy(path, root / "packages" / path.name)
        apart = ["--mount", "--pid", "--fork", "--ipc", "--uts", "--net", "--propagation", "private"]
        enter = 'ip link set lo up 2>/dev/null; mount -t proc proc "$0/proc"; exec chroot "$0" sh -euc "$1"'
        words = ["unshare", *apart, "sh", "-c", enter, str(root), lines]
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"},
        )  # fmt: skip
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    yield run
    shutil.rmtree(root)
