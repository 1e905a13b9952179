"""`offtake import` as a stranger uses it: what it says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from offtake.entrypoints.cli.app import app

CATALOG = (
    "InstanceType,AcceleratorName,AcceleratorCount,Price,Region\n"
    "p5.48xlarge,H100,8,98.32,us-east-1\nm5.large,,,0.1,us-east-1\n"
)


def run(*arguments: object) -> Result:
    """Runs a command; whatever a user can type ends without a traceback."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    path = tmp_path / "estate.yaml"
    assert run("new", "acme", "--out", path).exit_code == 0
    return path


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    path = tmp_path / "aws.csv"
    path.write_text(CATALOG)
    return path


def test_a_catalog_comes_in_and_the_estate_plans(estate: Path, catalog: Path) -> None:
    tried = run("import", "skypilot-catalog", catalog, "--into", estate, "--dry-run")
    assert tried.exit_code == 0
    assert "A dry run: nothing was written" in tried.output
    done = run("import", "skypilot-catalog", catalog, "--into", estate)
    assert done.exit_code == 0
    assert "2 rows read, 0 used, 1 changed, 1 left out" in done.output
    assert "the instance has no accelerator" in done.output
    again = run("import", "skypilot-catalog", catalog, "--into", estate)
    assert again.exit_code == 0
    assert "Nothing changes" in again.output
    assert run("check", estate).exit_code == 0
    assert run("plan", estate).exit_code == 0


def test_a_workbook_begins_an_estate_that_plans(tmp_path: Path) -> None:
    book, estate = tmp_path / "book.xlsx", tmp_path / "acme.yaml"
    assert run("new", "acme", "--xlsx", book).exit_code == 0
    before = book.read_bytes()
    assert run("new", "acme", "--xlsx", book).exit_code == 2
    assert book.read_bytes() == before
    tried = run("import", "xlsx", book, "--into", estate, "--dry-run")
    assert tried.exit_code == 0
    assert not estate.exists()
    assert run("import", "xlsx", book, "--into", estate).exit_code == 0
    assert run("check", estate).exit_code == 0
    assert "meets every need" in run("plan", estate).output
    assert "Nothing changes" in run("import", "xlsx", book, "--into", estate).output
    other = tmp_path / "other.xlsx"
    assert run("new", "acme", "--xlsx", other, "--like", estate).exit_code == 0
    assert (
        "Nothing changes"
        in run("import", "xlsx", other, "--into", estate, "--as", "other", "--dry-run").output
    )


def test_the_account_is_told_as_json(estate: Path, catalog: Path) -> None:
    told = json.loads(run("import", "skypilot-catalog", catalog, "--into", estate, "--json").output)
    assert (told["rows"], told["changed"], told["left_out"]) == (2, 1, 1)
    assert told["problems"] == []
    assert [line["which"] for line in told["lines"]] == ["2", "3"]


def test_no_row_used_is_a_no(estate: Path, catalog: Path) -> None:
    catalog.write_text("\n".join(CATALOG.splitlines()[::2]))
    done = run("import", "skypilot-catalog", catalog, "--into", estate)
    assert done.exit_code == 1
    assert "no row could be used" in done.output
    assert not (estate.parent / "imported").exists()


def test_an_estate_that_would_have_errors_is_a_no(estate: Path, catalog: Path) -> None:
    estate.write_text(estate.read_text().replace("USD: 0.92 EUR from 2026-01-01", ""))
    done = run("import", "skypilot-catalog", catalog, "--into", estate)
    assert done.exit_code == 1
    assert "nothing was written" in done.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("skypilot-catalog", "missing.csv", "--into", "estate.yaml"),
        ("skypilot-catalog", ".", "--into", "estate.yaml"),
        ("skypilot-catalog", "aws.csv", "--into", "missing.yaml"),
        ("skypilot-catalog", "aws.csv", "--into", "estate.yaml", "--map", "x"),
        ("skypilot-catalog", "aws.csv", "--into", "estate.yaml", "--as", "../x"),
        ("litellm", "aws.csv", "--into", "estate.yaml"),
        ("epoch", "aws.csv", "--into", "estate.yaml"),
        ("nothing", "aws.csv", "--into", "estate.yaml"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_used_is_said(
    estate: Path, catalog: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(catalog.parent)
    before = estate.read_bytes()
    assert run("import", *arguments).exit_code == 2
    assert estate.read_bytes() == before
    assert not (estate.parent / "imported").exists()


def test_a_changed_file_of_an_import_is_not_written_over(estate: Path, catalog: Path) -> None:
    run("import", "skypilot-catalog", catalog, "--into", estate)
    written = estate.parent / "imported" / "skypilot-catalog.yaml"
    written.write_text(written.read_text() + "# mine\n")
    done = run("import", "skypilot-catalog", catalog, "--into", estate)
    assert done.exit_code == 3
    assert "changed by hand" in done.output
