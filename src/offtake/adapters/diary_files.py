"""A diary as files for others: iCalendar (RFC 5545) and CSV. The same diary gives the same bytes."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from offtake.adapters.whole_files import write_whole
from offtake.domain.errors import InvalidInput, StorageFailure
from offtake.law.diary import DiaryEntry

REMIND_BEFORE: Final = timedelta(days=14)  # For what somebody must do, and not only know.
REMINDED: Final = ("notice", "response", "renewal", "true-up")
COLUMNS: Final = (
    "on",
    "act_by",
    "kind",
    "subject",
    "what",
    "parties",
    "at_stake",
    "currency",
    "basis",
    "document",
    "section",
    "key",
)


def write_diary(entries: Sequence[DiaryEntry], path: Path, *, name: str, currency: str, stamp: date) -> None:
    """Writes a diary as what the file's ending says, `.ics` or `.csv`; the file appears whole or not at all.

    Raises InvalidInput for another ending, StorageFailure if it cannot be written.
    """
    ending = path.suffix.lower()
    if ending == ".ics":
        content = as_icalendar(entries, name=name, currency=currency, stamp=stamp)
    elif ending == ".csv":
        content = as_csv(entries, currency)
    else:
        raise InvalidInput(
            f"`{path.name}` is neither a calendar nor a table",
            hint="give --out a name that ends in .ics or .csv",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise StorageFailure(
            f"the calendar could not be written to `{path}`: {error.strerror}",
            hint="choose another file with --out",
        ) from None


def as_csv(entries: Sequence[DiaryEntry], currency: str) -> bytes:
    """Comma-separated rows under a header, amounts in whole units of money with cents. A cell that a spreadsheet would
    take for a formula gets an apostrophe before it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in entries:
        amount = "" if one.at_stake_cents is None else f"{one.at_stake_cents / 100:.2f}"
        row = (one.kind, one.subject, one.what, "; ".join(one.parties))
        places = (one.basis, one.document or "", one.section or "", one.key)
        money = (amount, currency if amount else "")
        writer.writerow(
            [
                one.on.isoformat(),
                one.act_by.isoformat(),
                *map(_harmless, row),
                *money,
                *map(_harmless, places),
            ]
        )
    return text.getvalue().encode()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def as_icalendar(entries: Sequence[DiaryEntry], *, name: str, currency: str, stamp: date) -> bytes:
    """An iCalendar file of all-day events, with a reminder before what somebody must do.

    An event's UID is made of the estate's name and the entry's key, so that a calendar which has it already moves it
    instead of adding another. DTSTAMP is `stamp`, for a file that depended on the clock would never be the same twice.
    """
    from icalendar import Alarm, Calendar, Event

    calendar = Calendar()
    calendar.add("prodid", "-//offtake//calendar of agreements//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    for one in entries:
        event = Event()
        event.add("uid", uid_of(name, one))
        event.add("dtstamp", datetime(stamp.year, stamp.month, stamp.day, tzinfo=UTC))
        event.add("dtstart", one.on)
        event.add("dtend", one.on + timedelta(days=1))
        event.add("summary", f"{one.kind}: {one.subject}")
        event.add("description", _described(one, currency))
        event.add("categories", [one.kind])
        event.add("transp", "TRANSPARENT")  # It takes nobody's time.
        if one.kind in REMINDED:
            alarm = Alarm()
            alarm.add("action", "DISPLAY")
            alarm.add("description", f"{one.kind}: {one.subject}")
            alarm.add("trigger", -REMIND_BEFORE)
            event.add_component(alarm)
        calendar.add_component(event)
    return calendar.to_ical()


def uid_of(name: str, entry: DiaryEntry) -> str:
    """The event's identity: the same for the same thing in the same estate, whatever its day."""
    digest = hashlib.sha256(f"{name}\n{entry.key}".encode()).hexdigest()
    return f"{digest[:32]}@offtake"


def _described(one: DiaryEntry, currency: str) -> str:
    lines = [f"{one.what[:1].upper()}{one.what[1:]}."]
    if one.at_stake_cents is not None:
        lines.append(f"At stake: {currency} {one.at_stake_cents / 100:,.2f} ({one.basis}).")
    if one.act_by != one.on:
        lines.append(f"The last business day before is {one.act_by.isoformat()}.")
    if one.parties:
        lines.append(f"Between: {', '.join(one.parties)}.")
    place = ", ".join(part for part in (one.document, one.section) if part)
    if place:
        lines.append(f"Where it is written: {place}.")
    return "\n".join(lines)
