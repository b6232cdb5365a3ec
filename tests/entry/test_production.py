"""The settings as a server at a firm would load them: read in a process of their own, since they are read once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environment import ROOT, clean_environment

pytestmark = pytest.mark.process


def run(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(
        **{
            "SECRET_KEY": "7fK2p9Xw4Lq8Zr1Vb6Nc3Mt5Hy0Gj-Ds_AeUoIiQkPlR+TnYmBvCxWzEaSd",
            "VAR_DIR": str(tmp_path),
            "SLANT_BASE_URL": "https://api.slant.example/v1",
            "OIDC_ISSUER": "https://sign-on.example",
            "OIDC_CLIENT_ID": "slantweb",
            "DJANGO_SETTINGS_MODULE": "slantweb.settings",
            # Named, so that a developer's .env cannot set them.
            **dict.fromkeys(("DEBUG", "DEMO"), "0"),
            "TRUSTED_PROXIES": "",
            **variables,
        }
    )
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )


def ask(tmp_path: Path, code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return run(tmp_path, "-c", f"import django; django.setup()\n{code}", **variables)


def test_djangos_deployment_check_finds_nothing_and_nothing_is_silenced(tmp_path: Path) -> None:
    done = run(tmp_path, "manage.py", "check", "--deploy", "--fail-level", "WARNING")

    assert (done.returncode, done.stdout.strip()) == (
        0,
        "System check identified no issues (0 silenced).",
    ), done.stderr


def test_cookies_belong_to_this_host_alone_and_travel_over_https(tmp_path: Path) -> None:
    code = """
from django.conf import settings as s
print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.DEBUG, s.DEMO,
      s.SESSION_COOKIE_DOMAIN, s.SESSION_COOKIE_PATH, s.CSRF_COOKIE_DOMAIN)"""

    assert ask(tmp_path, code).stdout.split() == [
        *("__Host-sessionid", "__Host-csrftoken", "True", "True", "False", "False"),
        *("None", "/", "None"),
    ]


def test_the_configured_log_is_json_and_scrubbed(tmp_path: Path) -> None:
    done = ask(tmp_path, "import logging; logging.getLogger('any').warning('with %s', 'slnt_pat_canary1234')")

    line = json.loads(done.stderr)
    assert (line["levelname"], line["name"], line["message"]) == ("WARNING", "any", "with [hidden]")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ({"SLANT_BASE_URL": "http://api.slant.example/v1"}, "SLANT_BASE_URL must begin with https://"),
        ({"OIDC_ISSUER": "http://sign-on.example"}, "OIDC_ISSUER must begin with https://"),
        ({"OIDC_SCOPES": "email profile"}, "OIDC_SCOPES must contain openid"),
        ({"DEMO": "1"}, "DEMO=1 lets anybody sign in"),
        ({"TRUSTED_PROXIES": "10.0.0.0/8,load-balancer"}, "TRUSTED_PROXIES: 'load-balancer'"),
    ],
)
def test_a_dangerous_setting_stops_the_start(tmp_path: Path, variables: dict[str, str], words: str) -> None:
    done = run(tmp_path, "-c", "import slantweb.wsgi", **variables)

    assert done.returncode == 1
    assert words in done.stderr


def test_request_bodies_are_limited(tmp_path: Path) -> None:
    code = (
        "from django.conf import settings as s; print(s.DATA_UPLOAD_MAX_MEMORY_SIZE, s.FILE_UPLOAD_HANDLERS)"
    )

    assert ask(tmp_path, code).stdout.split()[0] == str(256 * 1024)
