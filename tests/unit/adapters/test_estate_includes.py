"""Estates of several files, and the table of round trips beside them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from offtake.adapters.estate_yaml import Loaded, Problem, Problems, load_estate, load_estate_text
from offtake.adapters.estate_yaml.joining import MAXIMUM_FILES

MAIN = "offtake: 1\nhorizon: {from: 2026-01-01, until: 2027-01-01}\n"


def write(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "main.yaml"


def loaded(path: Path) -> Loaded:
    found = load_estate(path)
    assert isinstance(found, Loaded), found
    return found


def only(path: Path) -> Problem:
    found = load_estate(path)
    assert isinstance(found, Problems), found
    (problem,) = found.problems
    return problem


def test_sections_are_joined_and_lists_appended(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main=MAIN + "include: [parts/one.yaml, two.yaml]\nparties: {a: {}}\n",
        parts__one="include: [deeper/three.yaml]\nparties: {b: {}}\n",
        parts__deeper__three="parties: {c: {}}\nregions: {r: {jurisdiction: DE}}\n",
        two="offtake: 1\nparties: {d: {}}\n",
    )
    found = loaded(main)
    assert list(found.estate.parties) == ["a", "b", "c", "d"]
    assert found.estate.regions["r"].jurisdiction == "DE"
    assert set(found.files) == {"main.yaml", "parts/one.yaml", "parts/deeper/three.yaml", "two.yaml"}
    place = found.positions.key(("parties", "c"))
    assert (place.file, place.line) == ("parts/deeper/three.yaml", 1)


def test_an_id_in_two_files_names_both(tmp_path: Path) -> None:
    main = write(
        tmp_path, main=MAIN + "include: [two.yaml]\nparties:\n  a: {}\n", two="parties:\n\n  a: {}\n"
    )
    problem = only(main)
    assert (problem.code, problem.file, problem.line) == ("duplicate-key", "two.yaml", 3)
    assert "main.yaml, line 5" in problem.message


def test_two_horizons_are_refused(tmp_path: Path) -> None:
    main = write(
        tmp_path, main=MAIN + "include: [two.yaml]\n", two="horizon: {from: 2030-01-01, until: 2031-01-01}\n"
    )
    assert only(main).code == "duplicate-key"


@pytest.mark.parametrize(
    "inside", ["../outside.yaml", "/etc/hostname", "parts/../../outside.yaml", "a\\b.yaml"]
)
def test_nothing_outside_the_folder_is_read(tmp_path: Path, inside: str) -> None:
    folder = tmp_path / "estate"
    folder.mkdir()
    (tmp_path / "outside.yaml").write_text("parties: {secret: {}}\n")
    problem = only(write(folder, main=MAIN + f"include: ['{inside}']\n"))
    assert problem.code in ("file", "file-outside")
    assert problem.line == 3


def test_a_link_that_leads_outside_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "estate"
    folder.mkdir()
    (tmp_path / "outside.yaml").write_text("parties: {secret: {}}\n")
    (folder / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (folder / "linked").symlink_to(tmp_path)
    assert only(write(folder, main=MAIN + "include: [link.yaml]\n")).code == "file-outside"
    assert only(write(folder, main=MAIN + "include: [linked/outside.yaml]\n")).code == "file-outside"


def test_files_in_a_circle_are_refused(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main=MAIN + "include: [one.yaml]\n",
        one="include: [two.yaml]\n",
        two="include: [one.yaml]\n",
    )
    problem = only(main)
    assert (problem.code, problem.file) == ("include-cycle", "two.yaml")
    assert "one.yaml → two.yaml → one.yaml" in problem.message


def test_a_file_that_includes_itself_is_refused(tmp_path: Path) -> None:
    assert only(write(tmp_path, main=MAIN + "include: [main.yaml]\n")).code == "include-cycle"


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    names = [f"f{n}.yaml" for n in range(MAXIMUM_FILES + 3)]
    for name in names:
        (tmp_path / name).write_text("name:\n")
    found = load_estate(write(tmp_path, main=MAIN + f"include: [{', '.join(names)}]\n"))
    assert isinstance(found, Problems)
    assert {problem.code for problem in found.problems} == {"too-many-files"}


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    found = load_estate(write(tmp_path, main=MAIN + "include: [none.yaml, folder]\nfor: nobody\n"))
    assert isinstance(found, Problems)
    assert [problem.code for problem in found.problems] == [
        "file-missing",
        "file",
    ]  # And no id that seems to dangle.


def test_the_main_file_itself_may_be_missing(tmp_path: Path) -> None:
    assert only(tmp_path / "none.yaml").code == "file-missing"
    assert only(tmp_path).code == "file"


def test_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    found = load_estate(
        write(
            tmp_path,
            main=MAIN + "include: [one.yaml, two.yaml]\nnme: x\n",
            one="sites: {a: {}}\n",
            two="a: [\n",
        )
    )
    assert isinstance(found, Problems)
    assert {problem.file for problem in found.problems} == {"main.yaml", "one.yaml", "two.yaml"}


def test_the_digest_follows_the_content_alone(tmp_path: Path) -> None:
    main = write(tmp_path, main=MAIN + "include: [two.yaml]\n", two="parties: {a: {}}\n")
    first = loaded(main).digest
    assert loaded(main).digest == first
    (tmp_path / "two.yaml").write_text("parties: {b: {}}\n")
    assert loaded(main).digest != first


TABLE = MAIN + "regions: {a: {jurisdiction: DE, name: Region A}, b: {jurisdiction: US}}\n"


def test_a_table_of_round_trips_is_added_by_id_and_by_name(tmp_path: Path) -> None:
    (tmp_path / "rtt.csv").write_text(
        "Source,Region A,b,elsewhere\nRegion A,,95.5,1\nb,96,,\nelsewhere,1,1,1\n"
    )
    main = write(tmp_path, main=TABLE + "latency:\n  file: rtt.csv\n  pairs: {a: {a: 2 ms}}\n")
    found = loaded(main)
    pairs = {
        (c, s): figure.amount for c, row in found.estate.latency.pairs.items() for s, figure in row.items()
    }
    assert pairs == {("a", "a"): Decimal(2), ("a", "b"): Decimal("95.5"), ("b", "a"): Decimal(96)}
    assert found.positions.value(("latency", "pairs", "b", "a")).file == "rtt.csv"


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        ("client\n", "latency-table", 1),
        ("client,a\nb,1,2\n", "latency-table", 2),
        ("client,a,a\nb,1,2\n", "latency-table", 1),
        ("client,a\nb,soon\n", "quantity", 2),
        ("client,a\nb,-1\n", "quantity", 2),
        ("client,a\nb,\0\n", "binary", 2),
    ],
)
def test_a_broken_table_says_where(tmp_path: Path, content: str, code: str, line: int) -> None:
    (tmp_path / "rtt.csv").write_text(content)
    problem = only(write(tmp_path, main=TABLE + "latency: {file: rtt.csv}\n"))
    assert (problem.code, problem.file, problem.line) == (code, "rtt.csv", line)


def test_an_estate_sent_as_text_reads_no_file() -> None:
    found = load_estate_text(MAIN + "include: [etc.yaml]\n")
    assert isinstance(found, Problems)
    assert found.problems[0].code == "file"
