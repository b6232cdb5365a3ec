"""Whether an ID token is the provider's, for us, for this very sign-in, and now (OpenID Connect Core 3.1.3.7).

allauth asks no nonce, takes whatever algorithm the token names, and skips the signature of a token it fetched itself;
so the checks are here, on PyJWT, and every token passes all of them, wherever it came from.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from jwt.types import Options

# Signatures that need the provider's private key. Never `none`; never HS256 and its like, whose secret would be the
# provider's public key, which everybody has.
ALGORITHMS = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
    "EdDSA": "OKP",
}
SKEW_SECONDS = 60
# Longer than any provider's and short enough that parsing one costs nothing.
LONGEST = 32 * 1024
# A token made for this sign-in is minutes old; one from last week was kept by somebody.
OLDEST_SECONDS = 15 * 60
REQUIRED = ("iss", "sub", "aud", "exp", "iat")

Key = Mapping[str, Any]
FindKey = Callable[[str], Key]


class TokenRefused(ValueError):
    """This token opens no door. `code` says why, for the log and the trail; no value of the token is in it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def verify(
    token: object,
    *,
    find_key: FindKey,
    issuer: str,
    client_id: str,
    nonce: str | None,
    access_token: str = "",
) -> dict[str, Any]:
    """The claims of `token`, or `TokenRefused`. `nonce` None: a renewal, whose tokens need not repeat it.

    `find_key` is given the token's `kid` (or "") and answers with the provider's key, or raises `TokenRefused`.
    """
    if not isinstance(token, str) or not token or len(token) > LONGEST:
        raise TokenRefused("token_missing")
    key = _key_for(token, find_key)
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key=key,
            algorithms=[key.algorithm_name],
            audience=client_id,
            issuer=issuer,
            leeway=SKEW_SECONDS,
            options=Options(require=list(REQUIRED), enforce_minimum_key_length=True),
        )
    except jwt.PyJWTError as problem:
        raise TokenRefused(_code_of(problem)) from problem
    _check_party(claims, client_id)
    if claims["iat"] < time.time() - OLDEST_SECONDS - SKEW_SECONDS:
        raise TokenRefused("token_old")
    if nonce is not None and not _same(claims.get("nonce"), nonce):
        raise TokenRefused("nonce_wrong")
    if access_token and "at_hash" in claims:
        _check_at_hash(claims["at_hash"], access_token, key.algorithm_name)
    return claims


def _key_for(token: str, find_key: FindKey) -> jwt.PyJWK:
    """The provider's key for this token's header, held to the one algorithm that fits both."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as problem:
        raise TokenRefused("token_malformed") from problem
    algorithm, kid = header.get("alg"), header.get("kid", "")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise TokenRefused("algorithm_refused")
    # Extensions we would have to understand, and keys the token brings along itself.
    if not isinstance(kid, str) or "crit" in header or str(header.get("typ", "JWT")).upper() != "JWT":
        raise TokenRefused("token_malformed")
    found = find_key(kid)
    if found.get("kty") != ALGORITHMS[algorithm] or found.get("alg", algorithm) != algorithm:
        raise TokenRefused("algorithm_refused")
    try:
        return jwt.PyJWK(dict(found), algorithm)
    except (jwt.PyJWTError, ValueError, TypeError) as problem:
        raise TokenRefused("key_unusable") from problem


def _check_party(claims: Mapping[str, Any], client_id: str) -> None:
    """A token for several audiences must name us as the party it was issued to; one that names a party names us."""
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != client_id:
        raise TokenRefused("audience_wrong")


def _check_at_hash(given: object, access_token: str, algorithm: str) -> None:
    """The access token is the one that was issued together with this ID token."""
    bits = "512" if algorithm == "EdDSA" else algorithm[-3:]
    digest = hashlib.new(f"sha{bits}", access_token.encode()).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    if not _same(given, half):
        raise TokenRefused("access_token_wrong")


def _same(given: object, expected: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode(), expected.encode())


def _code_of(problem: jwt.PyJWTError) -> str:
    codes: list[tuple[type[jwt.PyJWTError], str]] = [
        (jwt.ExpiredSignatureError, "token_expired"),
        (jwt.ImmatureSignatureError, "token_not_yet_valid"),
        (jwt.InvalidAudienceError, "audience_wrong"),
        (jwt.InvalidIssuerError, "issuer_wrong"),
        (jwt.InvalidSignatureError, "signature_wrong"),
        (jwt.MissingRequiredClaimError, "claim_missing"),
        (jwt.InvalidAlgorithmError, "algorithm_refused"),
    ]
    return next((code for kind, code in codes if isinstance(problem, kind)), "token_malformed")
