"""Add-ons that are installed into a home: checked, unpacked, precompiled, and put in place in one step.

`HOME/addons/NAME-VERSION/` is one of them; configs/addons.py puts it on the path of every service. Beside its
files lies a receipt. What was dropped into the folder by hand has none, and nobody vouches for it.
"""

import contextlib
import importlib.util
import py_compile
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ...configs import addonseals
from ...configs.addonseals import RECEIPT
from ...configs.errors import SettingsError, UsageError
from ...configs.paths import Home
from . import fitting, signature
from .wheel import SIGNATURE, Facts, Wheel, digest, record_hashes

_NEW, _OLD, _GONE = ".new-", ".old-", ".gone-"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was installed, from which file, and who vouched for it. `compiled` holds hashes of bytecode."""

    name: str
    version: str
    summary: str = ""
    file: str = ""
    sha256: str = ""
    signer: str = ""
    installed: str = ""
    info: str = ""
    provides: dict[str, tuple[str, ...]] = {}
    top: tuple[str, ...] = ()
    compiled: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Installed:
    """One entry of HOME/addons; without a receipt somebody put it there by hand."""

    path: Path
    receipt: Receipt | None

    @property
    def name(self) -> str:
        return self.receipt.name if self.receipt else self.path.name

    def is_called(self, name: str) -> bool:
        """By its name, or by that of the one thing that it brings: people know a bundle by its strategy."""
        groups = self.receipt.provides.values() if self.receipt else ()
        return name == self.name or [each for names in groups for each in names] == [name]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An add-on file that fits here: what it is, who signed it, and whether this home trusts one of them."""

    facts: Facts
    sha256: str
    signers: tuple[str, ...]
    trusted: str


def inspect(home: Home, file: Path, *, sha256: str = "") -> Candidate:
    """Read an add-on file whole and check everything but the trust in its signer.

    Raises:
        UsageError: it is damaged, changed, unsigned, or does not fit this program or this home.
    """
    found = _file_digest(file)
    if sha256 and sha256.lower() != found:
        raise UsageError(f"{file} is not the file you meant: its SHA-256 is {found}.")
    with Wheel(file) as wheel:
        for _ in wheel.files():
            pass
        return _candidate(home, wheel, found)


def install(home: Home, file: Path, *, sha256: str = "") -> tuple[Receipt, Receipt | None]:
    """Put an add-on of a trusted signer into the home; what it replaced is second.

    Raises:
        UsageError: as `inspect`, or nobody whom this home trusts has signed it.
        SettingsError: the folder cannot be written.
    """
    candidate = inspect(home, file, sha256=sha256)
    if not candidate.trusted:
        raise UsageError(
            f"{file} is signed by {' and '.join(candidate.signers)}, whom this home does not trust; when you "
            f"do, install it with --trust {candidate.signers[0]}."
        )
    home.create()
    with _locked(home) as folder:
        before = _installed_as(home, candidate.facts.name)
        try:
            receipt = _unpack(folder, file, candidate)
            _swap(home, folder, candidate, before.path if before else None)
        except OSError as error:
            raise SettingsError(f"{folder} cannot be written: {error.strerror or error}.") from error
    return receipt, before.receipt if before else None


def remove(home: Home, name: str) -> Receipt:
    """Take an installed add-on away.

    Raises:
        UsageError: it is not installed.
    """
    with _locked(home) as folder:
        found = _find(home, name)
        gone = folder / f"{_GONE}{found.path.name}"
        found.path.rename(gone)
        shutil.rmtree(gone)
        addonseals.put(home, found.path.name)
    assert found.receipt is not None
    return found.receipt


def list_all(home: Home) -> list[Installed]:
    """Everything in HOME/addons, by name."""
    folder = home.root / "addons"
    if not folder.is_dir():
        return []
    entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
    usable = [path for path in entries if path.is_dir() or path.suffix in (".whl", ".zip")]
    return sorted((Installed(path, _receipt(path)) for path in usable), key=lambda one: one.name)


def verify(home: Home, one: Installed) -> list[str]:
    """What is wrong with an add-on in the home, one sentence each; empty when nothing is."""
    if one.receipt is None:
        by_hand = [f"{one.path.name} was put into the folder by hand: nobody vouches for it."]
        return list(addonseals.refused(home, [one.path]).values()) or by_hand
    info = one.path / one.receipt.info
    try:
        record = (info / "RECORD").read_text(encoding="utf-8")
        names = signature.signers(record, (info / SIGNATURE).read_bytes(), str(one.path))
    except OSError as error:
        return [f"{error.filename} cannot be read: {error.strerror}."]
    except UsageError as error:
        return [str(error)]
    known = {key.key for key in signature.trusted(home)}
    wrong = [] if known & set(names) else [f"its signer {names[0]} is not trusted (any more)."]
    wrong += _changed(one.path, one.receipt, record)
    return wrong or _compare_with_seal(home, one.path, names)


def _compare_with_seal(home: Home, path: Path, names: tuple[str, ...]) -> list[str]:
    """What services would say of it. A seal that fits has its stamp renewed: it is new after a restore."""
    told = list(addonseals.refused(home, [path]).values())
    if not told:
        seal = addonseals.make(path, names, own=signature.signed_by_own(home, names))
        if addonseals.read(home).get(path.name) != (seal,):
            addonseals.put(home, path.name, seal)
    return told


def _candidate(home: Home, wheel: Wheel, sha256: str) -> Candidate:
    signed = wheel.signature()
    if signed is None:
        raise UsageError(
            f"{wheel.path} is not signed, so nobody vouches for it; if you wrote or read it yourself, "
            f"sign it with `cryptobot addon sign {wheel.path}`."
        )
    names = signature.signers(wheel.record_text, signed, str(wheel.path))
    if not names:
        raise UsageError(f"{wheel.path} has a signature file without a signature in it.")
    known = {key.key for key in signature.trusted(home)}
    fitting.check(wheel.facts, wheel.path, _others(home, wheel.facts.name))
    return Candidate(wheel.facts, sha256, names, next((name for name in names if name in known), ""))


def _others(home: Home, name: str) -> list[fitting.Other]:
    return [
        fitting.Other(one.receipt.name, one.receipt.version, one.receipt.top, one.receipt.provides)
        for one in list_all(home)
        if one.receipt is not None and one.receipt.name != name
    ]


def _unpack(folder: Path, file: Path, candidate: Candidate) -> Receipt:
    """Into a hidden folder, every byte hashed as it is written; nothing sees it before it is whole."""
    target = folder / f"{_NEW}{candidate.facts.folder}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(mode=0o700)
    with Wheel(file) as wheel:
        if wheel.facts.record != candidate.facts.record:
            raise UsageError(f"{file} changed while it was being read.")
        for name, data in wheel.files():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    facts = candidate.facts
    receipt = Receipt(
        name=facts.name,
        version=facts.version,
        summary=facts.summary,
        file=file.name,
        sha256=candidate.sha256,
        signer=candidate.trusted,
        installed=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        info=facts.info,
        provides=facts.provides,
        top=facts.top,
        compiled=_compile(target, folder / facts.folder),
    )
    (target / RECEIPT).write_bytes(msgspec.json.format(msgspec.json.encode(receipt), indent=2))
    return receipt


def _compile(target: Path, shown: Path) -> dict[str, str]:
    """Bytecode beside every module: a frozen program writes none itself. The hash of each, by path."""
    found = {}
    for source in sorted(target.rglob("*.py")):
        cached = Path(importlib.util.cache_from_source(str(source)))
        try:
            py_compile.compile(
                str(source),
                cfile=str(cached),
                dfile=str(shown / source.relative_to(target)),
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
            )
        except py_compile.PyCompileError as error:
            where = source.relative_to(target).as_posix()
            raise UsageError(
                f"{where} of the add-on is no Python for this program: {error.exc_value}."
            ) from None
        found[cached.relative_to(target).as_posix()] = digest(cached.read_bytes())
    return found


def _swap(home: Home, folder: Path, candidate: Candidate, before: Path | None) -> None:
    """The old one goes aside, the new one takes its place; `_mend` finishes what a crash left between.

    Its seal stands before it does; until then that of an old one of the same folder counts too.
    """
    name = candidate.facts.folder
    new = folder / f"{_NEW}{name}"
    own = signature.signed_by_own(home, candidate.signers)
    seal = addonseals.make(new, candidate.signers, own=own)
    sealed = addonseals.read(home).get(name, ())
    if before is None and sealed and (folder / name).exists():
        before = folder / name  # somebody took its receipt away
    addonseals.put(home, name, seal, *sealed)
    aside = None
    if before is not None:
        aside = folder / f"{_OLD}{before.name}"
        before.rename(aside)
    new.rename(folder / name)
    if aside is not None:
        shutil.rmtree(aside)
        if before is not None and before.name != name:
            addonseals.put(home, before.name)
    addonseals.put(home, name, seal)


def _mend(folder: Path) -> None:
    """After a crash: what was set aside comes back unless its successor stands; the rest is swept."""
    standing = {receipt.name for path in folder.iterdir() if (receipt := _visible(path))}
    for aside in folder.glob(f"{_OLD}*"):
        receipt = _receipt(aside)
        if receipt is not None and receipt.name not in standing:
            aside.rename(folder / aside.name.removeprefix(_OLD))
    for kind in (_NEW, _OLD, _GONE):
        for left in folder.glob(f"{kind}*"):
            shutil.rmtree(left, ignore_errors=True)


def _visible(path: Path) -> Receipt | None:
    return None if path.name.startswith(".") else _receipt(path)


@contextlib.contextmanager
def _locked(home: Home) -> Iterator[Path]:
    from filelock import FileLock, Timeout

    folder = home.root / "addons"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=30.0):
            _mend(folder)
            yield folder
    except Timeout as error:
        raise UsageError(f"Another command works on {folder}; try again when it is done.") from error


def _find(home: Home, name: str) -> Installed:
    known = [one for one in list_all(home) if one.receipt is not None]
    for one in known:
        if one.is_called(name):
            return one
    names = ", ".join(one.name for one in known) or "none"
    raise UsageError(f"There is no installed add-on {name!r}; there are: {names}.")


def _installed_as(home: Home, name: str) -> Installed | None:
    return next((one for one in list_all(home) if one.receipt and one.receipt.name == name), None)


def _receipt(path: Path) -> Receipt | None:
    try:
        return msgspec.json.decode((path / RECEIPT).read_bytes(), type=Receipt)
    except (OSError, msgspec.MsgspecError):
        return None


def _changed(folder: Path, receipt: Receipt, record: str) -> list[str]:
    expected = {path: value for path, value in record_hashes(record).items() if value}
    kept = {RECEIPT, f"{receipt.info}/RECORD", f"{receipt.info}/{SIGNATURE}"}
    wrong = []
    for path, value in {**expected, **receipt.compiled}.items():
        try:
            if digest((folder / path).read_bytes()) != value:
                wrong.append(f"{path} was changed.")
        except OSError:
            wrong.append(f"{path} is missing.")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    surplus = sorted(found - set(expected) - set(receipt.compiled) - kept)
    return wrong + [f"{path} was added." for path in surplus]


def _file_digest(file: Path) -> str:
    try:
        return digest(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file} cannot be read as an add-on: {error.strerror}.") from error


def services_of(receipt: Receipt) -> list[str]:
    """Which services have to be restarted to see what it provides."""
    wanted = {
        "strategies": "strategy",
        "connectors": "data trade",
        "pages": "dashboard",
    }
    named = " ".join(wanted.get(kind, "") for kind in receipt.provides).split()
    return sorted(set(named))
