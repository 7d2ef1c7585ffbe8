"""Compile the program: a folder with everything, the same without the extras, and one file of each.

    python build/binary/build.py [--target dist] [--work .cache/binary] [--no-onefile]

It makes the wheel, installs it in a clean environment, compiles it with Nuitka, and adds the parts that are
not compiled (parts.py). `make binary` runs it; docs/binary.md explains. What was compiled before is taken
from NUITKA_CACHE_DIR.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import onefile
import parts
from needs import APART, copy_licences, name_of, names, needs, requirements, write_list

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TOOLS = ("nuitka==4.3",)
CONSTRAINTS = HERE / "constraints.txt"
PORTIONS = ("bus", "configs", "dashboard", "services", "supervisor")
FILES = (
    "__init__.py", "__main__.py", "setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE",
)  # fmt: skip
EXTRAS = (
    "charts", "encryption", "keychain", "mariadb", "notify", "optimizer", "portfolio", "postgresql", "talib",
    "tray",
)  # fmt: skip
"""The extras of the full variant. Those left out (pyarrow, dask) are as large as all of it together."""

BUILT = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")
QUIET = ("--quiet", "--disable-pip-version-check")
_IN_A_FINGERPRINT = "services/strategy/builtin"


class Build:
    """One run. `work` keeps what the next run can use; `target` gets the results.

    Args:
        python: the interpreter that the program will hold.
    """

    def __init__(self, work: Path, target: Path, python: str, environment: Path | None = None) -> None:
        self.work, self.target, self._base = work, target, python
        self.environment = environment or work / "environment"
        self.python = str(self.environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
        self.wheel = Path()
        self.version = ""

    def make_wheel(self) -> None:
        """Our wheel, from copies: setuptools would ship what was deleted since the last time."""
        sources = self.work / "sources"
        shutil.rmtree(sources, ignore_errors=True)
        sources.mkdir(parents=True)
        for name in FILES:
            shutil.copy2(ROOT / name, sources)
        for name in PORTIONS:
            shutil.copytree(ROOT / name, sources / name, ignore=BUILT)
        wheels = self.work / "wheels"
        shutil.rmtree(wheels, ignore_errors=True)
        if not Path(self.python).exists():
            run(self._base, "-m", "venv", self.environment)
        run(self.python, "-m", "pip", "wheel", *QUIET, "--no-deps", "--wheel-dir", wheels, sources)
        (self.wheel,) = wheels.glob("cryptobot-*.whl")
        self.version = self.wheel.name.split("-")[1]

    def make_environment(self) -> None:
        """A clean environment with the wheel and what it needs, but without ccxt and what only that needs."""
        needed = [need for need in requirements(self.wheel) if name_of(need) != APART]
        wanted = json.dumps([needed, TOOLS, CONSTRAINTS.read_text(encoding="utf-8"), self._base])
        stamp = self.environment / "made-of.json"
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
            shutil.rmtree(self.environment, ignore_errors=True)
            run(self._base, "-m", "venv", self.environment)
            self._pip(*TOOLS, *needed)
            stamp.write_text(wanted, encoding="utf-8")
        self._pip("--no-deps", "--force-reinstall", self.wheel)

    def _pip(self, *words: object) -> None:
        run(self.python, "-m", "pip", "install", *QUIET, "--constraint", CONSTRAINTS, *words)

    def freeze(self, jobs: int, *, compiled: bool) -> Path:
        """Compile; the folder that Nuitka leaves."""
        environment = {"NUITKA_CACHE_DIR": str(self.work / "nuitka-cache"), **os.environ}
        environment.setdefault("CCFLAGS", "-Os")  # half the time of -O2, a quarter less code
        environment["CRYPTOBOT_BINARY_COMPILE"] = "1" if compiled else "0"
        options = json.loads(output(self.python, HERE / "options.py"))
        named = [f"--output-dir={self.work}", f"--jobs={jobs}", f"--report={self.work / 'report.xml'}"]
        run(self.python, "-m", "nuitka", *options, *named, HERE / "entry.py", env=environment)
        return self.work / "entry.dist"

    def assemble(self, frozen: Path) -> list[Path]:
        """The folders of both variants; the smaller one is made first, the other one of it."""
        minimal, full = self.target / "cryptobot-minimal", self.target / "cryptobot"
        shutil.rmtree(minimal, ignore_errors=True)
        if os.name == "posix":
            shutil.copytree(frozen, minimal / "program", symlinks=True)
            onefile.compile_c("starter.c", minimal / "cryptobot")
        else:
            shutil.copytree(frozen, minimal, symlinks=True)
        self._finish(minimal)
        held = {parts.normalized(line.split()[0]): line for line in self._held()}
        listed, limits = [*held.values()], self._limits()
        listed += self._part(minimal / "parts" / APART, needs(self.wheel, APART), {*held}, limits)
        write_list(minimal, listed)
        shutil.rmtree(full, ignore_errors=True)
        shutil.copytree(minimal, full, symlinks=True)
        listed += self._part(full / "parts" / "extras", needs(self.wheel, *EXTRAS), names(listed), limits)
        write_list(full, listed)
        return [minimal, full]

    def _held(self) -> list[str]:
        lines = output(self.python, "-m", "pip", "list", QUIET[1], "--format=freeze").splitlines()
        pairs = (line.split("==") for line in lines if "==" in line)
        tools = {"pip", "setuptools", "wheel", "nuitka"}
        return [f"{name} {version}" for name, version in pairs if parts.normalized(name) not in tools]

    def _limits(self) -> Path:
        """The parts are of versions that fit what was compiled in."""
        path = self.work / "limits.txt"
        fixed = [line.replace(" ", "==") for line in self._held() if not line.startswith("cryptobot ")]
        known = {name_of(line) for line in fixed}
        lines = CONSTRAINTS.read_text(encoding="utf-8").split()
        rest = [line for line in lines if name_of(line) not in known]
        path.write_text("\n".join([*fixed, *rest]) + "\n", encoding="utf-8")
        return path

    def _part(self, folder: Path, wanted: list[str], held: set[str], limits: Path) -> list[str]:
        """What it holds, a line of distributions.txt each."""
        words = json.dumps([wanted, str(folder), sorted(held), str(limits)])
        found = json.loads(output(self.python, HERE / "parts.py", "--json", words))
        return [f"{one} {folder.name}" for one in found]

    def _finish(self, folder: Path) -> None:
        """What the compiler leaves out: licences, and the texts of our strategies, for their fingerprints."""
        for name in ("LICENSE", "NOTICE"):
            shutil.copy2(ROOT / name, folder)
        inner = folder / "program" if os.name == "posix" else folder
        texts = inner / "cryptobot" / _IN_A_FINGERPRINT
        texts.mkdir(parents=True, exist_ok=True)
        for path in sorted((self.work / "sources" / _IN_A_FINGERPRINT).glob("*.py")):
            shutil.copy2(path, texts)
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        for info in sorted(Path(output(self.python, "-c", code).strip()).glob("*.dist-info")):
            copy_licences(info, folder / "licences" / info.name.removesuffix(".dist-info"))


def run(*words: object, env: dict[str, str] | None = None) -> None:
    """Run a command; a failure ends the build."""
    done = subprocess.run([str(word) for word in words], check=False, env=env)
    if done.returncode:
        raise SystemExit(f"This failed with exit code {done.returncode}: {' '.join(map(str, words))[:300]}")


def output(*words: object) -> str:
    """What a command prints; a failure ends the build."""
    done = subprocess.run([str(word) for word in words], check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"This failed with exit code {done.returncode}: {' '.join(map(str, words))[:300]}")
    return done.stdout


def main(argv: list[str]) -> int:
    """Build everything; prints the sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", type=Path, default=ROOT / "dist")
    parser.add_argument("--work", type=Path, default=ROOT / ".cache" / "binary")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that the program will hold")
    parser.add_argument(
        "--environment", type=Path, help="folder of the clean environment, else inside --work"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--no-onefile", action="store_true")
    parser.add_argument("--compile", action="store_true", help="make C of our code, not bytecode")
    given = parser.parse_args(argv)
    build = Build(given.work.resolve(), given.target.resolve(), given.python, given.environment)
    build.make_wheel()
    build.make_environment()
    folders = build.assemble(build.freeze(given.jobs, compiled=given.compile))
    system = f"{platform.system().lower()}-{platform.machine().lower()}"
    for folder in folders:
        made = [folder]
        if not given.no_onefile and os.name == "posix":
            made.append(build.target / f"{folder.name}-{build.version}-{system}")
            onefile.make(folder, made[1], build.version)
        for path in made:
            print(f"{size(path) / 1e6:8.1f} MB  {path}")
    return 0


def size(path: Path) -> int:
    """Bytes of a file, or of a folder's files."""
    files = [path] if path.is_file() else (each for each in path.rglob("*") if not each.is_dir())
    return sum(each.lstat().st_size for each in files)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
