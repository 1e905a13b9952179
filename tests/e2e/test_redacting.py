"""`offtake plan --redact`: what is withheld is in no byte of any file, nor on the terminal."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from typer.testing import CliRunner

from offtake.adapters.plan_files import plan_json
from offtake.adapters.report.writing import report_files
from offtake.adapters.workbook import workbook
from offtake.domain.redaction import AmountsOut, redacted
from offtake.entrypoints.cli.app import app
from reported import reported

COMPANY = Path("examples/company/estate.yaml").resolve()
NAMES = ("alpha", "beta", "gamma")
PARTNERS = (
    *(
        "OpenAI",
        "Microsoft",
        "Stargate",
        "SoftBank",
        "MGX",
        "Oracle",
        "CoreWeave",
        "Amazon",
        "AWS",
        "Cerebras",
    ),
    *("NVIDIA", "AMD", "Broadcom", "G42", "Aker", "Nscale", "Azure", "Khazna", "ChatGPT"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    found: dict[str, tuple[Path, str]] = {}
    for profile in ("both", "parties"):
        folder = tmp_path_factory.mktemp(profile)
        result = CliRunner().invoke(
            app, ["plan", str(COMPANY), "--quick", "--out", str(folder), "--redact", profile]
        )
        assert result.exit_code == 0, result.output
        found[profile] = folder, result.output
    return found


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Everything that the files say: archives opened, columns read, streams inflated."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if not name.startswith(
                        "xl/theme/"
                    ):  # The same in every workbook; it speaks of alpha channels.
                        # References such as $A$2 are no amounts of dollars.
                        yield f"{path.name}!{name}", re.sub(r"\$(?=[A-Z\d])", "", archive.read(name).decode())
        elif path.suffix == ".parquet":
            yield path.name, str(parquet.read_table(path).to_pylist())
        elif path.suffix == ".pdf":
            for n, stream in enumerate(
                re.findall(rb"stream\r?\n(.*?)\r?\nendstream", path.read_bytes(), re.DOTALL)
            ):
                yield f"{path.name}!{n}", zlib.decompress(stream).decode("latin-1")
        if path.is_file():
            yield path.name, path.read_bytes().decode("latin-1")
        yield "names of files", path.name


def test_no_party_is_named_anywhere(made: dict[str, tuple[Path, str]]):
    for folder, said in made.values():
        for where, text in (*texts(folder), ("terminal", said)):
            for name in NAMES:
                assert not re.search(rf"{name}(?!betic)", text, re.IGNORECASE), (where, name)


def test_no_amount_of_money_is_stated_anywhere(made: dict[str, tuple[Path, str]]):
    one = reported("company")
    money = AmountsOut.of(one.estate).pattern
    cents = {abs(row.amount_cents) for row in one.plan.spend} | {one.plan.cost_cents}
    numbers = {str(n) for n in cents if n >= 100_000} | {f"{n / 100:.2f}" for n in cents if n >= 100_000}
    folder, said = made["both"]
    for where, text in (*texts(folder), ("terminal", said)):
        if not where.endswith((".png", ".pdf", ".parquet", ".xlsx")):
            assert not money.search(text), (where, money.search(text))
        assert not numbers & set(re.findall(r"\d+(?:\.\d+)?", text)), where


def test_partners_of_the_builder_are_named_nowhere():
    one = reported("stargate")
    plan, estate, extras = redacted(one.plan, one.estate, one.extras, "both", ["ChatGPT"])
    files = {**report_files(plan, estate, extras, pictures=False), "plan.json": plan_json(plan).encode()}
    files.pop("memo.pdf")  # Its sentences are those of memo.md.
    with zipfile.ZipFile(io.BytesIO(workbook(plan, estate, extras))) as archive:
        sheets = [name for name in archive.namelist() if name.startswith(("xl/worksheets/", "xl/comments/"))]
        files |= {name: re.sub(rb' r="[A-Z]+\d+"', b"", archive.read(name)) for name in sheets}
    assert len(sheets) > 20
    money = AmountsOut.of(one.estate).pattern
    for where, content in files.items():
        text = content.decode()
        for name in PARTNERS:
            assert not re.search(rf"(?<![A-Za-z]){name}", text, re.IGNORECASE), (where, name)
        assert not money.search(text.replace("$", "")), where


def test_every_output_says_what_is_withheld(made: dict[str, tuple[Path, str]]):
    folder, _ = made["both"]
    page = (folder / "report.html").read_text()
    assert "prices withheld" in page
    assert "names withheld" in page
    assert '"redacted": [\n  "prices",\n  "parties"\n ]' in (folder / "plan.json").read_text()
    assert "prices withheld; names withheld" in (folder / "memo.md").read_text()


def test_words_to_take_out_need_a_profile():
    result = CliRunner().invoke(app, ["plan", str(COMPANY), "--redact-word", "Atlas"])
    assert result.exit_code == 2
    assert "--redact-word goes with --redact" in result.output
