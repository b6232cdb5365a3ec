"""A provider one can make say anything: signed with any key, by any algorithm, about anybody, over real HTTP.

forger.next_token(aud="somebody-else")        # what the token endpoint will answer for the next code
forger.browser.sign_in(); forger.browser.come_back()
"""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

CLIENT_ID = "slantweb"
SECRET = "canary-of-a-client-secret"
Claims = dict[str, Any]


class Forger:
    """Started once; `reset()` makes it honest again."""

    def __init__(self) -> None:
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.other_rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.reset()

    def reset(self) -> None:
        self.up = True
        self.config = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/end",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }
        self.keys = [
            self.public_rsa(self.rsa, kid="k-rsa", alg="RS256", use="sig"),
            json.loads(ECAlgorithm.to_jwk(self.ec.public_key()))
            | {"kid": "k-ec", "alg": "ES256", "use": "sig"},
        ]
        self.answers: list[tuple[int, Any]] = []
        self.userinfo: tuple[int, Any] = (200, {})
        self.codes_used: set[str] = set()
        self.asked: list[dict[str, str]] = []
        self.nonce = self.challenge = ""

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def claims(self, **changed: Any) -> Claims:
        """What an honest provider would say of Olivia; None leaves a claim out."""
        now = int(time.time())
        honest = {
            "iss": self.issuer,
            "sub": "olivia-1",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "email": "olivia@harbor.example",
            "email_verified": True,
            "name": "Olivia Owner",
            "groups": ["crm-sales"],
        }
        return {name: value for name, value in (honest | changed).items() if value is not None}

    def token(
        self, *, key: Any = None, alg: str = "RS256", headers: Claims | None = None, **claims: Any
    ) -> str:
        named = {"kid": "k-ec" if alg == "ES256" else "k-rsa"} | (headers or {})
        named = {name: value for name, value in named.items() if value is not None}
        key = key or (self.ec if alg == "ES256" else self.rsa)
        return jwt.encode(self.claims(**claims), key, algorithm=alg, headers=named)

    def bare_token(self, header: Claims, *, secret: bytes | None = None, **claims: Any) -> str:
        """Put together by hand, for what no library would sign."""
        parts = ".".join(_part(json.dumps(part).encode()) for part in (header, self.claims(**claims)))
        mac = hmac.new(secret, parts.encode(), hashlib.sha256).digest() if secret else b""
        return f"{parts}.{_part(mac)}"

    def deep_token(self) -> str:
        """Its header is nested deeper than Python reads, and nobody needs a key to send it."""
        return f"{_part(b'[' * 20_000)}.{_part(json.dumps(self.claims()).encode())}.{_part(b'x' * 256)}"

    def answer_with(self, id_token: str | None, **more: Any) -> None:
        answer = {"access_token": "at-canary-0123456789", "token_type": "Bearer", "expires_in": 300}
        answer |= ({"id_token": id_token} if id_token is not None else {}) | more
        self.answers.append((200, answer))

    def refuse_with(self, error: str, status: int = 400) -> None:
        self.answers.append((status, {"error": error}))

    def begun(self, address: str) -> str:
        """The redirect to us, as a browser would follow it; the state to come back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        self.asked.append(asked)
        self.nonce, self.challenge = asked["nonce"], asked["code_challenge"]
        return asked["state"]

    def exchange(self, form: dict[str, str]) -> tuple[int, Any]:
        """The token endpoint. A code works once, with the verifier of its challenge."""
        self.asked.append(form)
        if form.get("client_secret") != SECRET:
            return 401, {"error": "invalid_client"}
        if form["grant_type"] == "authorization_code":
            made = _part(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
            if form["code"] in self.codes_used or made != self.challenge:
                return 400, {"error": "invalid_grant"}
            self.codes_used.add(form["code"])
        return self.answers.pop(0) if self.answers else (400, {"error": "invalid_grant"})

    @staticmethod
    def public_rsa(key: rsa.RSAPrivateKey, **more: str) -> Claims:
        return json.loads(RSAAlgorithm.to_jwk(key.public_key())) | more


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _handler(forger: Forger) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers: dict[str, Callable[[], tuple[int, Any]]] = {
                "/.well-known/openid-configuration": lambda: (200, forger.config),
                "/keys": lambda: (200, {"keys": forger.keys}),
                "/userinfo": lambda: forger.userinfo,
                "/elsewhere": lambda: (302, {}),
            }
            found = answers.get(urlsplit(self.path).path, lambda: (404, {}))()
            self._answer(*(found if forger.up else (503, {})))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*(forger.exchange(form) if forger.up else (503, {})))

        def _answer(self, status: int, body: Any) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{forger.issuer}/.well-known/openid-configuration")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None: ...

    return Handler
