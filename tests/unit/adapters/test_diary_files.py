"""Diaries as iCalendar and CSV: read back they say the same, and the same diary gives the same bytes."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from icalendar import Calendar

from offtake.adapters.diary_files import as_csv, as_icalendar, uid_of, write_diary
from offtake.domain.errors import InvalidInput, StorageFailure
from offtake.law.diary import DiaryEntry

STAMP = date(2026, 1, 2)
LONG = "was können wir tun, wenn; das Ende naht, und niemand – wirklich niemand – antwortet? " * 5
ENTRIES = (
    DiaryEntry(
        "notice/a", date(2026, 3, 1), date(2026, 2, 27), "notice", "a.b", LONG, ("us", "them"), 123_456, "so"
    ),
    DiaryEntry("expiry/a", date(2026, 12, 31), date(2026, 12, 31), "expiry", "=cmd()", "it ends", ()),
)


def ical() -> bytes:
    return as_icalendar(ENTRIES, name="Estate; one, two", currency="EUR", stamp=STAMP)


def test_a_calendar_reads_back_as_what_was_written() -> None:
    read = Calendar.from_ical(ical())
    assert str(read["X-WR-CALNAME"]) == "Estate; one, two"
    events = read.walk("VEVENT")
    assert [event.decoded("DTSTART") for event in events] == [entry.on for entry in ENTRIES]
    assert [event.decoded("DTEND") for event in events] == [entry.on + timedelta(days=1) for entry in ENTRIES]
    assert {event.decoded("DTSTAMP") for event in events} == {datetime(2026, 1, 2, tzinfo=UTC)}
    assert [str(event["UID"]) for event in events] == [uid_of("Estate; one, two", entry) for entry in ENTRIES]
    assert LONG[1:].strip() in str(events[0]["DESCRIPTION"])
    assert "At stake: EUR 1,234.56 (so)." in str(events[0]["DESCRIPTION"])


def test_lines_are_folded_at_75_octets_and_end_as_the_standard_asks() -> None:
    content = ical()
    assert content.endswith(b"END:VCALENDAR\r\n")
    lines = content.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert not [line for line in lines if b"\n" in line or b"\r" in line]


def test_only_what_must_be_done_reminds() -> None:
    notice, expiry = Calendar.from_ical(ical()).walk("VEVENT")
    assert [alarm.decoded("TRIGGER") for alarm in notice.walk("VALARM")] == [timedelta(days=-14)]
    assert expiry.walk("VALARM") == []


def test_the_same_diary_gives_the_same_bytes() -> None:
    assert ical() == ical()


def test_a_table_reads_back_and_no_cell_is_a_formula() -> None:
    first, second = csv.DictReader(io.StringIO(as_csv(ENTRIES, "EUR").decode()))
    assert (first["on"], first["act_by"], first["at_stake"], first["currency"]) == (
        "2026-03-01",
        "2026-02-27",
        "1234.56",
        "EUR",
    )
    assert first["what"] == LONG
    assert (second["subject"], second["at_stake"], second["currency"]) == ("'=cmd()", "", "")


def test_another_ending_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="neither"):
        write_diary(ENTRIES, tmp_path / "out.pdf", name="x", currency="EUR", stamp=STAMP)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "out.ics").mkdir()
    with pytest.raises(StorageFailure, match="could not be written"):
        write_diary(ENTRIES, tmp_path / "out.ics", name="x", currency="EUR", stamp=STAMP)
    assert [path.name for path in tmp_path.iterdir()] == ["out.ics"]
