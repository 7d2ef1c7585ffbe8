"""The bill of materials of a release, as CycloneDX 1.6 (JSON), validated against its schema.

    python build/hygiene/sbom.py [--out dist/sbom.cdx.json] [--core]

The same environment and SOURCE_DATE_EPOCH (else the last commit's time) give the same bytes.
"""

import argparse
import json
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import ingredients
from cryptobot import __version__
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

sys.path.insert(0, str(ingredients.ROOT / "build" / "packages"))
from facts import epoch

_NAMESPACE = uuid.UUID("6d1f4b0a-5a4e-4f0e-9a55-0d5f1c1b7a10")


def bill(parts: list[ingredients.Part]) -> str:
    """The document; components are sorted, and its serial number comes from its content."""
    root = Component(
        name="cryptobot", version=__version__, type=ComponentType.APPLICATION, bom_ref="cryptobot",
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
    )  # fmt: skip
    made = {part.name: _component(part) for part in [*parts, *ingredients.vendored()]}
    bom = Bom(components=[*made.values(), *_inside(made)])
    bom.metadata.component = root
    bom.metadata.timestamp = datetime.fromtimestamp(epoch(), UTC)
    bom.metadata.tools.tools.clear()
    bom.metadata.tools.components.clear()
    for part in parts:
        needs = [made[name] for name in part.requires if name in made]
        bom.register_dependency(made[part.name], needs)
    needed = {name for part in parts for name in part.requires}
    bom.register_dependency(root, [one for name, one in made.items() if name not in needed])
    text = "\n".join(f"{one.bom_ref.value} {one.version}" for one in made.values())
    bom.serial_number = uuid.uuid5(_NAMESPACE, text)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def check(document: str) -> None:
    """Raises SystemExit when the document does not follow CycloneDX's schema."""
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(document)
    if fault is not None:
        sys.exit(f"The bill of materials is not valid: {fault}")


def _component(part: ingredients.Part) -> Component:
    where = [Property(name="cryptobot:where", value=part.where)] if part.where else []
    licences = [LicenseFactory().make_from_string(part.licence)] if part.licence else []
    return Component(
        name=part.name, version=part.version, type=ComponentType.LIBRARY, bom_ref=part.purl,
        purl=PackageURL.from_string(part.purl), licenses=licences, properties=where,
    )  # fmt: skip


def _inside(made: dict[str, Component]) -> list[Component]:
    """Libraries that wheels carry; their versions are known to those wheels alone."""
    return [
        Component(
            name=one["name"], type=ComponentType.LIBRARY, bom_ref=f"{one['within']}:{one['name']}",
            licenses=[LicenseFactory().make_from_string(one["licence"])],
            properties=[Property(name="cryptobot:within", value=one["within"])],
        )
        for one in ingredients.TABLE["inside"]
        if one["within"] in made
    ]  # fmt: skip


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(description="Write the bill of materials of a release.")
    parser.add_argument("--out", type=Path, default=ingredients.ROOT / "dist" / "sbom.cdx.json")
    parser.add_argument("--core", action="store_true", help="Without the extras, as the minimal variant.")
    parser.add_argument("--site", default="", help="The site-packages of another environment.")
    given = parser.parse_args(words)
    wanted = [] if given.core else ingredients.extras()
    document = bill(ingredients.distributions(wanted, given.site))
    check(document)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(document, encoding="utf-8")
    print(given.out)


if __name__ == "__main__":
    main(sys.argv[1:])
