"""What the processes write is for their own user; what the proxy serves is for all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slantweb import private_files
from tests.support.environment import ROOT
from tests.support.processes import Installation, installation_environment

pytestmark = pytest.mark.slow

OTHERS = 0o077


def readable_by_others(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and path.lstat().st_mode & OTHERS
    }


def test_nothing_an_installation_writes_is_readable_by_others(installation: Installation) -> None:
    """Static files are, and checkpoints, whose folder is closed."""
    found = readable_by_others(installation.home)

    assert {name for name in found if not name.startswith(("static/", "checkpoints/"))} <= {
        "audit-signing-key.pub"
    }
    assert (installation.home / "trail-head.json").exists()
    for folder in ("checkpoints", "log"):
        assert (
            not (installation.home / folder).exists()
            or not (installation.home / folder).stat().st_mode & OTHERS
        )


def run(home: Path, *arguments: str) -> None:
    environment = installation_environment(home, f"sqlite:///{home / 'slantweb.sqlite3'}")
    before = os.umask(0o022)
    try:
        subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            check=True,
            capture_output=True,
            timeout=60,
        )
    finally:
        os.umask(before)


def test_collected_static_files_are_for_the_proxy(tmp_path: Path) -> None:
    run(tmp_path, "manage.py", "collectstatic", "--no-input")

    collected = [tmp_path / "static", *(tmp_path / "static").rglob("*")]
    assert len(collected) > 20
    assert all(path.stat().st_mode & (0o055 if path.is_dir() else 0o044) for path in collected)


def test_the_web_process_writes_for_itself_whatever_starts_it(tmp_path: Path) -> None:
    run(tmp_path, "-c", f"import slantweb.wsgi; open({str(tmp_path / 'made')!r}, 'w').close()")

    assert (tmp_path / "made").stat().st_mode & OTHERS == 0


def test_what_an_earlier_version_left_readable_is_taken_from_others(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "static").mkdir()
    names = ["slantweb.sqlite3", "trail-head.json", "log/web.log", "static/app.css", "audit-signing-key.pub"]
    for path in [tmp_path / name for name in names]:
        path.touch()
        path.chmod(0o644)
    outside = tmp_path / "static" / "elsewhere"
    outside.touch()
    outside.chmod(0o644)
    (tmp_path / "link").symlink_to(outside)

    private_files.take_from_others(tmp_path, str(tmp_path / "slantweb.sqlite3"))

    assert readable_by_others(tmp_path) == {
        "static/app.css",
        "static/elsewhere",
        "audit-signing-key.pub",
    }
