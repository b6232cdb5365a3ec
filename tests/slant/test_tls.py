"""Deadlines and proof of "nothing was sent" over TLS (Slant API 3)."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
import time
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from opportunities.slant.client import SlantClient
from opportunities.slant.errors import SlantNoAnswer, SlantUnreachable
from tests.slant.samples import OPPORTUNITY
from tests.slant.servers import TOKEN, always, client_of, create, dripping, reply, serving, within

OK = reply(201, OPPORTUNITY)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """A server's context for localhost, and the file that makes a client trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    public = folder / "cert.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = folder / "key.pem"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, str(public)


def test_https_with_a_private_authority_works(authority: tuple[ssl.SSLContext, str]) -> None:
    context, ca_file = authority

    with serving(always(201, OPPORTUNITY), tls=context) as server:
        assert create(client_of(server, ca_file=ca_file)).as_sent


def test_an_untrusted_certificate_is_unreachable_and_nothing_was_sent(
    authority: tuple[ssl.SSLContext, str],
) -> None:
    with (
        serving(always(201, OPPORTUNITY), tls=authority[0]) as server,
        pytest.raises(SlantUnreachable) as caught,
    ):
        create(client_of(server))

    assert caught.value.bytes_sent is False
    assert server.requests == []


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x03"])
def test_a_tls_handshake_that_fails_or_never_ends_is_unreachable(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def answer() -> None:
            connection, _ = plain.accept()
            with connection:
                connection.settimeout(3)
                while connection.recv(4096):
                    if said:
                        connection.sendall(said)

        thread = threading.Thread(target=lambda: _quietly(answer), daemon=True)
        thread.start()
        with within(2), pytest.raises(SlantUnreachable):
            create(SlantClient(f"https://localhost:{plain.getsockname()[1]}/v1", TOKEN, total_timeout=0.4))
        thread.join()


def test_a_tls_handshake_that_drips_is_cut_off(authority: tuple[ssl.SSLContext, str]) -> None:
    context, ca_file = authority
    with (
        serving(always(201, OPPORTUNITY), tls=context) as server,
        socket.create_server(("127.0.0.1", 0)) as drip,
    ):

        def forward() -> None:
            client_side, _ = drip.accept()
            with client_side, socket.create_connection(("127.0.0.1", server.port)) as server_side:
                server_side.sendall(client_side.recv(4096))
                for byte in server_side.recv(4096):
                    client_side.sendall(bytes([byte]))
                    time.sleep(0.05)

        thread = threading.Thread(target=lambda: _quietly(forward), daemon=True)
        thread.start()
        client = SlantClient(
            f"https://localhost:{drip.getsockname()[1]}/v1", TOKEN, total_timeout=0.4, ca_file=ca_file
        )
        with within(1.5), pytest.raises(SlantUnreachable) as caught:
            create(client)
        thread.join()

    assert "deadline passed" in caught.value.log_line


def test_a_body_that_drips_over_tls_is_cut_off(authority: tuple[ssl.SSLContext, str]) -> None:
    context, ca_file = authority

    with serving(dripping(OK), tls=context) as server, within(1.5), pytest.raises(SlantNoAnswer):
        create(client_of(server, total_timeout=0.4, ca_file=ca_file))


def _quietly(work: Any) -> None:
    with contextlib.suppress(OSError):
        work()
