"""What is installed is pinned, hashed and listed: the lock, the bill of materials and production agree."""

import json
import re
from importlib.metadata import distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import sbom
from tests.support.environment import ROOT

LOCKS = ["requirements.txt", "tests/requirements.txt"]


PIN = r"([A-Za-z0-9._-]+)(?:\[([\w, -]+)\])?==(\S+)"


def pins(lock: str) -> dict[str, tuple[str, str]]:
    """The version and the rest of the block, by name."""
    found = re.findall(rf"^{PIN}(.*\n(?:[ ].*\n)*)", (ROOT / lock).read_text(), re.MULTILINE)
    return {name: (version, block) for name, _, version, block in found}


def pinned_extras(lock: str) -> dict[str, set[str]]:
    """The extras a package is pinned with, by name."""
    found = re.findall(rf"^{PIN}", (ROOT / lock).read_text(), re.MULTILINE)
    return {name: set(re.split(r",\s*", extras)) for name, extras, _ in found}


def test_every_package_is_pinned_with_the_hashes_of_its_files() -> None:
    for lock in LOCKS:
        packages = pins(lock)
        assert len(packages) > 30
        # Nothing stands in a lock that is neither a pin, nor a hash below one, nor a comment.
        lines = (ROOT / lock).read_text().splitlines()
        assert [
            x for x in lines if not re.match(rf"{PIN} .*\\$|    --hash=sha256:[0-9a-f]{{64}}|\s*#", x)
        ] == []
        assert [name for name, (_, block) in packages.items() if "--hash=sha256:" not in block] == []


def test_a_package_that_another_asks_for_with_extras_is_pinned_with_them() -> None:
    # Else a pip before 23.3, as Debian 12 has it, takes the newest release for the extra's sake, and finds no hash of it.
    for lock in LOCKS:
        extras = pinned_extras(lock)
        for name in extras:
            if "; " in pins(lock)[name][1].splitlines()[0]:
                continue  # not installed on every system
            for line in distribution(name).requires or []:
                wanted = Requirement(line)
                if wanted.extras and applies(wanted, extras[name]):
                    assert wanted.extras <= extras[canonicalize_name(wanted.name)], (
                        f"{name} asks for {wanted}"
                    )


def applies(wanted: Requirement, extras: set[str]) -> bool:
    return wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras)


def test_what_is_tested_is_what_production_installs() -> None:
    production, tested = pins("requirements.txt"), pins("tests/requirements.txt")

    for name, (version, block) in production.items():
        assert tested[name][0] == version
        if ";" not in block.splitlines()[0]:  # needed everywhere, not by some systems only
            assert distribution(name).version == version


def test_the_bill_of_materials_lists_the_lock_and_the_browsers_files_and_nothing_else() -> None:
    kept = json.loads(sbom.SBOM.read_text())

    assert sbom.SBOM.read_text() == sbom.made(), "make sbom"
    assert {
        (part["name"], part["version"]) for part in kept["components"] if part["purl"].startswith("pkg:pypi/")
    } == {(name, version) for name, (version, _) in pins("requirements.txt").items()}
    served = {path.name for path in sbom.VENDOR.iterdir() if path.suffix not in {".md", ".txt"}}
    assert {
        part["description"].removeprefix("static/vendor/")
        for part in kept["components"]
        if "description" in part
    } == served
    needed = {one["ref"]: one.get("dependsOn", []) for one in kept["dependencies"]}
    assert {"pypi/django", "pypi/requests", "pypi/django-htmx", "npm/bootstrap"} <= set(needed["slantweb"])
    assert "pypi/urllib3" in needed["pypi/requests"]
