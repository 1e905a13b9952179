"""A PostgreSQL of the tests' own, on loopback, in a folder that is thrown away. Installs Debian's package if absent."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

WAIT_S = 60
NUMBERS = count(1)


def binaries() -> Path:
    """The folder of initdb and pg_ctl."""
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")) and not shutil.which("initdb"):
        for command in (
            ["apt-get", "update"],
            ["apt-get", "install", "-y", "--no-install-recommends", "postgresql"],
        ):
            subprocess.run(command, check=True, capture_output=True, timeout=600)
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else Path(str(shutil.which("initdb"))).parent


class Cluster:
    """A running PostgreSQL, and new, empty schemas in it: each is a ledger's whole world."""

    def __init__(self, port: int, password: str) -> None:
        self.password = password
        self.server = f"postgresql://offtake:{password}@127.0.0.1:{port}"

    def database(self) -> str:
        """The address of a new, empty schema."""
        name = f"ledger_{os.getpid()}_{next(NUMBERS)}"
        with psycopg.connect(f"{self.server}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        return f"{self.server}/postgres?application_name={name}&options=-csearch_path%3D{name}"

    def cut(self, where: str) -> int:
        """Ends every connection to a schema; how many there were."""
        name = where.rpartition("%3D")[2]
        with psycopg.connect(f"{self.server}/postgres", autocommit=True) as connection:
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (name,)
            )
            return len(ended.fetchall())


@contextmanager
def cluster(largest_file: int | None = None) -> Generator[Cluster]:
    """A cluster that runs as the user postgres (who may not be root), and is gone afterwards.

    `largest_file` is how many bytes its files may have: what a full disk does to it, on machines where nobody may mount
    a small one.
    """
    tools = binaries()
    folder = Path(tempfile.mkdtemp(prefix="offtake-pg-"))
    password = secrets.token_hex(12)
    (folder / "password").write_text(password)
    root = os.geteuid() == 0
    if root:
        subprocess.run(["chown", "-R", "postgres", str(folder)], check=True)
    folder.chmod(0o700)

    def run(*command: str, largest: int | None = None) -> None:
        as_user = ["runuser", "-u", "postgres", "--", *command] if root else list(command)
        limit = [] if largest is None else ["prlimit", f"--fsize={largest}", "--"]
        subprocess.run([*limit, *as_user], check=True, capture_output=True, timeout=WAIT_S, cwd="/")

    data, port = folder / "data", _free_port()
    run(
        str(tools / "initdb"),
        "--pgdata",
        str(data),
        "--username=offtake",
        "--auth=scram-sha-256",
        f"--pwfile={folder / 'password'}",
        "--encoding=UTF8",
    )
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c max_connections=60"
    )
    run(
        str(tools / "pg_ctl"),
        "--pgdata",
        str(data),
        "--wait",
        "--log",
        str(folder / "log"),
        "-o",
        options,
        "start",
        largest=largest_file,
    )
    try:
        yield Cluster(port, password)
    finally:
        run(str(tools / "pg_ctl"), "--pgdata", str(data), "--wait", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
