"""Compute what the wheel holds; everything else about the distribution is in setup.cfg."""

import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
CODE = {".py", ".pyc", ".so", ".pyd"}
PORTIONS = ("bus", "configs", "dashboard", "services", "supervisor")


def packages() -> list[str]:
    """Every folder of the portions that is a package: a hand-written list forgets the newest one."""
    found = ["cryptobot"]
    for portion in PORTIONS:
        for marker in sorted((ROOT / portion).rglob("__init__.py")):
            found.append(".".join(("cryptobot", *marker.parent.relative_to(ROOT).parts)))
    return found


def data_files(names: list[str]) -> dict[str, list[str]]:
    """Files beside the code (templates, settings, recorded prices) by the package that owns them."""
    owned: dict[str, list[str]] = {}
    for name in names[1:]:
        folder = ROOT.joinpath(*name.split(".")[1:])
        files = []
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.suffix in CODE or "__pycache__" in path.parts:
                continue
            nearest = next(parent for parent in path.parents if (parent / "__init__.py").exists())
            if nearest == folder:
                files.append(path.relative_to(folder).as_posix())
        if files:
            owned[name] = files
    return owned


class BuildPackages(build_py):
    """Leaves this file out: it lies in the folder of the package `cryptobot`, and is no part of it."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        """Modules of one package: package, name and file of each."""
        found = super().find_package_modules(package, package_dir)
        return [one for one in found if one[:2] != ("cryptobot", "setup")]


# The compiled core of backtests. It is left out where there is no C compiler; the Python form does the same.
CORE = Extension(
    "cryptobot.services.backtest._core",
    ["services/backtest/core.c"],
    extra_compile_args=[] if sys.platform == "win32" else ["-O2", "-g0", "-ffp-contract=off"],
    optional=True,
)

names = packages()
setup(
    packages=names,
    package_data=data_files(names),
    include_package_data=False,
    py_modules=[],
    ext_modules=[CORE],
    cmdclass={"build_py": BuildPackages},
)
