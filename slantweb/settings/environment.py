"""The source of the environment, and the values that other parts need: folders, debug, demo, ports."""

from pathlib import Path
from urllib.parse import urlsplit

from slantweb.variables import Variables

BASE_DIR = Path(__file__).resolve().parent.parent.parent

env = Variables()
env.read_env(BASE_DIR / ".env")
VAR_DIR = Path(env.text("VAR_DIR", "var"))
if not VAR_DIR.is_absolute():
    VAR_DIR = BASE_DIR / VAR_DIR
env.read_env(VAR_DIR / "demo.env")

DEBUG = env.flag("DEBUG")
DEMO = env.flag("DEMO")
PORT = env.whole("PORT", 8000, least=1, most=65_535)
SANDBOX_PORT = env.whole("SANDBOX_PORT", 8001, least=1, most=65_535)


def is_loopback(url: str) -> bool:
    return (urlsplit(url).hostname or "") in {"127.0.0.1", "localhost", "::1"}
