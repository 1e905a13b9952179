"""An upstream that notes how it is asked, over TLS if it is given a certificate, and certificates made on the spot."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Answers = Callable[["Noted"], tuple[int, Any]]


@dataclass
class Noted:
    """One request."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Noting:
    """What an upstream was asked, and how it answers."""

    answers: Answers
    seen: list[Noted] = field(default_factory=list[Noted])
    port: int = 0


async def noting(state: Noting, tls: ssl.SSLContext | None = None) -> asyncio.Server:
    """Listens. A stream's answer is bytes, any other is JSON; with the status 0 bytes are written as they stand."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                line, *rest = head.decode().split("\r\n")[:-2]
                headers = {k.lower(): v.strip() for k, _, v in (row.partition(":") for row in rest)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                noted = Noted(line.split(" ")[0], line.split(" ")[1], headers, body)
                state.seen.append(noted)
                status, value = state.answers(noted)
                if status == 0:  # Written as it stands.
                    writer.write(value)
                    writer.close()
                    await writer.wait_closed()
                    return
                kind = "text/event-stream" if isinstance(value, bytes) else "application/json"
                raw = value if isinstance(value, bytes) else json.dumps(value).encode()
                writer.write(
                    f"HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\ncontent-length: {len(raw)}\r\n\r\n".encode()
                    + raw
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    state.port = server.sockets[0].getsockname()[1]
    return server


def certificate(folder: Path, name: str, host: str = "localhost") -> tuple[Path, ssl.SSLContext]:
    """A certificate that vouches for itself, as a file, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(host)]
    if host == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / f"{name}.pem", folder / f"{name}.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(public, private)
    return public, context
