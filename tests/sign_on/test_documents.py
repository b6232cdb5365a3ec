"""docs/sign-on.md explains every variable of sign-on. tests/infra/test_asvs.py holds docs/security.md."""

import re

from tests.support.environment import ROOT


def test_each_variable_of_sign_on_is_explained() -> None:
    explained = (ROOT / "docs" / "sign-on.md").read_text()

    for name in re.findall(r"^#(OIDC_\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE):
        assert f"`{name}`" in explained, name
