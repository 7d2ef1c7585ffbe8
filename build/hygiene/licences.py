"""The licences of all parts: a text file with each part, its licence and its own texts; or a check alone.

    python build/hygiene/licences.py [--out dist/THIRD-PARTY-LICENCES.txt] [--check]

With a part whose licence is unknown or not allowed it writes nothing and exits with 1.
"""

import argparse
import sys
from pathlib import Path

import ingredients

_RULE = "=" * 100


def document(parts: list[ingredients.Part]) -> str:
    """Every part by name with what it says of itself; texts that several parts share stand once."""
    head = [
        "CryptoBot is licensed under the Apache License 2.0 (LICENSE, NOTICE). It includes these parts.", "",
        *(f"{part.name} {part.version}: {part.licence}" for part in parts), "",
        "Inside of these, in compiled form:",
        *(f"{one['name']} (in {one['within']}): {one['licence']}" for one in ingredients.TABLE["inside"]), "",
    ]  # fmt: skip
    seen: dict[str, str] = {}
    for part in parts:
        head += [_RULE, f"{part.name} {part.version} ({part.licence})", _RULE]
        for name, text in part.texts:
            holder = seen.setdefault(text.strip(), part.name)
            head.append(text.strip() if holder == part.name else f"{name}: the same text as of {holder}.")
            head.append("")
        if part.where:
            head += [f"Its licence lies beside it in {part.where}.", ""]
    return "\n".join(head)


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(description="Collect and check the licences of all parts.")
    parser.add_argument("--out", type=Path, default=ingredients.ROOT / "dist" / "THIRD-PARTY-LICENCES.txt")
    parser.add_argument("--check", action="store_true", help="Only check.")
    given = parser.parse_args(words)
    wrong = ingredients.violations()
    if wrong:
        sys.exit("\n".join(wrong))
    parts = [*ingredients.distributions(ingredients.extras()), *ingredients.vendored()]
    if given.check:
        print(f"{len(parts)} parts, every licence is allowed.")
        return
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(document(parts), encoding="utf-8")
    print(given.out)


if __name__ == "__main__":
    main(sys.argv[1:])
