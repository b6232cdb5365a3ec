"""The settings as a server at a firm loads them: in a process of their own, as they are read once."""

import json
import secrets
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
print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.THEME_COOKIE_NAME, s.SESSION_COOKIE_SECURE,
      s.CSRF_COOKIE_SECURE, s.DEBUG, s.DEMO,
      s.SESSION_COOKIE_DOMAIN, s.SESSION_COOKIE_PATH, s.CSRF_COOKIE_DOMAIN)"""

    assert ask(tmp_path, code).stdout.split() == [
        *("__Host-sessionid", "__Host-csrftoken", "__Host-theme", "True", "True", "False", "False"),
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
        ({"DEMO": "1", "SLANT_BASE_URL": ""}, "DEMO=1 lets anybody sign in"),
        ({"SLANT_BASE_URL": "https://api.slant.example"}, "SLANT_BASE_URL must end with the version"),
        ({"TRUSTED_PROXIES": "10.0.0.0/8,load-balancer"}, "TRUSTED_PROXIES: 'load-balancer'"),
        ({"TRUSTED_PROXIES": "0.0.0.0/0"}, "TRUSTED_PROXIES holds 0.0.0.0/0"),
    ],
)
def test_a_dangerous_setting_stops_the_start(tmp_path: Path, variables: dict[str, str], words: str) -> None:
    done = run(tmp_path, "-c", "import slantweb.wsgi", **variables)

    assert done.returncode == 1
    assert words in done.stderr


OPENING = {
    "SECRET_KEY": [
        "k7Q!pX2z" * 3,
        "short-but-random-9fK2!xQ7",
        "x" * 50,
        "change-me-" * 5,
        "0123" * 12,
        "django-insecure-7fK2p9Xw4Lq8Zr1Vb6Nc3Mt5Hy0Gj",
    ],
    "SECRET_KEY_FALLBACKS": ["7fK2p9Xw4Lq8Zr1Vb6Nc3Mt5Hy0GjDsAeUoIi,short", "y" * 40],
    "ALLOWED_HOSTS": ["*", "deals.firm.example, *"],
    "TRUSTED_PROXIES": ["0.0.0.0/0", "::/0", "10.0.0.1,0.0.0.0/1,128.0.0.0/1", "::/1,8000::/1"],
    "DEBUG": ["1"],
}


def test_a_setting_that_opens_a_door_stops_the_start_and_is_named(tmp_path: Path) -> None:
    tried = [(name, value) for name, values in OPENING.items() for value in values]

    said = read_in_turn(tmp_path, tried)

    assert list(said) == [f"{name}={value}" for name, value in tried]
    for (name, value), words in zip(tried, said.values(), strict=True):
        assert name in words
        # A weak secret is still one.
        assert "SECRET" not in name or value not in words


def test_a_weak_key_in_a_file_is_refused_as_well(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x" * 50)

    done = run(tmp_path, "manage.py", "check", SECRET_KEY="", SECRET_KEY_FILE=str(tmp_path / "key"))

    assert (done.returncode, "SECRET_KEY is not random" in done.stderr) == (1, True)


def test_keys_as_they_are_made_and_proxies_as_they_are_named_are_taken(tmp_path: Path) -> None:
    keys = [secrets.token_urlsafe(50), secrets.token_hex(32), secrets.token_urlsafe(24)]
    tried = [("SECRET_KEY", key) for key in keys] + [("SECRET_KEY_FALLBACKS", ", ".join(keys))]
    tried += [("TRUSTED_PROXIES", "10.0.0.0/8,192.168.0.0/16,fc00::/7,2001:db8::1")]
    tried += [("ALLOWED_HOSTS", "deals.firm.example,.firm.example")]

    assert read_in_turn(tmp_path, tried) == {}


def test_debug_is_for_a_slant_on_this_machine(tmp_path: Path) -> None:
    weak = {"DEBUG": "1", "SECRET_KEY": "x", "ALLOWED_HOSTS": "*", "TRUSTED_PROXIES": "0.0.0.0/0"}

    here = run(tmp_path, "manage.py", "check", SLANT_BASE_URL="http://127.0.0.1:9/v1", **weak)
    there = run(tmp_path, "manage.py", "check", **weak)

    assert (here.returncode, there.returncode) == (0, 1), here.stderr
    assert "DEBUG=1 shows internals and client data" in there.stderr


UNREADABLE = {
    "PORT": ["abc", "0", "99999"],
    "SANDBOX_PORT": ["80.5"],
    "DEBUG": ["maybe"],
    "DEMO": ["2"],
    "DATABASE_URL": ["zz", "mysql://app:hunter2@host/name", "postgresql://app:hunter2@host:port/name"],
    "CACHE_URL": ["zz", "dbcache://hunter2", "filecache:///hunter2", "pymemcache://hunter2:11211"],
    "EMAIL_URL": ["zz"],
    "TIME_ZONE": ["Mars/X", "../UTC"],
    "FISCAL_YEAR_START_MONTH": ["13", "0"],
    "STALE_AFTER_DAYS": ["-1"],
    "SESSION_IDLE_MINUTES": ["0", "2", "soon"],
    "SLANT_BASE_URL": ["zz", "https://[::1/v1"],
    "SLANT_HOURLY_BUDGET": ["abc"],
    "SLANT_TIMEOUT_SECONDS": ["-1", "0", "nan"],
    "VIEW_WAIT_SECONDS": ["x", "inf"],
    "LOOK_AFTER_SECONDS": ["a,b", "5,,20"],
    "QUIET_SECONDS": ["-1"],
    "SYNC_SECONDS": ["0"],
    "TRUSTED_PROXIES": ["zz"],
}


def read_in_turn(tmp_path: Path, variables: list[tuple[str, str]]) -> dict[str, str]:
    """What the settings say to each variable alone, all in one process: a start takes seconds."""
    code = f"""
import importlib, json, os, sys
from django.core.exceptions import ImproperlyConfigured
said, given = {{}}, dict(os.environ)
for name, value in {variables!r}:
    os.environ.clear()
    os.environ.update(given | {{name: value}})
    for module in [name for name in sys.modules if name.startswith("slantweb.settings")]:
        del sys.modules[module]
    try:
        importlib.import_module("slantweb.settings")
    except ImproperlyConfigured as problem:
        said[f"{{name}}={{value}}"] = str(problem)
print(json.dumps(said))"""
    done = run(tmp_path, "-W", "error", "-c", code)
    assert done.returncode == 0, done.stderr
    said: dict[str, str] = json.loads(done.stdout)
    return said


def test_a_value_that_means_nothing_is_refused_by_the_name_of_its_variable(tmp_path: Path) -> None:
    tried = [(name, value) for name, values in UNREADABLE.items() for value in values]

    said = read_in_turn(tmp_path, tried)

    assert list(said) == [f"{name}={value}" for name, value in tried]
    for name, words in said.items():
        assert words.startswith(name.partition("=")[0]), words
        assert "hunter2" not in words


def test_an_empty_variable_is_one_that_is_not_set(tmp_path: Path) -> None:
    assert read_in_turn(tmp_path, [(name, "") for name in UNREADABLE]) == {}


def test_a_file_that_holds_no_secret_is_refused_by_the_name_of_its_variable(tmp_path: Path) -> None:
    secret, empty = tmp_path / "secret", tmp_path / "empty"
    secret.write_text("  postgresql://app:hunter2@host:port/name\n")
    empty.touch()
    refused = {
        "SLANT_API_TOKEN_FILE": (str(tmp_path / "gone"), "which cannot be read: No such file or directory."),
        "METRICS_TOKEN_FILE": (str(empty), "empty, which is empty."),
        "OIDC_CLIENT_SECRET_FILE": (str(tmp_path), "which cannot be read: Is a directory."),
        "SECRET_KEY_FILE": (str(secret), "SECRET_KEY and SECRET_KEY_FILE are both set. Set one of them."),
        # What the file holds is read as the variable would be, and told in no message either.
        "DATABASE_URL_FILE": (
            str(secret),
            "DATABASE_URL must begin with sqlite:// or postgresql:// or postgres://; "
            ".env.example says how it is written.",
        ),
    }
    tried = [(name, value) for name, (value, _) in refused.items()]

    said = read_in_turn(tmp_path, tried)

    for (name, value), (_, words) in zip(tried, refused.values(), strict=True):
        assert said[f"{name}={value}"].endswith(words)
        assert "hunter2" not in said[f"{name}={value}"]


def test_the_worker_takes_its_secrets_from_files_and_the_web_takes_no_token(tmp_path: Path) -> None:
    show = (
        "from django.conf import settings as s; print(s.SLANT_API_TOKEN, s.SECRET_KEY[:3], s.METRICS_TOKEN)"
    )
    files = {}
    for name, value in {"SLANT_API_TOKEN": "slnt_pat_theirs", "METRICS_TOKEN": "numbers"}.items():
        (tmp_path / name).write_text(f"{value}\n")
        files[f"{name}_FILE"] = str(tmp_path / name)

    worker = run(tmp_path, "-c", f"import django; django.setup()\n{show}", **files)
    # The web's user cannot read the file, and the web does not try to.
    files["SLANT_API_TOKEN_FILE"] = str(tmp_path / "not-for-the-web")
    web = run(tmp_path, "-c", f"import slantweb.wsgi\n{show}", **files)

    assert worker.stdout.split() == ["slnt_pat_theirs", "7fK", "numbers"], worker.stderr
    assert web.stdout.split() == ["7fK", "numbers"], web.stderr


def test_the_command_line_says_it_in_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "manage.py", "check", PORT="abc")

    assert (done.returncode, done.stderr) == (
        1,
        "Slantweb cannot start: PORT must be a whole number from 1 to 65535, not 'abc'.\n",
    )


def test_what_is_missing_can_be_read_on_the_machine_before_there_is_a_certificate(tmp_path: Path) -> None:
    code = "from django.conf import settings as s; print(s.SECURE_SSL_REDIRECT)"

    assert ask(tmp_path, code, OIDC_ISSUER="").stdout.split() == ["False"]
    assert ask(tmp_path, code).stdout.split() == ["True"]
