"""The totals of a file's bookings, of which another desk may have some."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pandapon_async._cli.standing import Standing
from pandapon_async._cli.words import Words
from pandapon_async._jobs.outcome import JobOutcome
from tests.files.test_comparing import row, usd


def told(standing: Standing) -> list[tuple[str, str]]:
    return [line for line in standing.lines((), 1.0) if line[0] in ("Booked", "Fees", "", "Unclear")]


def standing_after(*outcomes: JobOutcome[Any]) -> Standing:
    standing = Standing(Words(), states=Counter(done=1))
    for outcome in outcomes:
        standing.add(outcome)
    return standing


MINE: JobOutcome[Any] = JobOutcome(index=0, reference="a", state="done", recorded="done", fee=usd("2.00"))
ELSEWHERE: JobOutcome[Any] = JobOutcome(index=1, reference="b", state="skipped", recorded="sent")


def test_what_another_desk_had_under_way_and_has_booked_since_is_not_told_as_booked_by_this_run():
    standing = standing_after(MINE, ELSEWHERE)
    standing.count_late(ELSEWHERE, row("b", fee=usd("3.00")))
    assert told(standing) == [
        ("Booked", "2, 1 of them by other runs"),
        ("Unclear", "0"),
        ("Fees", "2.00 USD"),
        ("", "3.00 USD by other runs"),
    ]


def test_what_another_desk_still_has_under_way_counts_as_unclear():
    standing = standing_after(MINE, ELSEWHERE)
    standing.count_late(ELSEWHERE, row("b", "sent"))
    assert told(standing)[:2] == [("Booked", "1"), ("Unclear", "1, 1 of them by other runs")]


def test_what_was_written_down_late_is_booked_by_this_run():
    late: JobOutcome[Any] = JobOutcome(index=1, reference="b", state="done", recorded="sent", fee=usd("3.00"))
    standing = standing_after(MINE, late)
    standing.count_late(late, row("b", fee=usd("3.00")))
    assert told(standing)[:3] == [("Booked", "2"), ("Unclear", "0"), ("Fees", "5.00 USD")]
