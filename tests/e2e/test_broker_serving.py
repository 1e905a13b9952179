"""`offtake broker serve` where it matters most: TLS, and webhooks across a server that dies."""

from __future__ import annotations

import hmac
import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner, Result

from brokered import market, right
from offtake.entrypoints.cli.app import app

OFFTAKE = str(Path(sys.executable).with_name("offtake"))
SECRET = "a secret of this test, long enough."


def offtake(*words: str, where: str, **env: str) -> Result:
    """A command of this process, on a ledger or a server of another."""
    return CliRunner().invoke(app, ["broker", *words], env={"OFFTAKE_LEDGER": where, **env})


def need(id: str, where: str, **env: str) -> None:
    days = ["--from", "2026-03-01", "--until", "2028-03-01"]
    filed = offtake("file-need", id, "100 accelerators", "--for", "lab", *days, where=where, **env)
    assert filed.exit_code == 0, filed.output


def status(where: str) -> dict[str, Any]:
    """The only need of a ledger."""
    (found,) = json.loads(offtake("status", "--json", where=where).stdout)["needs"]
    return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    where = str(tmp_path / "deals.db")
    (tmp_path / "estate.yaml").write_text(yaml.safe_dump(market(agreements=right()), sort_keys=False))
    opened = offtake(
        "open", str(tmp_path / "estate.yaml"), "--rehearsal", "--at", "2026-01-12T09:00", where=where
    )
    assert opened.exit_code == 0, opened.output
    return where


@contextmanager
def serving(ledger: str, port: int, *options: str) -> Generator[subprocess.Popen[bytes]]:
    """A server in a process of its own, once it listens."""
    process = subprocess.Popen(
        [OFFTAKE, "broker", "serve", "--ledger", ledger, "--port", str(port), *options],
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, "the server ended"
            time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.wait(20)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a broker of this test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "cert.pem", folder / "key.pem"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate_file, key_file


def test_a_server_speaks_tls_and_nothing_else(ledger: str, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    token = offtake("token", "create", "operator", where=ledger).stdout.strip()
    port = free_port()
    with serving(ledger, port, "--certificate", str(cert), "--tls-key", str(key)):
        trusting = ssl.create_default_context(cafile=str(cert))
        secure = f"https://127.0.0.1:{port}"
        assert httpx2.get(f"{secure}/v1/health", verify=trusting).json() == {"status": "ok"}
        with pytest.raises(httpx2.HTTPError):
            httpx2.get(f"http://127.0.0.1:{port}/v1/health")
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{secure}/v1/health")  # Nobody vouches for it.
        need("n1", secure, OFFTAKE_TOKEN=token, OFFTAKE_CA_FILE=str(cert))
        status = offtake("status", "--json", where=secure, OFFTAKE_TOKEN=token, OFFTAKE_CA_FILE=str(cert))
        assert json.loads(status.stdout)["needs"][0]["stage"] == "noticed"
        wrong = offtake("status", where=secure, OFFTAKE_TOKEN=token, OFFTAKE_CA_FILE=str(key))
        assert (wrong.exit_code, "cannot be read" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "tokens would travel in the clear"),
        (["--host", "::"], "tokens would travel in the clear"),
        (["--certificate", "cert.pem"], "TLS needs a certificate and its key"),
        (["--certificate", "none.pem", "--tls-key", "none.pem"], "cannot be read"),
    ],
)
def test_a_server_that_would_not_be_safe_does_not_begin(ledger: str, options: list[str], said: str) -> None:
    offtake("token", "create", "operator", where=ledger)
    refused = offtake("serve", *options, "--port", str(free_port()), where=ledger)
    assert refused.exit_code == 2, refused.output
    assert said in refused.stderr


def test_a_server_answers_by_rule(tmp_path: Path) -> None:
    where = str(tmp_path / "deals.db")
    (tmp_path / "estate.yaml").write_text(yaml.safe_dump(market(agreements=right()), sort_keys=False))
    (tmp_path / "rules.yaml").write_text("responders: 1\nparties:\n  h: {answers: [{take: 30}]}\n")
    opened = offtake("open", str(tmp_path / "estate.yaml"), where=where)
    assert opened.exit_code == 0, opened.output
    offtake("token", "create", "operator", where=where)
    need("n1", where)
    with serving(where, free_port(), "--respond", str(tmp_path / "rules.yaml")):
        for _ in range(200):
            if status(where)["stage"] == "overflow":
                break
            time.sleep(0.1)
    assert [(one["outcome"], one["taken"]) for one in status(where)["notices"]] == [("accept-part", "30")]
    (tmp_path / "rules.yaml").write_text("responders: 1\nparties:\n  h: {answers: [{take: much}]}\n")
    refused = offtake("serve", "--respond", str(tmp_path / "rules.yaml"), where=where)
    assert (refused.exit_code, "rules.yaml:3:24" in refused.output) == (2, True)


class Receiver:
    """Takes webhooks on this machine, and is out of order for as long as it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[int, str, bytes]] = []
        self.broken = False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not receiver.broken:
                    number = int(self.headers["Offtake-Message"])
                    receiver.got.append((number, self.headers["Offtake-Signature"], body))
                self.send_response(503 if receiver.broken else 204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
                del format, args

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, count: int) -> None:
        """Until so many different messages have arrived; fails after half a minute."""
        for _ in range(300):
            if len({number for number, _, _ in self.got}) >= count:
                return
            time.sleep(0.1)
        raise AssertionError(f"{len(self.got)} messages arrived, of {count}")


def test_webhooks_are_told_in_order_across_a_server_that_dies(ledger: str, tmp_path: Path) -> None:
    receiver = Receiver()
    hooks = tmp_path / "hooks.json"
    hooks.write_text(json.dumps([{"url": receiver.url, "secret": SECRET, "id": "crm"}]))
    offtake("token", "create", "operator", where=ledger)
    options = ("--webhooks", str(hooks))
    for id in ("n1", "n2"):
        need(id, ledger)
    with serving(ledger, free_port(), *options):
        receiver.wait_for(2)
        receiver.broken = True
        for id in ("n3", "n4"):
            need(id, ledger)
        time.sleep(1.5)  # It is tried, and fails.
    # The server was killed. What it had told, and what it had not, stands in the ledger's database.
    kept = json.loads(offtake("webhooks", "--json", where=ledger).stdout)["webhooks"]
    assert [(one["hook"], one["waiting"]) for one in kept] == [("crm", 2)]
    receiver.broken = False
    need("n5", ledger)
    with serving(ledger, free_port(), *options):
        receiver.wait_for(5)
        time.sleep(1.5)  # A message that was told twice would come now.
    numbers = [number for number, _, _ in receiver.got]
    assert numbers == sorted(set(numbers))
    assert [json.loads(body)["data"]["need"] for _, _, body in receiver.got] == ["n1", "n2", "n3", "n4", "n5"]
    for _, signed, body in receiver.got:
        stamp, _, digest = signed.partition(",")
        seconds = stamp.removeprefix("t=")
        expected = hmac.new(SECRET.encode(), f"{seconds}.".encode() + body, sha256).hexdigest()
        assert digest == f"v1={expected}"
    said = offtake("webhooks", where=ledger).stdout
    assert "crm" in said
    assert SECRET not in said
