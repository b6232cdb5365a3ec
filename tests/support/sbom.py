"""`make sbom`: docs/sbom.json, the bill of materials (CycloneDX 1.6) of what production runs.

Its sources are the lock (`requirements.txt`), the table of foreign files (`static/vendor/README.md`), and two
served files that name their own version: htmx and the icons. So it names only what is installed. It does not
depend on when or where it was made, and a test compares it with a new one.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import django_htmx
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from tests.support.environment import ROOT

SBOM = ROOT / "docs" / "sbom.json"
LOCK = ROOT / "requirements.txt"
VENDOR = ROOT / "static" / "vendor"
# `django==5.2 ; marker \`, its hashes, and in comments what it is there for.
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[\w, -]+\])?==(\S+).*\n((?:[ ].*\n)*)", re.MULTILINE)
FOR = re.compile(r"# (?:via|  )\s*([A-Za-z0-9._-]+)")
# | `file` | npm `name` version, ... | licence |
VENDORED = re.compile(r"^\| `([^`]+)` \| npm `([^`]+)` ([0-9.]+)[^|]*\| ([^|]+?) \|$", re.MULTILINE)
HTMX = Path(django_htmx.__file__).parent / "static" / "django_htmx" / "htmx-2.min.js"
ICONS = ROOT / "static" / "img" / "icons.svg"
LICENCES = {"MIT": "MIT", "OFL 1.1": "OFL-1.1"}


def python_packages() -> Iterator[tuple[Component, list[str]]]:
    """Each package of the lock, with the names of those that need it."""
    for name, version, rest in PINNED.findall(LOCK.read_text()):
        package = Component(
            name=name,
            version=version,
            purl=PackageURL("pypi", name=name, version=version),
            bom_ref=f"pypi/{name}",
        )
        yield package, FOR.findall(rest)


def browser_files() -> Iterator[Component]:
    """Each foreign file we serve ourselves, with the hash of what is served."""
    for file, package, version, licence in VENDORED.findall((VENDOR / "README.md").read_text()):
        scope, _, name = package.rpartition("/")
        yield Component(
            name=name,
            group=scope or None,
            version=version,
            purl=PackageURL("npm", namespace=scope or None, name=name, version=version),
            bom_ref=f"npm/{package}",
            licenses=[LicenseExpression(LICENCES[licence])],
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256(VENDOR / file))],
            description=f"static/vendor/{file}",
        )
    yield _named_in_itself("htmx.org", HTMX, r'version:"([0-9.]+)"', "0BSD", "served from django-htmx")
    yield _named_in_itself(
        "bootstrap-icons", ICONS, r"Bootstrap Icons ([0-9.]+),", "MIT", "static/img/icons.svg"
    )


def _named_in_itself(name: str, file: Path, version: str, licence: str, description: str) -> Component:
    found = re.search(version, file.read_text())
    assert found, f"{file} names no version"
    return Component(
        name=name,
        version=found[1],
        purl=PackageURL("npm", name=name, version=found[1]),
        bom_ref=f"npm/{name}",
        licenses=[LicenseExpression(licence)],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256(file))],
        description=description,
    )


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def made() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    application = Component(
        type=ComponentType.APPLICATION,
        name=project["name"],
        version=project["version"],
        bom_ref=project["name"],
        supplier=OrganizationalEntity(name="Slantweb"),
        licenses=[LicenseExpression(project["license"])],
    )
    needed_by = dict(python_packages())
    files = list(browser_files())
    bom = Bom(components=[*needed_by, *files])
    bom.metadata.component = application
    known = {package.name: package for package in needed_by} | {application.name: application}
    for package, names in needed_by.items():
        for name in names:
            bom.register_dependency(known[name], [package])
    bom.register_dependency(application, files)
    written = json.loads(JsonV1Dot6(bom).output_as_string())
    # Both are optional, and new each time: they would hide whether anything else changed.
    del written["serialNumber"], written["metadata"]["timestamp"]
    return json.dumps(written, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    SBOM.write_text(made())
    print(f"{SBOM.relative_to(ROOT)} written.")
