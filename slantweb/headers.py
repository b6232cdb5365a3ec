"""The security headers of every answer: of a view, of a refusal, or of the server itself."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Never no-referrer: Chromium then sends `Origin: null` on plain form posts and Django answers 403.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
        "microphone=(), midi=(), payment=(), publickey-credentials-get=(), screen-wake-lock=(), usb=()"
    ),
}
