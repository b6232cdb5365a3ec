"""Schemathesis, every check on, holds the running sandbox to its own OpenAPI document."""

import os
import subprocess
import sys
from pathlib import Path

from tests.sandbox_process import ROOT, SandboxProcess


def test_the_sandbox_answers_as_its_document_says(sandbox: SandboxProcess, tmp_path: Path) -> None:
    sandbox.control(limits={"token": 10**6, "company": 10**6, "ip": 10**6})
    # One worker: ast.parse in several threads at once breaks Python 3.11 ("recursion depth mismatch").
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{sandbox.base_url}/openapi.json"),
        *("--header", f"Authorization:Bearer {sandbox.token}", "--checks", "all", "--no-color"),
        *("--phases", "coverage,fuzzing", "--max-examples", "3", "--generation-deterministic"),
        "--no-shrink",
    ]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "tests.sandbox.schema_hooks", "PYTHONPATH": str(ROOT)}

    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )

    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert len(sandbox.ledger(limit=1000)) == 1000  # it did send something
