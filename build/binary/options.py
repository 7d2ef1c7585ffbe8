"""What Nuitka is told: run by the Python of the clean environment, for it asks what is installed there.

ENVIRONMENT/bin/python build/binary/options.py > options.json
"""

import importlib.util
import json
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOLS = {"pip", "setuptools", "wheel", "nuitka", "ordered-set", "zstandard", "cryptobot"}

# Of the standard library, what no add-on can want in a program without a compiler or an interpreter's prompt.
_UNWANTED = {
    "antigravity", "distutils", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "test", "this", "turtle",
    "turtledemo", "venv",
}  # fmt: skip
_NOT_FOLLOWED = ("numpy.distutils", "tkinter.test", "ctypes.test", "unittest.test")

FIXED = (
    "--mode=standalone",
    "--lto=no",
    "--assume-yes-for-downloads",
    "--include-package=cryptobot",
    "--include-package-data=cryptobot",
    "--include-distribution-metadata=cryptobot",
    # The folder of the executable, the current one and PYTHONPATH are no places to import from.
    "--python-flag=safe_path",
    f"--user-plugin={HERE / 'bytecode_plugin.py'}",
    # ccxt is left out on purpose and lies beside; entry.py answers what the standard library passes with -c.
    "--no-deployment-flag=excluded-module-usage",
    "--no-deployment-flag=self-execution",
    # Not `cryptobot`: beside it lies a folder of that name, with the files of our package.
    "--output-filename=cryptobot.exe" if sys.platform == "win32" else "--output-filename=cryptobot.bin",
)


def standard_library() -> list[str]:
    """All of it that is here: an add-on may import any of it, and Nuitka takes only what it sees used."""
    return [_include(name) for name in sorted(sys.stdlib_module_names) if _is_wanted(name)]


def _is_wanted(name: str) -> bool:
    if name in _UNWANTED or name.startswith("__"):
        return False
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin not in {"built-in", "frozen"}


def third_party() -> list[str]:
    """Every installed package as a whole, with its metadata: much is imported by names in strings."""
    found: list[str] = []
    for one in sorted(distributions(), key=lambda each: each.metadata["Name"].lower()):
        name = one.metadata["Name"]
        if name.lower() in TOOLS:
            continue
        found.append(f"--include-distribution-metadata={name}")
        found.extend(_include(top) for top in tops(one))
    return found


def tops(one: Distribution) -> list[str]:
    """The importable names that a distribution brings."""
    names: set[str] = set()
    for file in one.files or ():
        first = file.parts[0]
        if first.endswith((".dist-info", ".libs", "-stubs")) or first in {"..", "__pycache__"}:
            continue
        if len(file.parts) > 1 or file.suffix in {".py", ".so", ".pyd"}:
            names.add(first.partition(".")[0])
    whole = {"ruamel.yaml" if name == "ruamel" else name for name in names}
    return sorted(name for name in whole if importlib.util.find_spec(name) is not None)


def tests_of_others() -> list[str]:
    """Packages of tests inside installed packages. By a pattern jinja2.tests would go too, which is none."""
    found = []
    for one in distributions():
        for file in one.files or ():
            if file.parts[-2:] == ("tests", "__init__.py") and ".." not in file.parts:
                found.append(".".join(file.parts[:-1]))
    return sorted(found)


def _include(name: str) -> str:
    spec = importlib.util.find_spec(name)
    is_package = spec is not None and spec.submodule_search_locations is not None
    return f"--include-{'package' if is_package else 'module'}={name}"


def all_options() -> list[str]:
    """Everything but the file names and the number of jobs."""
    window = ["--enable-plugin=tk-inter"] if importlib.util.find_spec("_tkinter") else []
    ignored = [f"--nofollow-import-to={pattern}" for pattern in (*_NOT_FOLLOWED, *tests_of_others())]
    return [*FIXED, *window, *ignored, *standard_library(), *third_party()]


if __name__ == "__main__":
    json.dump(all_options(), sys.stdout, indent=1)
