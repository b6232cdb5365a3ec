"""Somebody with the account of the web process and its role in the database tries what can be tried.

Run as a process of its own: `python -m tests.infra.attacker` with JSON on standard input. It loads its
modules first and becomes the other account then, because that one may not be able to read this checkout.
What it got stands in JSON on standard output: what each file held, and what each statement did.
"""

import json
import os
import sys
from pathlib import Path

import psycopg


def become(uid: int) -> None:
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def read(path: str) -> str:
    try:
        return Path(path).read_bytes()[:4096].decode(errors="replace")
    except OSError as problem:
        return f"refused: {type(problem).__name__}"


def execute(url: str, statement: str) -> str:
    """What one statement did, committed."""
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            rows = cursor.fetchall() if cursor.description else []
            return f"done: {cursor.rowcount} {rows[:1]}"
    except psycopg.Error as problem:
        return f"refused: {type(problem).__name__}"


def main() -> None:
    asked = json.load(sys.stdin)
    if asked["url"]:
        # Loads what psycopg loads when it connects.
        execute(asked["url"], "SELECT 1")
    if asked["uid"]:
        become(asked["uid"])
    json.dump(
        {
            "uid": os.getuid(),
            "files": {path: read(path) for path in asked["files"]},
            "statements": {text: execute(asked["url"], text) for text in asked["statements"]},
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
