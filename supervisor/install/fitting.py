"""Whether an add-on fits: this Python, what it requires, and what is here already under the same names."""

import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import parse_tag, sys_tags
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from ... import __version__
from ...configs.errors import UsageError
from ...configs.frozen import parts
from .wheel import Facts


@dataclass(frozen=True, slots=True)
class Other:
    """Another add-on of the same home."""

    name: str
    version: str
    top: tuple[str, ...]
    provides: dict[str, tuple[str, ...]]


def check(facts: Facts, file: Path, others: list[Other]) -> None:
    """Raises UsageError with the one thing that is in the way."""
    _check_python(facts, file)
    _check_requirements(facts, file, others)
    for module in facts.top:
        holder = next((other.name for other in others if module in other.top), "")
        if holder or module in sys.stdlib_module_names or _is_installed(module):
            raise UsageError(f"{file} brings a module {module}, which {holder or 'CryptoBot'} has already.")
    for other in others:
        for kind, names in facts.provides.items():
            twice = sorted(set(names) & set(other.provides.get(kind, ())))
            if twice:
                raise UsageError(f"{file} brings {kind} called {twice[0]}, and so does {other.name}.")


def _check_python(facts: Facts, file: Path) -> None:
    supported = set(sys_tags())
    offered = {tag for text in facts.tags for tag in parse_tag(text)}
    if not supported & offered:
        raise UsageError(
            f"{file} was built for {', '.join(facts.tags) or 'nothing'}; that is not this machine."
        )
    release = ".".join(map(str, sys.version_info[:3]))
    try:
        fits = SpecifierSet(facts.requires_python).contains(release, prereleases=True)
    except InvalidSpecifier:
        fits = False
    if not fits:
        raise UsageError(f"{file} requires Python {facts.requires_python}; this is {release}.")


def _check_requirements(facts: Facts, file: Path, others: list[Other]) -> None:
    beside: dict[str, str] = {canonicalize_name(other.name): other.version for other in others}
    for text in facts.requires:
        try:
            wanted = Requirement(text)
            if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
                continue
            have = _version(wanted.name, beside)
            fits = have is not None and wanted.specifier.contains(have, prereleases=True)
        except (InvalidRequirement, InvalidVersion) as error:
            raise UsageError(f"{file} has a requirement that cannot be read: {text!r}.") from error
        if not fits:
            here = f"has {wanted.name} {have}" if have else f"does not have {wanted.name}"
            raise UsageError(f"{file} requires {text}, and this CryptoBot {here}.")


def _version(name: str, beside: dict[str, str]) -> str | None:
    canonical = canonicalize_name(name)
    if canonical == "cryptobot":
        return __version__
    if canonical in beside:
        return beside[canonical]
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _is_installed(module: str) -> bool:
    """A namespace package (no file of its own) may be shared; a part beside the program may be replaced."""
    if module == "cryptobot" or module in sys.builtin_module_names:
        return True
    try:
        spec = find_spec(module)
    except ValueError:  # loaded in a way of its own
        return True
    if spec is None or spec.origin is None:
        return False
    return not any(Path(spec.origin).is_relative_to(part) for part in parts())
