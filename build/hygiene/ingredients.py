"""Which parts a release is made of, and under which licence each comes.

Python distributions are found from the requirements in setup.cfg and the metadata of what is installed; what
no metadata tells (files of others in our tree, libraries inside wheels) stands in ingredients.json.
"""

import json
import re
from collections.abc import Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
TABLE = json.loads((Path(__file__).parent / "ingredients.json").read_text(encoding="utf-8"))
_NOT_SHIPPED = {"binary", "dev", "release", "test"}
_KNOWN = {
    "apache": "Apache-2.0", "apache 2": "Apache-2.0", "apache 2.0": "Apache-2.0", "apache-2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0", "apache software license": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0", "apache license version 2.0": "Apache-2.0",
    "bsd": "BSD-3-Clause", "bsd license": "BSD-3-Clause", "bsd 3-clause": "BSD-3-Clause",
    "3-clause bsd": "BSD-3-Clause", "bsd 3-clause license": "BSD-3-Clause", "bsd-3-clause": "BSD-3-Clause",
    "bsd 2-clause": "BSD-2-Clause", "bsd-2-clause": "BSD-2-Clause",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only", "lgplv3": "LGPL-3.0-only",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.1-or-later",
    "lgplv2+": "LGPL-2.1-or-later", "lgpl-2.1-or-later": "LGPL-2.1-or-later",
    "isc": "ISC", "isc license (iscl)": "ISC", "isc license": "ISC",
    "mit": "MIT", "mit license": "MIT", "the mit license": "MIT",
    "mpl-2.0": "MPL-2.0", "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "psf-2.0": "PSF-2.0", "python software foundation license": "PSF-2.0", "psf": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense", "zlib": "Zlib", "zlib/libpng license": "Zlib",
    "historical permission notice and disclaimer (hpnd)": "HPND",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """One part: an SPDX expression as licence ("" when nobody knows), and the texts that come with it."""

    name: str
    version: str
    licence: str
    purl: str
    texts: tuple[tuple[str, str], ...] = ()
    requires: tuple[str, ...] = ()
    where: str = ""


def extras() -> list[str]:
    """The extras that a full release holds."""
    return [name for name in _setup()["options.extras_require"] if name not in _NOT_SHIPPED]


def distributions(wanted: list[str], site: str = "") -> list[Part]:
    """Our requirements with those of the given extras, and all that they need, by name.

    Args:
        site: the site-packages of another environment; this one's otherwise.

    Distributions that are not installed are left out: what is not there is not handed out.
    """
    found: dict[str, Part] = {}
    waiting = list(_roots(wanted))
    asked: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        wish = waiting.pop()
        name, more = canonicalize_name(wish.name), tuple(sorted(wish.extras))
        if (name, more) in asked or name == "cryptobot":
            continue
        asked.add((name, more))
        where = {"path": [site]} if site else {}
        one = next(iter(metadata.Distribution.discover(name=wish.name, **where)), None)
        if one is None:
            continue
        needs = list(_needed(one.requires or [], more))
        waiting += needs
        direct = tuple(sorted({canonicalize_name(need.name) for need in needs}))
        found[name] = _part(name, one, direct)
    return [found[name] for name in sorted(found)]


def vendored() -> list[Part]:
    """Files of others in our own tree."""
    return [
        Part(one["name"], one["version"], one["licence"], one["purl"], where=one["where"])
        for one in TABLE["vendored"]
    ]


def forbidden(expression: str) -> bool:
    """Whether a licence (an SPDX expression) may not be handed out: of an OR one allowed side is enough."""
    words = re.findall(r"\(|\)|[\w.+-]+", expression)
    allowed = {*TABLE["allowed"], *TABLE["allowed_apart"]}
    place = 0

    def either() -> bool:
        nonlocal place
        value = both()
        while place < len(words) and words[place].upper() == "OR":
            place += 1
            value = both() or value
        return value

    def both() -> bool:
        nonlocal place
        value = one()
        while place < len(words) and words[place].upper() == "AND":
            place += 1
            value = one() and value
        return value

    def one() -> bool:
        nonlocal place
        word = words[place]
        place += 1
        if word == "(":
            value = either()
            place += 1
            return value
        value = word in allowed
        if place < len(words) and words[place].upper() == "WITH":
            place += 2  # an exception only ever permits more
        return value

    return not words or not either()


def violations() -> list[str]:
    """One sentence for each part whose licence is unknown or not allowed."""
    told = []
    for part in [*distributions(extras()), *vendored()]:
        if not part.licence:
            told.append(f"{part.name} {part.version} states no licence: name it in ingredients.json.")
        elif forbidden(part.licence):
            told.append(f"{part.name} {part.version} is under {part.licence}, which is not allowed.")
    return told


def _setup() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def _roots(wanted: list[str]) -> Iterator[Requirement]:
    setup = _setup()
    lines = setup["options"]["install_requires"].splitlines()
    for extra in wanted:
        lines += setup["options.extras_require"][extra].splitlines()
    return _needed([line for line in lines if line.strip()], ())


def _needed(lines: list[str], more: tuple[str, ...]) -> Iterator[Requirement]:
    for line in lines:
        wish = Requirement(line)
        if wish.marker is None or any(wish.marker.evaluate({"extra": one}) for one in ("", *more)):
            yield wish


def _part(name: str, one: metadata.Distribution, requires: tuple[str, ...]) -> Part:
    texts = []
    for file in one.files or []:
        inside = "dist-info" in file.parts[0] and not file.name.startswith("RECORD")
        if inside and re.match(r"(licen[cs]e|copying|notice|authors)", file.name, re.IGNORECASE):
            path = Path(str(one.locate_file(file)))
            if path.is_file():
                texts.append((file.name, path.read_text(encoding="utf-8", errors="replace")))
    purl = f"pkg:pypi/{name}@{one.version}"
    return Part(name, one.version, _licence(name, one), purl, tuple(texts), requires)


def _licence(name: str, one: metadata.Distribution) -> str:
    """What is stated by hand, else the expression, else what the older fields mean."""
    facts = one.metadata
    if name in TABLE["stated"]:
        return str(TABLE["stated"][name])
    rows = facts.get_all("Classifier") or []
    named = [row.rsplit(" :: ", 1)[-1] for row in rows if row.startswith("License")]
    for text in (facts.get("License-Expression"), facts.get("License"), *named):
        if not text or "\n" in text.strip():
            continue
        try:
            return str(canonicalize_license_expression(_KNOWN.get(text.strip().lower(), text.strip())))
        except InvalidLicenseExpression:
            continue
    return ""
