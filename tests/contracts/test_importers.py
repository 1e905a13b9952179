"""What every importer must do: account for each row, change nothing twice, and leave nothing half done."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from offtake.adapters.estate_yaml import Loaded, load_estate
from offtake.adapters.focus.columns import NEEDED_OF_CHARGES
from offtake.adapters.highs import HighsSolver
from offtake.adapters.starters import starter
from offtake.bootstrap.importing import Imported, ImportRequest, run_import
from offtake.domain.errors import Conflict, InvalidInput
from offtake.domain.handoffs import CapacityPlan
from offtake.law.compile import compile_law
from offtake.planner.planning import Question, plan
from offtake.planner.reading import position_of

MILLION = 1_000_000
Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Sample:
    """A small good CSV of a kind: every row of it is taken."""

    kind: str
    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    needed: tuple[str, ...]  # Columns without which the file is refused.
    a_text: str  # A column of text that is read, and one of numbers.
    a_number: str
    mapped: Mapping[str, str] = field(default_factory=dict[str, str])
    signed: bool = False  # Numbers may be below zero.

    def csv(self, rows: Rows | None = None, header: Sequence[str] | None = None) -> str:
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([header or self.header, *(rows or self.rows)])
        return out.getvalue()

    def with_cell(self, column: str, cell: str) -> str:
        """The file with one cell of its first row replaced."""
        place = self.header.index(column)
        first = (*self.rows[0][:place], cell, *self.rows[0][place + 1 :])
        return self.csv((first, *self.rows[1:]))

    def without(self, column: str) -> str:
        place = self.header.index(column)
        rows = [(*row[:place], *row[place + 1 :]) for row in self.rows]
        return self.csv(rows, [name for name in self.header if name != column])


SKYPILOT = Sample(
    "skypilot-catalog",
    "aws.csv",
    tuple(
        "InstanceType AcceleratorName AcceleratorCount vCPUs MemoryGiB Price Region GpuInfo SpotPrice".split()
    ),
    (
        ("p5.48xlarge", "H100", "8", "192", "2048", "98.32", "us-east-1", "", "30"),
        ("g5.xlarge", "A10G", "1", "4", "16", "1.006", "eu-central-1", "", ""),
    ),
    ("InstanceType", "AcceleratorName", "AcceleratorCount", "Price", "Region"),
    "InstanceType",
    "Price",
)
TIMELINE = Sample(
    "epoch",
    "timelines.csv",
    ("Date", "Data center", "Construction status", "Power (MW)"),
    (
        ("2025-06-28", "Stargate Abilene Texas", "Building 1", "147"),
        ("2025-09-26", "Stargate Abilene Texas", "Building 2", "295"),
    ),
    ("Date", "Power (MW)"),
    "Data center",
    "Power (MW)",
)
HARDWARE = Sample(
    "epoch",
    "hardware.csv",
    ("Hardware name", "Manufacturer", "FP8 performance (FLOP/s)", "Memory (bytes)", "TDP (W)"),
    (("NVIDIA H100 SXM5", "NVIDIA", "1.978e15", "80000000000", "700"), ("TPU v5e", "Google", "", "16e9", "")),
    ("Manufacturer", "Memory (bytes)", "TDP (W)"),
    "Hardware name",
    "TDP (W)",
)
LATENCY = Sample(
    "latency",
    "round-trips.csv",
    ("Source", "France Central", "Sweden Central"),
    (("France Central", "2", "40"), ("Sweden Central", "41", "")),
    (),
    "Source",
    "Sweden Central",
    {"France Central": "eu-west", "Sweden Central": "eu-north"},
)
FOCUS = Sample(
    "focus",
    "bill.csv",
    (*NEEDED_OF_CHARGES, "ServiceProviderName", "ServiceName", "SkuId", "PricingQuantity", "PricingUnit"),
    (
        (
            "20.5",
            "EUR",
            "2026-01-01T00:00:00Z",
            "2026-02-01T00:00:00Z",
            "Usage",
            "2026-01-03T00:00:00Z",
            "2026-01-04T00:00:00Z",
            "east",
            "Models",
            "metered-east",
            "10.25",
            "1M Tokens",
        ),
        (
            "6",
            "EUR",
            "2026-01-01",
            "2026-02-01",
            "Purchase",
            "2026-01-01",
            "2026-02-01",
            "north",
            "Models",
            "reserved",
            "1",
            "PTU-Hours",
        ),
    ),
    NEEDED_OF_CHARGES,
    "ServiceName",
    "PricingQuantity",
    signed=True,
)
CSVS = [SKYPILOT, TIMELINE, HARDWARE, LATENCY, FOCUS]

LITELLM = """
model_list:
  - model_name: chat
    litellm_params:
      model: azure/gpt-eu
      api_key: os.environ/AZURE_API_KEY
      input_cost_per_token: 2.5e-06
      output_cost_per_token: 0.00001
    model_info: {region: westeurope}
"""


@dataclass(frozen=True)
class Given:
    """An estate in a folder of its own, and files beside that folder."""

    folder: Path

    @property
    def estate(self) -> Path:
        return self.folder / "estate" / "estate.yaml"

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def bring(self, sample: Sample, content: str | bytes | None = None, *, dry_run: bool = False) -> Imported:
        file = self.file(sample.name, sample.csv() if content is None else content)
        request = ImportRequest(sample.kind, file, self.estate, mapped=sample.mapped, dry_run=dry_run)
        return run_import(request)

    def tree(self) -> dict[str, bytes]:
        """Every file of the estate's folder."""
        root = self.estate.parent
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def given(tmp_path: Path) -> Given:
    found = Given(tmp_path)
    found.estate.parent.mkdir()
    found.estate.write_text(starter("company", "Acme"), encoding="utf-8")
    return found


every_csv = pytest.mark.parametrize("sample", CSVS, ids=lambda sample: sample.name)


def planned(path: Path) -> CapacityPlan:
    loaded = load_estate(path)
    assert isinstance(loaded, Loaded), loaded.problems
    estate = loaded.estate
    answer = plan(Question(estate, compile_law(estate), position_of(estate), loaded.digest), HighsSolver())
    assert isinstance(answer, CapacityPlan)
    return answer


@every_csv
def test_every_row_is_taken_and_the_estate_still_plans(given: Given, sample: Sample) -> None:
    before = given.estate.read_text()
    done = given.bring(sample)
    assert not done.refused
    assert (done.account.used + done.account.changed, done.account.left_out) == (len(sample.rows), 0)
    assert done.account.added
    target = f"imported/{sample.kind}.yaml"
    assert given.estate.read_text() == before.replace("offtake: 1\n", f"offtake: 1\ninclude: [{target}]\n")
    planned(given.estate)


@every_csv
def test_a_second_import_changes_nothing_and_says_so(given: Given, sample: Sample) -> None:
    first = given.bring(sample).account
    tree = given.tree()
    again = given.bring(sample).account
    assert given.tree() == tree
    assert (again.added, again.altered, again.removed, again.wrote) == ((), (), (), ())
    assert again.entries_kept == len(first.added)


@every_csv
def test_a_dry_run_tells_the_same_and_writes_nothing(given: Given, sample: Sample) -> None:
    tree = given.tree()
    told = given.bring(sample, dry_run=True).account
    assert given.tree() == tree
    assert told.wrote == ()
    assert given.bring(sample).account.model_copy(update={"wrote": ()}) == told


@every_csv
def test_a_row_that_is_gone_takes_its_entries_along(given: Given, sample: Sample) -> None:
    given.bring(sample)
    done = given.bring(sample, sample.csv(sample.rows[:1]))
    assert done.account.removed or done.account.altered
    assert done.account.wrote == (str(given.estate.parent / "imported" / f"{sample.kind}.yaml"),)


@every_csv
def test_a_byte_order_mark_does_not_matter(given: Given, sample: Sample) -> None:
    told = given.bring(sample, dry_run=True).account
    assert given.bring(sample, b"\xef\xbb\xbf" + sample.csv().encode(), dry_run=True).account == told


@every_csv
def test_semicolons_and_windows_lines_are_read(given: Given, sample: Sample) -> None:
    told = given.bring(sample, dry_run=True).account
    other = sample.csv().replace(",", ";").replace("\n", "\r\n")
    assert given.bring(sample, other, dry_run=True).account == told


BROKEN = {
    "empty": (b"", "is empty"),
    "blank": (b"\n\n  \n", "is empty"),
    "utf-16": ("a,b\n1,2\n".encode("utf-16"), "is UTF-16"),
    "binary": (bytes(range(256)) * 40, "is not"),
    "zip": (b"PK\x03\x04" + b"\0" * 90, "is an archive"),
    "gzip": (b"\x1f\x8b\x08" + b"\0" * 90, "is compressed"),
    "one column": (b"colour\nred\n", ""),
    "parquet in name only": (b"PAR1" + b"\0" * 90, "cannot be read"),
}


@every_csv
@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_no_such_file_is_refused_and_nothing_is_written(
    given: Given, sample: Sample, broken: str
) -> None:
    tree = given.tree()
    content, says = BROKEN[broken]
    with pytest.raises(InvalidInput) as refused:
        given.bring(sample, content)
    assert says in refused.value.message
    assert given.tree() == tree


def test_a_matrix_without_a_region_of_the_estate_is_not_written(given: Given) -> None:
    tree = given.tree()
    done = given.bring(LATENCY, "colour,taste\nred,sweet\n")
    assert (done.account.rows, done.account.left_out) == (1, 1)
    assert given.tree() == tree


@every_csv
def test_windows_1252_is_refused_with_its_line(given: Given, sample: Sample) -> None:
    tree = given.tree()
    content = sample.with_cell(sample.a_text, "Köln").encode("cp1252")
    with pytest.raises(InvalidInput, match="not UTF-8 from line 2 on"):
        given.bring(sample, content)
    assert given.tree() == tree


@pytest.mark.parametrize(
    ("sample", "column"), [(sample, column) for sample in CSVS for column in sample.needed], ids=str
)
def test_a_missing_column_is_named(given: Given, sample: Sample, column: str) -> None:
    tree = given.tree()
    with pytest.raises(InvalidInput) as refused:
        given.bring(sample, sample.without(column))
    assert f"`{column}`" in refused.value.message
    assert given.tree() == tree


FORMULAS = ("=1+1", "=HYPERLINK(A1)", "@SUM(1)", "+cmd|' /C calc'!A0", "-2+3")


@every_csv
@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_is_left_out_with_its_row(given: Given, sample: Sample, formula: str) -> None:
    for column in (sample.a_text, sample.a_number):
        done = given.bring(sample, sample.with_cell(column, formula), dry_run=True)
        [line] = [line for line in done.account.lines if line.outcome == "left out"]
        assert (line.rows, line.which) == (1, "2")
        assert done.account.rows == len(sample.rows)


@every_csv
def test_words_for_numbers_are_left_out(given: Given, sample: Sample) -> None:
    for cell in ("12,5", "many", "1e400", "0x10", *(() if sample.signed else ("-3",))):
        done = given.bring(sample, sample.with_cell(sample.a_number, cell), dry_run=True)
        assert done.account.left_out == 1, cell


@every_csv
def test_a_repeated_row_is_counted_and_left_out(given: Given, sample: Sample) -> None:
    done = given.bring(sample, sample.csv((*sample.rows, *sample.rows)))
    assert done.account.rows == 2 * len(sample.rows)
    assert done.account.left_out == len(sample.rows)
    whole = load_estate(given.estate)
    assert isinstance(whole, Loaded)


@every_csv
def test_rows_longer_than_the_header_stop_the_import(given: Given, sample: Sample) -> None:
    tree = given.tree()
    with pytest.raises(InvalidInput, match="row 4"):
        given.bring(sample, sample.csv() + ",".join("1" * (len(sample.header) + 1)) + "\n")
    assert given.tree() == tree


@every_csv
def test_an_open_quote_stops_the_import(given: Given, sample: Sample) -> None:
    tree = given.tree()
    with pytest.raises(InvalidInput):
        given.bring(sample, sample.csv() + '"never closed\n')
    assert given.tree() == tree


COUNTED = """
import sys
from pathlib import Path
from offtake.bootstrap.importing import ImportRequest, run_import
kind, file, estate = sys.argv[1:4]
done = run_import(ImportRequest(kind, Path(file), Path(estate), dry_run=True))
# getrusage would count what the parent had when it forked; the high-water mark of this program alone is here.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
peak_mib = int(status["VmHWM"].split()[0]) / 1024
print(done.account.rows, done.account.left_out, round(peak_mib))
"""


@pytest.mark.parametrize("sample", [SKYPILOT, LATENCY, FOCUS], ids=lambda sample: sample.name)
def test_a_million_rows_are_counted_in_little_memory(given: Given, sample: Sample) -> None:
    head, first, *_ = sample.csv().splitlines(keepends=True)
    file = given.folder / sample.name
    with file.open("w") as stream:
        stream.write(head)
        for _ in range(1000):
            stream.write(first * (MILLION // 1000))
    ran = subprocess.run(
        [sys.executable, "-c", COUNTED, sample.kind, file, given.estate],
        capture_output=True,
        text=True,
        check=True,
    )
    rows, left_out, peak_mib = map(int, ran.stdout.split())
    assert rows == MILLION
    assert left_out >= MILLION - 1
    assert peak_mib < 300


@pytest.mark.parametrize("sample", [TIMELINE, HARDWARE], ids=lambda sample: sample.name)
def test_small_kinds_refuse_a_million_rows(given: Given, sample: Sample) -> None:
    head, first, *_ = sample.csv().splitlines(keepends=True)
    with pytest.raises(InvalidInput, match="more than 100,000 rows"):
        given.bring(sample, head + first * 100_001)


@pytest.mark.parametrize(
    "day", ["2025-06-28", "2025/06/28", "28.06.2025", "28-Jun-2025", "28 June 2025", "June 28, 2025"]
)
def test_days_in_several_styles_are_the_same_day(given: Given, day: str) -> None:
    given.bring(TIMELINE)
    done = given.bring(TIMELINE, TIMELINE.with_cell("Date", day))
    assert done.account.entries_kept == 2


def test_a_day_that_may_be_two_is_left_out_unless_the_file_settles_it(given: Given) -> None:
    done = given.bring(TIMELINE, TIMELINE.with_cell("Date", "6/7/2025"), dry_run=True)
    assert [line.reason for line in done.account.lines if line.outcome == "left out"] == [
        "`Date` may be two days: the month may stand first or second; write 2026-01-31"
    ]
    rows = (
        ("6/7/2025", "Stargate Abilene Texas", "", "147"),
        ("9/26/2025", "Stargate Abilene Texas", "", "295"),
    )
    assert given.bring(TIMELINE, TIMELINE.csv(rows)).account.used == 2
    assert b"147 MW from 2025-06-07" in given.tree()["imported/epoch.yaml"]


@every_csv
def test_an_estate_that_would_have_errors_is_not_written(given: Given, sample: Sample) -> None:
    given.estate.write_text(
        given.estate.read_text().replace("provider: east, region: eu-west", "provider: east")
    )
    tree = given.tree()
    if sample is FOCUS:  # A bill is read against the estate's agreements.
        with pytest.raises(InvalidInput, match="the estate has errors"):
            given.bring(sample)
    else:
        done = given.bring(sample)
        assert done.refused
        assert any(problem.severity == "error" for problem in done.problems)
    assert given.tree() == tree


@every_csv
def test_what_was_changed_by_hand_is_not_written_over(given: Given, sample: Sample) -> None:
    given.bring(sample)
    written = given.estate.parent / "imported" / f"{sample.kind}.yaml"
    written.write_text(written.read_text() + "# mine\n")
    tree = given.tree()
    with pytest.raises(Conflict, match="changed by hand"):
        given.bring(sample)
    assert given.tree() == tree


def test_litellm_configs_become_deployments_and_a_second_import_changes_nothing(given: Given) -> None:
    file = given.file("config.yaml", LITELLM)
    request = ImportRequest("litellm", file, given.estate)
    done = run_import(request)
    assert (done.account.used, done.account.left_out) == (1, 0)
    assert "deployments.chat-azure-westeurope" in done.account.added
    tree = given.tree()
    assert run_import(request).account.entries_kept == len(done.account.added)
    assert given.tree() == tree
    planned(given.estate)


@pytest.mark.parametrize("content", [content for content, _ in BROKEN.values()], ids=list(BROKEN))
def test_what_is_no_litellm_config_is_refused(given: Given, content: bytes) -> None:
    tree = given.tree()
    with pytest.raises(InvalidInput):
        run_import(ImportRequest("litellm", given.file("config.yaml", content), given.estate))
    assert given.tree() == tree


CELLS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20),
    st.sampled_from(
        "NULL =1+1 1e9 -1 0 2026-01-01 1/2/2026 null true ~ NO {'a':[} us-east-1 H100 EUR Usage".split()
    ),
    st.sampled_from(
        ["", "x" * 300, "1M Tokens", '{"Elements": []}', "Abilene Texas", "\u2028", "é", "😀", "a: b"]
    ),
)


@every_csv
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@drawn(data=st.data())
def test_whatever_stands_in_cells_is_accounted_for(given: Given, sample: Sample, data: st.DataObject) -> None:
    rows = [
        tuple(data.draw(st.one_of(st.just(cell), CELLS)) for cell in data.draw(st.sampled_from(sample.rows)))
        for _ in range(data.draw(st.integers(1, 4)))
    ]
    done = given.bring(sample, sample.csv(rows), dry_run=True)
    assert done.account.rows == sum(any(row) for row in rows)  # Blank lines are no rows.
    assert not done.refused, done.problems
