"""Whether an ID token is the provider's, for us, for this sign-in, and current (OpenID Connect Core 3.1.3.7).

joserfc checks the signature; Authlib's `CodeIDToken` checks issuer, audiences, `azp`, times, nonce and
`at_hash`. What both leave open is checked here: the algorithm, the header, the strength of the key, and the
token's age. Logout tokens (OpenID Connect Back-Channel Logout 1.0, 2.6) are checked by the same rules.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import errors, jwt
from joserfc.jwk import JWKRegistry, Key, RSAKey
from joserfc.jws import JWSRegistry

from opportunities.views.provider import SignInRefused

# Signatures that need the provider's private key. Never `none`; never HS256 and its like: their secret would
# be the provider's public key, which everybody has.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEAST_RSA_BITS = 2048
SKEW_SECONDS = 60
# A token made for this sign-in is minutes old. Somebody must have stored an older one.
OLDEST_SECONDS = 15 * 60
# Longer than any provider's token, and short enough that parsing it is cheap.
LONGEST = 32 * 1024

REASONS: dict[type[Exception], str] = {
    errors.BadSignatureError: "signature_wrong",
    errors.ExpiredTokenError: "token_expired",
    errors.MissingAlgorithmError: "algorithm_refused",
    errors.UnsupportedAlgorithmError: "algorithm_refused",
    errors.UnsupportedKeyAlgorithmError: "algorithm_refused",
    errors.InvalidKeyTypeError: "algorithm_refused",
    errors.InvalidKeyCurveError: "algorithm_refused",
}
REASONS_BY_CLAIM = {
    "iss": "issuer_wrong",
    "aud": "audience_wrong",
    "azp": "audience_wrong",
    "nonce": "nonce_wrong",
    "nbf": "token_not_yet_valid",
    "iat": "token_not_yet_valid",
    "at_hash": "access_token_wrong",
}

# Both libraries raise these where a header, a claim or a key has an unexpected type, or is nested too deep.
WRONG_TYPES = (TypeError, ValueError, KeyError, AttributeError, RecursionError)

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"

FindKey = Callable[[str], Mapping[str, Any]]


class _Signatures(JWSRegistry):
    max_header_length = LONGEST


def verify(
    token: object, *, find_key: FindKey, issuer: str, client_id: str, nonce: str | None, access_token: str
) -> dict[str, Any]:
    """The claims of `token`. Raises `SignInRefused` if it fails a check.

    `find_key` is given the token's `kid` (or "") and returns the provider's key, or raises `SignInRefused`.
    `nonce` None: a renewal, whose tokens need not repeat it.
    """
    if not isinstance(token, str) or not token or len(token) > LONGEST:
        raise SignInRefused("token_missing")
    party = {"value": client_id}
    expected = {"iss": {"value": issuer}, "aud": party, "azp": party, "at_hash": {"allow_blank": False}}
    params = {"client_id": client_id, "nonce": nonce, "access_token": access_token}
    try:
        signed = _decode(token, find_key, types=("JWT",))
        claims = CodeIDToken(signed.claims, signed.header, expected, params)
        claims.validate(leeway=SKEW_SECONDS)
    except (errors.JoseError, *WRONG_TYPES) as problem:
        raise SignInRefused(_reason(problem)) from problem
    _check_age(claims)
    return dict(claims)


def verify_logout(token: object, *, find_key: FindKey, issuer: str, client_id: str) -> dict[str, Any]:
    """The claims of a logout token. Raises `SignInRefused` if it fails a check. It does not check whether the
    token was used before.

    An ID token is refused here: it has no `events` claim, and may have a nonce.
    """
    if not isinstance(token, str) or not token or len(token) > LONGEST:
        raise SignInRefused("token_missing")
    essential = {"essential": True}
    registry = jwt.JWTClaimsRegistry(
        leeway=SKEW_SECONDS,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        iat=essential,  # type: ignore[arg-type]  # its own options, as those above
        exp=essential,  # type: ignore[arg-type]  # as above
        jti=essential,  # type: ignore[arg-type]  # as above
    )
    try:
        claims = _decode(token, find_key, types=("JWT", "LOGOUT+JWT")).claims
        registry.validate(claims)
        named = [claims[name] for name in ("jti", "sub", "sid") if name in claims]
        is_event = isinstance(claims["events"].get(LOGOUT_EVENT), dict)
    except (errors.JoseError, *WRONG_TYPES) as problem:
        raise SignInRefused(_reason(problem)) from problem
    is_plain = all(
        isinstance(word, str) and word and len(word) <= 255 and word.isprintable() for word in named
    )
    if not is_event or not is_plain or "nonce" in claims or not claims.keys() & {"sub", "sid"}:
        raise SignInRefused("token_malformed")
    _check_age(claims)
    return dict(claims)


def _check_age(claims: Mapping[str, Any]) -> None:
    if claims["iat"] < time.time() - OLDEST_SECONDS - SKEW_SECONDS:
        raise SignInRefused("token_old")


def _decode(token: str, find_key: FindKey, *, types: tuple[str, ...]) -> jwt.Token:
    """A token of one of these `types`, its signature checked."""
    registry = _Signatures(algorithms=ALGORITHMS, strict_check_header=False)
    return jwt.decode(token, lambda part: _import_key(part.headers(), find_key, types), registry=registry)


def _import_key(header: Mapping[str, Any], find_key: FindKey, types: tuple[str, ...]) -> Key:
    """The provider's key for a token with this header."""
    # Extensions we would have to understand, and tokens that were made for something else.
    if "crit" in header or header.get("typ", "JWT").upper() not in types:
        raise SignInRefused("token_malformed")
    key_data = find_key(header.get("kid", ""))
    try:
        key = JWKRegistry.import_key(dict(key_data))
    except (errors.JoseError, *WRONG_TYPES) as problem:
        raise SignInRefused("key_unusable") from problem
    if isinstance(key, RSAKey) and key.public_key.key_size < LEAST_RSA_BITS:
        raise SignInRefused("key_unusable")
    return key


def _reason(problem: Exception) -> str:
    claim = getattr(problem, "claim", "")
    if isinstance(problem, errors.MissingClaimError) and claim in CodeIDToken.ESSENTIAL_CLAIMS:
        return "claim_missing"
    return REASONS.get(type(problem)) or REASONS_BY_CLAIM.get(claim, "token_malformed")
