"""The length of a request's body by its headers, for all code that needs it before the body is read."""


class BodyLengthError(ValueError):
    """The headers do not say how long the body is."""


class ChunkedBody(BodyLengthError):
    """A body in chunks, which only programs send, has no length of its own (RFC 9110, section 15.5.12)."""


class UnreadableLength(BodyLengthError):
    """`Content-Length` is no number."""


# More digits than this are not converted: a number may be too long to be read.
MOST_DIGITS = 9
TOO_LONG = 10**MOST_DIGITS


def read_body_length(*, transfer_encoding: str | None, content_length: str | None) -> int:
    """The length in bytes, from the values of these two headers. TOO_LONG stands for any length of at least
    that.
    """
    if transfer_encoding is not None:
        raise ChunkedBody
    length = content_length or "0"
    if not (length.isascii() and length.isdigit()):
        raise UnreadableLength
    return int(length) if len(length) <= MOST_DIGITS else TOO_LONG
