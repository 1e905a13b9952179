"""`offtake gateway` as a stranger uses it: keys, a gateway in a process of its own, and what its receipts tell."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
import yaml
from typer.testing import CliRunner, Result

from e2e.gateway.stand import ESTATE
from offtake.bootstrap.gateway import today
from offtake.entrypoints.cli.app import app

OFFTAKE = Path(sys.executable).with_name("offtake")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


@contextmanager
def process(*arguments: object) -> Generator[tuple[subprocess.Popen[str], str], None, None]:
    """A command that runs until it is told to end, and the first line that it says."""
    command = [str(OFFTAKE), *(str(a) for a in arguments)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ}) as started:
        assert started.stderr is not None
        line = started.stderr.readline()
        try:
            yield started, line
        finally:
            started.send_signal(signal.SIGTERM)
            started.stderr.read()
            assert started.wait(20) in (0, -signal.SIGTERM)


@pytest.fixture
def files(tmp_path: Path) -> Generator[tuple[Path, Path, str], None, None]:
    """An estate whose endpoints answer, a folder for state, and a key."""
    with process("gateway", "rehearse", "--port", 0) as (_, said):
        url = re.search(r"http\S+", said)
        assert url is not None
        whole = yaml.safe_load(ESTATE)
        for name, deployment in whole["deployments"].items():
            deployment["endpoint"] = {
                "url": url.group(),
                "dialect": "anthropic" if name == "claude" else "openai",
            }
        estate, state = tmp_path / "estate.yaml", tmp_path / "state"
        estate.write_text(yaml.safe_dump(whole))
        made = run("gateway", "keys", "new", estate, "--for", "chat", "--from", "sweden", "--state", state)
        assert made.exit_code == 0, made.output
        yield estate, state, made.stdout.strip()


def test_a_gateway_serves_explains_and_proves(files: tuple[Path, Path, str], tmp_path: Path) -> None:
    estate, state, key = files
    with process("gateway", "serve", estate, "--port", 0, "--state", state) as (_, said):
        port = re.search(r"port (\d+)", said)
        assert port is not None, said
        with openai.OpenAI(api_key=key, base_url=f"http://127.0.0.1:{port[1]}/v1", max_retries=0) as client:
            raw = client.chat.completions.with_raw_response.create(
                model="m", messages=[{"role": "user", "content": "hello"}]
            )
        second = run("gateway", "serve", estate, "--port", 0, "--state", state)
        assert second.exit_code == 3
        assert "another gateway" in second.output
    explained = run("gateway", "explain", raw.headers["x-request-id"], "--state", state)
    assert explained.exit_code == 0
    assert "served with status 200 by eu/reserved in sweden" in explained.output
    assert "policy.eu forbids to process m at us/cheap" in explained.output
    month = f"{today():%Y-%m}"
    pack = run(
        "gateway", "evidence", "--class", "eu", "--month", month, "--out", tmp_path / "e", "--state", state
    )
    assert pack.exit_code == 0, pack.output
    evidence: dict[str, Any] = json.loads((tmp_path / "e" / "evidence.json").read_text())
    assert (evidence["requests"], evidence["served"]) == (1, 1)
    assert "US" not in evidence["countries"]
    assert evidence["barred"] == {"policy.eu": 1}
    assert "eu/reserved" in (tmp_path / "e" / "evidence.md").read_text()
    verified = run("gateway", "receipts", "verify", "--state", state)
    assert (verified.exit_code, "all hold" in verified.output) == (0, True)
    # Last month under a draft agreement: nothing may go to Z.
    draft = estate.read_text().replace("boundary:\n        - EU", "boundary:\n        - CH")
    (tmp_path / "draft.yaml").write_text(draft)
    again = run("gateway", "replay", state / "receipts.sqlite", tmp_path / "draft.yaml", "--json")
    assert again.exit_code == 0, again.output
    replayed = json.loads(again.output)
    assert (replayed["requests"], replayed["refused"], replayed["unlawful"]) == (
        1,
        {"policy.eu": 1},
        {"policy.eu": 1},
    )


def test_a_log_says_what_last_month_would_have_cost(files: tuple[Path, Path, str], tmp_path: Path) -> None:
    estate, _, _ = files
    log = tmp_path / "log.csv"
    log.write_text(
        "time,model,tokens_in,tokens_out,workload,region,deployment\n"
        "2026-05-01T10:00:00,small,1000000,100000,free,sweden,us-small\n"
        "2026-05-01T09:00:00,m,1000,100,chat,sweden,us\n"
        "2026-05-02T09:00:00,gpt-9,1000,100,chat,sweden,\n"
    )
    found = json.loads(run("gateway", "replay", log, estate, "--json").output)
    assert found["total_cost"] == pytest.approx(0.1 + 0.02)
    assert found["unlawful"] == {"policy.eu": 1}
    assert found["unknown"] == {"gpt-9": 1}
    lines = tmp_path / "spend.jsonl"
    row = {
        "startTime": "2026-05-01 10:00:00",
        "model_group": "small",
        "prompt_tokens": 10,
        "completion_tokens": 5,
    }
    lines.write_text(json.dumps(row) + "\n")
    told = run("gateway", "replay", lines, estate, "--for", "free", "--from", "sweden")
    assert told.exit_code == 0
    assert "1 requests would have cost" in told.output


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("2026-05-01,m,many,1,chat,sweden,", "should be a number"),
        ("yesterday,m,1,1,chat,sweden,", "is not a time"),
        ("2026-05-01,m,1,1,,sweden,", "no workload or region"),
        ("2026-05-01,,1,1,chat,sweden,", "no model"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: str, says: str) -> None:
    estate, log = tmp_path / "estate.yaml", tmp_path / "log.csv"
    estate.write_text(ESTATE)
    log.write_text(f"time,model,tokens_in,tokens_out,workload,region,deployment\n{line}\n")
    found = run("gateway", "replay", log, estate)
    assert (found.exit_code, "log.csv:2" in found.output, says in found.output) == (2, True, True)


def test_keys_are_made_listed_and_revoked(tmp_path: Path) -> None:
    estate, state = tmp_path / "estate.yaml", tmp_path / "state"
    estate.write_text(ESTATE)
    made = run("gateway", "keys", "new", estate, "--for", "free", "--from", "sweden", "--state", state)
    kept = (state / "keys.json").read_text()
    assert made.stdout.strip() not in kept
    assert (state / "keys.json").stat().st_mode & 0o077 == 0
    id = json.loads(run("gateway", "keys", "list", "--state", state, "--json").output)[0]["id"]
    assert run("gateway", "keys", "revoke", id, "--state", state).exit_code == 0
    assert "revoked" in run("gateway", "keys", "list", "--state", state).output
    assert run("gateway", "keys", "revoke", "key-0", "--state", state).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("keys", "new", "ESTATE", "--for", "nobody", "--from", "sweden"), "no inference class `nobody`"),
        (("keys", "new", "ESTATE", "--for", "free", "--from", "mars"), "no region `mars`"),
        (("event", "ESTATE", "unheard-of"), "no event `unheard-of`"),
        (("explain", "nothing-1"), "no receipt"),
        (("evidence", "--class", "eu", "--month", "2026-10"), "no receipts"),
        (("serve", "ESTATE"), "cannot be read"),
        (("replay", "no-log.csv", "ESTATE"), "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_told_with_what_to_try(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    estate = tmp_path / "estate.yaml"
    estate.write_text(ESTATE)
    given = [str(estate) if a == "ESTATE" else a for a in arguments]
    if arguments[0] != "replay":
        given += ["--state", str(tmp_path / "state")]
    found = run("gateway", *given)
    assert found.exit_code == 2, found.output
    assert says in found.output


def test_the_shadow_sends_where_it_was_asked_and_notes_the_choice(files: tuple[Path, Path, str]) -> None:
    estate, state, key = files
    with process("gateway", "serve", estate, "--port", 0, "--state", state, "--shadow") as (_, said):
        port = re.search(r"port (\d+)", said)
        assert port is not None
        with openai.OpenAI(api_key=key, base_url=f"http://127.0.0.1:{port[1]}/v1", max_retries=0) as client:
            raw = client.chat.completions.with_raw_response.create(
                model="m", messages=[{"role": "user", "content": "hello"}]
            )
        time.sleep(0.1)
    assert raw.headers["x-offtake-route"] == "eu/reserved"
    told = run("gateway", "explain", raw.headers["x-request-id"], "--state", state)
    assert "eu/reserved: this is where the choice would have sent it" in told.output
