"""What is installed is pinned, hashed and listed: the lock, the bill of materials and production agree."""

import json
import re
import string
import subprocess
import sys
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from django_htmx.jinja import htmx_script
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import sbom
from tests.support.environment import ROOT, clean_environment

PRODUCTION, SANDBOX, TESTS = (
    "requirements.txt",
    "opportunities/sandbox/requirements.txt",
    "tests/requirements.txt",
)
LOCKS = [PRODUCTION, SANDBOX, TESTS]

# Every module of the project but the sandbox's, imported in one process.
IMPORT_EVERYTHING = """
import importlib, pkgutil
import django
django.setup()
for room in ("opportunities", "slantweb"):
    for module in pkgutil.walk_packages([room], f"{room}."):
        if not module.name.startswith("opportunities.sandbox"):
            importlib.import_module(module.name)
            print(module.name)
"""


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
        assert len(packages) > (8 if lock == SANDBOX else 30)
        # Nothing stands in a lock that is neither a pin, nor a hash below one, nor a comment.
        lines = (ROOT / lock).read_text().splitlines()
        assert [
            x for x in lines if not re.match(rf"{PIN} .*\\$|    --hash=sha256:[0-9a-f]{{64}}|\s*#", x)
        ] == []
        assert [name for name, (_, block) in packages.items() if "--hash=sha256:" not in block] == []


def test_a_package_that_another_asks_for_with_extras_is_pinned_with_them() -> None:
    # A pip before 23.3 (Debian 12) takes the newest release for an extra, and finds no hash of it.
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
    production, tested = pins(PRODUCTION), pins(TESTS)

    for name, (version, block) in production.items():
        assert tested[name][0] == version
        if ";" not in block.splitlines()[0]:  # needed everywhere, not by some systems only
            assert distribution(name).version == version


def test_only_the_sandbox_needs_django_ninja_and_takes_the_rest_as_production_has_it() -> None:
    production, sandbox, tested = pins(PRODUCTION), pins(SANDBOX), pins(TESTS)

    assert sandbox.keys() - production.keys() == {"django-ninja"}
    assert {name: sandbox[name][0] for name in sandbox.keys() & production.keys()} == {
        name: production[name][0] for name in sandbox.keys() & production.keys()
    }
    assert {name: tested[name][0] for name in sandbox} == {name: sandbox[name][0] for name in sandbox}


@pytest.mark.process
def test_the_application_imports_nothing_that_production_does_not_install(tmp_path: Path) -> None:
    done = run_as_in_production(tmp_path, IMPORT_EVERYTHING)

    assert done.returncode == 0, done.stderr
    assert {"opportunities.probe", "opportunities.management.commands.probe_slant", "slantweb.urls"} <= set(
        done.stdout.split()
    )


@pytest.mark.process
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sandbox", "pip install --require-hashes -r opportunities/sandbox/requirements.txt"),
        ("demo", "The sandbox's packages are not installed here. Use `make run`"),
    ],
)
def test_what_is_not_installed_in_production_says_so(tmp_path: Path, command: str, words: str) -> None:
    code = f"import sys, manage; sys.argv = ['manage.py', {command!r}]; manage.main()"

    done = run_as_in_production(tmp_path, code)

    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def run_as_in_production(tmp_path: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run `code` where only the packages of the production lock can be imported."""
    installed = pins(PRODUCTION)
    absent = [
        module
        for module, names in packages_distributions().items()
        if not any(canonicalize_name(name) in installed for name in names)
    ]
    blocked = f"import sys; sys.modules.update(dict.fromkeys({sorted(absent)!r}))\n"
    environment = clean_environment(
        SECRET_KEY="for-the-tests-" + string.ascii_letters,
        VAR_DIR=str(tmp_path),
        DJANGO_SETTINGS_MODULE="slantweb.settings",
    )
    return subprocess.run(
        [sys.executable, "-c", blocked + code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_bill_of_materials_lists_the_lock_and_the_browsers_files_and_nothing_else() -> None:
    kept = json.loads(sbom.SBOM.read_text())

    assert sbom.SBOM.read_text() == sbom.made(), "make sbom"
    assert {
        (part["name"], part["version"]) for part in kept["components"] if part["purl"].startswith("pkg:pypi/")
    } == {(name, version) for name, (version, _) in pins(PRODUCTION).items()}
    served = {path.name for path in sbom.VENDOR.iterdir() if path.suffix not in {".md", ".txt"}}
    assert {
        part["description"].removeprefix("static/vendor/")
        for part in kept["components"]
        if part.get("description", "").startswith("static/vendor/")
    } == served
    for name, file in (("htmx.org", sbom.HTMX), ("bootstrap-icons", sbom.ICONS)):
        (listed,) = [part for part in kept["components"] if part["name"] == name]
        assert listed["hashes"] == [{"alg": "SHA-256", "content": sbom.sha256(file)}]
    assert str(htmx_script()).count("django_htmx/htmx-2.min.js") == 1
    needed = {one["ref"]: one.get("dependsOn", []) for one in kept["dependencies"]}
    assert {"pypi/django", "pypi/requests", "pypi/django-htmx", "npm/bootstrap"} <= set(needed["slantweb"])
    assert "pypi/urllib3" in needed["pypi/requests"]


def test_trusted_types_wait_for_an_htmx_that_knows_them() -> None:
    """docs/security.md says why `require-trusted-types-for` is not set. When this fails, set it."""
    htmx = sbom.HTMX.read_text()

    assert "trustedTypes" not in htmx
    assert "parseFromString" in htmx


def test_what_the_decision_calls_held_back_is_what_is_locked() -> None:
    """docs/decisions/0013-what-lags.md is brought up to date together with the locks."""
    rows = re.findall(
        r"^\| ([\w.-]+) \| ([\d.]+) \|",
        (ROOT / "docs" / "decisions" / "0013-what-lags.md").read_text(),
        re.MULTILINE,
    )
    parts = json.loads(sbom.SBOM.read_text())["components"]
    here = {part["name"]: part["version"] for part in parts}
    here |= {name: version for name, (version, _) in pins(TESTS).items()}

    assert len(rows) >= 3
    assert [(name, version) for name, version in rows if here.get(name) != version] == []
