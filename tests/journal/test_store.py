"""The rows of a journal as a job takes, moves and reads them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import attrs
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from pandapon_async import Journal, JournalError, RequestError
from pandapon_async._journal.places import place_of, store_at
from pandapon_async._journal.store import Ending, Entry, PendingRow, Problem, Release, RowMovedError
from pandapon_async.testing import VirtualClock
from tests.jobs.support import KEY, recorded, row_of
from tests.journal.support import NOW, Where, asked, done, entry, let_count, opened, problems, reading, row, taken, usd

OTHER = attrs.evolve(KEY, name="other", key="f2")
DAY = 86_400.0
PARCEL = {
    "receiverAddress": {"name": "Jane Example", "country": "US"},
    "lineItems": [{"itemId": "1", "skuId": "2", "quantity": 3}],
}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
bodies = st.dictionaries(texts, st.one_of(texts, st.integers(), st.none()), max_size=4).map(json.dumps)
references = st.text(st.sampled_from("abcdé客 "), min_size=1, max_size=8).map(str.strip).filter(bool)
inputs = st.dictionaries(references, bodies, min_size=1, max_size=20)


# --- an input ----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgres"])
def new_place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Where]:
    """Where journals are to be made."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres").fresh
    return lambda: tmp_path_factory.mktemp("journals") / "j.db"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(made=inputs, known=st.integers(0, 3), size=st.integers(1, 20))
def test_what_is_taken_is_read_as_it_was(new_place: Callable[[], Where], made: dict[str, str], known: int, size: int):
    entries = [Entry(position, reference, False, body) for position, (reference, body) in enumerate(made.items())]

    async def through() -> list[PendingRow]:
        async with opened(new_place()) as store:
            assert problems(await taken(store, *entries[:known])) == []
            run = await store.begin_run(released=False)
            for first in range(0, len(entries), size):
                assert problems(await taken(store, *entries[first : first + size], run=run)) == []
            assert await let_count(store, run) == []
            found: list[PendingRow] = []
            while page := await store.page(run, found[-1].id if found else 0, 3):
                found += page
            return found

    found = asyncio.run(through())
    assert [(row.position, row.reference, row.body, row.state) for row in found] == [
        (one.position, one.reference, one.body, "pending") for one in entries
    ]


async def test_an_input_counts_only_once_it_is_released(path: Where):
    async with opened(path) as store:
        run = await store.begin_run(released=False)
        await taken(store, entry(1), entry(2), run=run)
        with Journal.open(path) as journal:
            assert list(journal.rows()) == []
            assert journal.counts()["pending"] == 0
            with pytest.raises(JournalError, match="no row"):
                journal.get("order-1")
        with pytest.raises(JournalError, match="no row"):
            await store.find("order-1")
        assert await store.recorded(["order-1"]) == {}
        other = await store.begin_run(released=True)
        await store.take_unfinished(other)
        assert await store.page(other, 0, 9) == []
        assert await let_count(store, run) == []
        assert recorded(path) == {"order-1": "pending", "order-2": "pending"}
        assert await store.counts(run) == {
            **dict.fromkeys(("sent", "done", "refused", "unknown", "void"), 0),
            "pending": 2,
        }


async def test_of_an_input_that_was_never_released_nothing_is_left(path: Where):
    async with opened(path) as store:
        run = await store.begin_run(released=False)
        await taken(store, entry(1), entry(2), run=run)
        await store.end_run(run)
        await store.begin_run(released=True)
    for table in ("rows", "bodies", "inputs"):
        assert asked(path, f"SELECT COUNT(*) FROM {table}") == [(0,)]


async def test_a_booking_of_an_input_that_was_never_released_is_taken_as_new(path: Where):
    async with opened(path) as store:
        run = await store.begin_run(released=False)
        await taken(store, entry(1), entry(2), run=run)
        await store.end_run(run)
        assert (await row(store, entry(1, body={"renderId": "R9"}))).body == '{"renderId": "R9"}'
        assert recorded(path) == {"order-1": "pending"}
        await store.begin_run(released=True)  # which removes the rest
    assert recorded(path) == {"order-1": "pending"}


async def test_what_a_run_is_just_taking_in_is_not_booked_beside_it(path: Where):
    async with opened(path) as store:
        run = await store.begin_run(released=False)
        await taken(store, entry(1), run=run)
        assert problems(await taken(store, entry(1))) == [(1, "taken in")]


async def test_the_input_before_is_taken_in_though_nobody_ended_its_run(path: Where):
    async with opened(path) as store:
        first = await store.begin_run(released=False)
        await taken(store, entry(1), entry(2), run=first)
    async with opened(path) as store:
        run = await store.begin_run(released=False)
        assert problems(await taken(store, entry(1), entry(2), run=run)) == []
        assert await let_count(store, run) == []
        assert [found.reference for found in await store.page(run, 0, 9)] == ["order-1", "order-2"]


TWICE: dict[str, tuple[Entry, list[tuple[int, str]]]] = {
    "the same": (entry(2, reference="order-1", body={"renderId": "R1"}), []),
    "the same, and its reference was made": (
        entry(2, reference="order-1", body={"renderId": "R1"}, derived=True),
        [(2, "twice")],
    ),
    "another body": (entry(2, reference="order-1"), [(2, "other body")]),
    "another shipment": (entry(2, reference="order-1", shipment=2), []),
    "another reference for the same render id": (entry(2, body={"renderId": "R1"}), [(2, "same parcel")]),
}


@pytest.mark.parametrize("pages", [1, 2])
@pytest.mark.parametrize("kind", TWICE)
async def test_a_booking_that_stands_twice_in_an_input(path: Where, kind: str, pages: int):
    second, expected = TWICE[kind]
    async with opened(path) as store:
        run = await store.begin_run(released=False)
        found: list[Any] = []
        for page in [[entry(1), second]] if pages == 1 else [[entry(1)], [second]]:
            found += await taken(store, *page, run=run)
        assert problems(found) == expected


async def test_what_is_done_is_not_sent_with_another_body(path: Where):
    async with opened(path) as store:
        await done(store, entry(1), "21")
        (problem,) = await taken(store, entry(1, body={"renderId": "R2", "remark": "x"}))
        assert isinstance(problem, Problem)
        assert (problem.code, problem.text) == (
            "other body",
            "the journal has another booking under this reference (order id 21, done); different: renderId, remark",
        )


@pytest.mark.parametrize("released", [True, False])
async def test_a_corrected_body_counts_once_its_input_is_released(path: Where, released: bool):
    corrected = entry(1, body={"renderId": "R1", "remark": "new"})
    async with opened(path) as store:
        before = await row(store, entry(1))
        run = await store.begin_run(released=released)
        assert problems(await taken(store, corrected, run=run)) == []
        if not released:
            assert (await store.find("order-1")).body == before.body
            assert await let_count(store, run) == []
        after = await store.find("order-1")
        assert (after.body, after.version) == (corrected.body, before.version + 1)
        with pytest.raises(RowMovedError):  # whoever has read the old one
            await store.sent(before)
    assert [step.note for step in row_of(path, "order-1").history] == [None, "fed again"]


async def test_a_row_that_moved_while_its_correction_was_taken_in_refuses_the_input(path: Where):
    async with opened(path) as store:
        before = await row(store, entry(1))
        run = await store.begin_run(released=False)
        await taken(store, entry(2), entry(1, body={"renderId": "R7"}), run=run)
        await store.sent(before)
        assert problems(await let_count(store, run)) == [(1, "moved")]
        assert recorded(path) == {"order-1": "sent"}


@pytest.mark.parametrize("moved", [True, False])
async def test_of_the_inputs_of_several_accounts_all_count_or_none(path: Where, moved: bool):
    async with opened(path) as one, opened(path, OTHER) as two:
        before = await row(two, entry(2))
        releases = [Release(store, await store.begin_run(released=False)) for store in (one, two)]
        await taken(one, entry(1), run=releases[0].run)
        await taken(two, entry(3), entry(2, body={"renderId": "R7"}), run=releases[1].run)
        if moved:
            await two.sent(before)
        await one.release(*releases)
        assert [problems(release.problems) for release in releases] == [[], [(2, "moved")] if moved else []]
        counted = {"order-2": "sent"} if moved else dict.fromkeys(["order-1", "order-2", "order-3"], "pending")
        assert recorded(path) == counted
    async with opened(path) as one:
        await one.begin_run(released=True)  # removes what is left of those that never counted
    assert set(recorded(path)) == set(counted)


async def test_what_was_refused_waits_again_only_if_asked_for_or_changed(path: Where):
    async with opened(path) as store:
        sent = await store.sent(await row(store, entry(1)))
        await store.ended(sent, Ending(state="refused", error="no", reply='{"no": 1}'))
        assert (await row(store, entry(1))).state == "refused"
        (again,) = await taken(store, entry(1), retry_refused=True)
        assert (again.state, again.error, await store.reply(again)) == ("pending", None, None)


# --- the same parcel ---------------------------------------------------------------------------------------------------

HOLDING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "render id": ({"renderId": "X"}, {"renderId": " x"}),
    "shop's order": ({"tmallOrderInfo": {"tmallOrderId": "7"}}, {"tmallOrderInfo": {"tmallOrderId": 7}}),
    "receiver and items": ({**PARCEL, "renderId": "A"}, {**PARCEL, "renderId": "B", "remark": "r"}),
}


@pytest.mark.parametrize("state", ["pending", "sent", "unknown", "done"])
@pytest.mark.parametrize("kind", HOLDING)
async def test_a_booking_is_held_if_another_one_has_its_parcel(path: Where, kind: str, state: str):
    one, other = HOLDING[kind]
    async with opened(path) as store:
        found = await row(store, entry(1, body=one))
        if state != "pending":
            found = await store.sent(found)
        if state in ("unknown", "done"):
            await store.ended(found, Ending(state=state, order_id="21" if state == "done" else None))  # type: ignore[arg-type]
        (problem,) = await taken(store, entry(2, body=other))
        assert isinstance(problem, Problem)
        assert problem.code == "same parcel"
        assert "order-1 at shop (2026-" in problem.text
        assert ("order id 21, done" if state == "done" else state) in problem.text
        assert recorded(path) == {"order-1": state}
        assert problems(await taken(store, entry(2, body=other, allow_same_parcel=True))) == []
    assert [step.note for step in row_of(path, "order-2").history] == ["the same parcel as another booking: allowed"]


@pytest.mark.parametrize("kind", HOLDING)
async def test_it_is_held_at_whatever_account(path: Where, kind: str):
    one, other = HOLDING[kind]
    async with opened(path) as store, opened(path, OTHER) as second:
        await done(store, entry(1, body=one))
        assert problems(await taken(second, entry(1, body=other))) == [(1, "same parcel")]


async def test_it_is_not_held_against_what_was_refused_or_withdrawn(path: Where):
    async with opened(path) as store:
        sent = await store.sent(await row(store, entry(1, body=PARCEL)))
        await store.ended(sent, Ending(state="refused"))
        await row(store, entry(2, body=PARCEL))
        with Journal.open(path) as journal:
            journal.resolve("order-2", "void", by="jane", note="withdrawn")
        await row(store, entry(3, body=PARCEL))


async def test_what_was_refused_does_not_wait_again_once_another_has_its_parcel(path: Where):
    async with opened(path) as store:
        sent = await store.sent(await row(store, entry(1, body=PARCEL)))
        await store.ended(sent, Ending(state="refused"))
        await done(store, entry(2, body=PARCEL))
        assert problems(await taken(store, entry(1, body=PARCEL), retry_refused=True)) == [(1, "same parcel")]
        with reading(path) as journal, pytest.raises(JournalError, match="receiver and items: order-2"):
            journal.resolve("order-1", "pending", by="jane", note="again")


async def test_two_corrections_of_one_input_with_one_parcel_are_refused_together(path: Where):
    async with opened(path) as store:
        for number in (1, 2):
            await row(store, entry(number))
        run = await store.begin_run(released=False)
        found = await taken(store, entry(1, body=PARCEL), run=run)
        found += await taken(store, entry(2, body=PARCEL), run=run)
        assert problems(found) == []
        assert problems(await let_count(store, run)) == [(2, "same parcel")]
        assert {row.body for row in [await store.find("order-1"), await store.find("order-2")]} == {
            entry(1).body,
            entry(2).body,
        }


async def test_a_parcel_is_forgotten_after_thirty_days_a_render_id_is_not(path: Where):
    async with opened(path) as store:
        await done(store, entry(1, body={**PARCEL, "renderId": "A"}))
    async with opened(path, now=NOW + 29 * DAY) as store:
        assert problems(await taken(store, entry(2, body={**PARCEL, "renderId": "B"}))) == [(2, "same parcel")]
    async with opened(path, now=NOW + 31 * DAY) as store:
        assert problems(await taken(store, entry(2, body={**PARCEL, "renderId": "A"}))) == [(2, "same parcel")]
        await store.begin_run(released=True)
        assert problems(await taken(store, entry(2, body={**PARCEL, "renderId": "B"}))) == []
    keys = asked(path, "SELECT reference, parcel_key IS NULL FROM rows ORDER BY id")
    assert keys == [("order-1", 1), ("order-2", 0)]


async def test_one_that_waits_holds_its_parcel_however_old_it_is(path: Where):
    async with opened(path) as store:
        await row(store, entry(1, body=PARCEL))
    async with opened(path, now=NOW + 99 * DAY) as store:
        await store.begin_run(released=True)
        assert problems(await taken(store, entry(2, body=PARCEL))) == [(2, "same parcel")]


async def test_a_second_shipment_is_not_held_against_its_first_but_against_others(path: Where):
    async with opened(path) as store:
        await row(store, entry(1, body=PARCEL))
        assert problems(await taken(store, entry(2, reference="order-1", shipment=2, body=PARCEL))) == []
        assert problems(await taken(store, entry(3, reference="order-3", shipment=2, body=PARCEL))) == [
            (3, "same parcel")
        ]
        found = await store.find("order-1", 2)
        assert (found.reference, found.shipment) == ("order-1", 2)


async def test_other_operations_have_no_parcels(path: Where):
    async with opened(path, attrs.evolve(KEY, operation="logistics.update_domestic_shipment")) as store:
        assert problems(await taken(store, entry(1, body=PARCEL), entry(2, body=PARCEL))) == []


# --- one booking -------------------------------------------------------------------------------------------------------


async def test_of_two_who_know_a_row_only_one_moves_it(path: Where):
    async with opened(path) as store:
        found = await row(store, entry(1))
        results = await asyncio.gather(*(store.sent(attrs.evolve(found)) for _ in range(2)), return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == ["PendingRow", "RowMovedError"]
        mine = next(result for result in results if isinstance(result, PendingRow))
        with pytest.raises(JournalError, match="can't make pending into done"):
            store.ended(found, Ending(state="done"))
        after = await store.ended(mine, Ending(state="done", order_id="21", fee=usd("12.50"), tracking=("T1", "T2")))
        assert (after.state, after.version) == ("done", found.version + 2)
        with pytest.raises(RowMovedError):
            await store.ended(attrs.evolve(mine, version=2, state="sent"), Ending(state="pending", error="cut off"))
    end = row_of(path, "order-1")
    assert (end.state, end.order_id, end.fee, end.tracking) == ("done", "21", usd("12.50"), ("T1", "T2"))
    assert [(entry.kind, entry.money, entry.by) for entry in end.money] == [("fee", usd("12.50"), "job")]


async def test_the_end_of_one_does_not_undo_what_somebody_else_sent(path: Where):
    """Of two who book one reference at once, the second is cancelled: the first one's row is not the second's to end."""
    async with opened(path) as store:
        second = await row(store, entry(1))
        mine = await store.sent(attrs.evolve(second))
        with pytest.raises(JournalError):
            await store.ended(attrs.evolve(second, state="sent"), Ending(state="pending"))
        assert (await store.ended(mine, Ending(state="done"))).state == "done"


@pytest.mark.parametrize("state", ["done", "refused", "unknown"])
async def test_the_reply_is_kept_however_it_ended(path: Where, state: Any):
    async with opened(path) as store:
        sent = await store.sent(await row(store, entry(1)))
        await store.ended(sent, Ending(state=state, reply='{"code": 7}', request_id="r1"))
    assert (row_of(path, "order-1").reply, row_of(path, "order-1").request_id) == ({"code": 7}, "r1")


@pytest.mark.parametrize("at_once", [True, False])
async def test_an_order_id_that_another_booking_has_is_in_doubt_and_names_it(path: Where, at_once: bool):
    async with opened(path) as store:
        one = await store.sent(await row(store, entry(1)))
        two = await store.sent(await row(store, entry(2)))
        three = await store.sent(await row(store, entry(3)))
        ending = Ending(state="done", order_id="21", fee=usd("5"), reply='{"orderId": "21"}')
        if at_once:
            futures = [store.ended(found, ending) for found in (one, two)] + [
                store.ended(three, attrs.evolve(ending, order_id="22"))
            ]
            first, second, third = await asyncio.gather(*futures)
        else:
            first, second = await store.ended(one, ending), await store.ended(two, ending)
            third = await store.ended(three, attrs.evolve(ending, order_id="22"))
        assert (first.state, second.state, third.state) == ("done", "unknown", "done")
        assert second.error is not None
        assert "order id 21, which is that of order-1" in second.error
    kept = row_of(path, "order-2")
    assert (kept.state, kept.order_id, kept.fee, kept.reply) == ("unknown", None, None, {"orderId": "21"})


async def test_an_order_id_may_be_anothers_at_another_account(path: Where):
    async with opened(path) as store, opened(path, OTHER) as other:
        await done(store, entry(1), "21")
        assert (await done(other, entry(2), "21")).state == "done"


async def test_changes_of_a_group_end_as_one_by_one(path: Where):
    async with opened(path) as store:
        rows = [await store.sent(found) for found in await taken(store, *map(entry, range(5)))]
        stale = attrs.evolve(rows[1], version=1)
        bad = Ending(state="done", order_id="\ud800")
        futures = [
            store.ended(rows[0], Ending(state="done", order_id="1")),
            store.ended(stale, Ending(state="done", order_id="2")),
            store.ended(rows[2], bad),
            store.ended(rows[3], Ending(state="refused", error="no")),
            store.ended(rows[4], Ending(state="pending", error="429")),
        ]
        results = await asyncio.gather(*futures, return_exceptions=True)
    assert [getattr(result, "state", type(result).__name__) for result in results] == [
        "done", "RowMovedError", "JournalError", "refused", "pending",
    ]  # fmt: skip
    assert list(recorded(path).values()) == ["done", "sent", "sent", "refused", "pending"]


async def test_one_bad_argument_spoils_nobody_elses_work(path: Where):
    async with opened(path) as store:
        found = await row(store, entry(1))
        bad = asyncio.ensure_future(store._fetched("SELECT ?", (object(),)))
        good = store.sent(found)
        with pytest.raises(JournalError, match="can't be done"):
            await bad
        assert (await good).state == "sent"
        with pytest.raises(RequestError, match="must be text"):
            await store.recorded([uuid4()])  # type: ignore[list-item]
        assert await store.recorded(["order-1", "order\u200b-1", ""]) == {"order-1": ("sent", None)}
        assert (await store.ended(await good, Ending(state="done"))).state == "done"


async def test_work_that_fails_half_way_leaves_nothing_and_takes_nobody_along(path: Where):
    def half(connection: Any) -> None:
        connection.execute("UPDATE runs SET about = 'half' WHERE id = ?", (run,))
        connection.execute("SELECT nothing FROM nowhere")

    async with opened(path) as store:
        run = await store.begin_run(released=True)
        (found,) = await store.admit([entry(1)], run, retry_refused=False)
        assert isinstance(found, PendingRow)
        before = store.admit([entry(2)], run, retry_refused=False)
        failing = store._writer.submit(half)
        after = store.admit([entry(3)], run, retry_refused=False)
        results = await asyncio.gather(store.sent(found), before, failing, after, return_exceptions=True)
        about = await store._fetched("SELECT about FROM runs WHERE id = ?", (run,))
        kept = await store.page(run, 0, 10)
    assert [type(result).__name__ for result in results] == ["PendingRow", "list", "JournalError", "list"]
    assert about == [(None,)]
    assert [(one.reference, one.state) for one in kept] == [
        ("order-1", "sent"), ("order-2", "pending"), ("order-3", "pending"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("SELECT a FROM nowhere", 0),
        ("SELECT SUM(x) FROM (SELECT 9223372036854775807 AS x UNION ALL SELECT 1) AS y", 0),
        (f"SELECT 1 WHERE 1 IN ({', '.join('?' * 260_000)})", 260_000),
    ],
    ids=["no table", "overflow", "too long"],
)
@pytest.mark.parametrize("only_reads", [True, False])
async def test_a_question_that_can_not_be_asked_fails_alone(path: Where, query: str, values: int, only_reads: bool):
    async with opened(path) as store:
        found = await row(store, entry(1))

        def ask(connection: Any) -> Any:
            return connection.execute(query, [1] * values).fetchall()

        submit = store._writer.submit_reading if only_reads else store._writer.submit
        sent, failing = store.sent(found), submit(ask)
        results = await asyncio.gather(failing, sent, return_exceptions=True)
        assert [type(result).__name__ for result in results[1:]] == ["PendingRow"]
        if "SUM" not in query or not isinstance(path, str):  # PostgreSQL's sum is of any size
            assert isinstance(results[0], JournalError)
        again, (following,) = await asyncio.gather(
            store.ended(results[1], Ending(state="done")), taken(store, entry(2)), return_exceptions=True
        )
        assert (again.state, following.state) == ("done", "pending")


# --- an end that was none ----------------------------------------------------------------------------------------------


async def test_what_is_found_as_sent_is_in_doubt(path: Where):
    async with opened(path) as store:
        first = await store.sent(await row(store, entry(1)))
        await row(store, entry(2))
    async with opened(path) as store:
        assert store.leftover == 1
        with pytest.raises(RowMovedError):
            await store.ended(first, Ending(state="done"))
    assert recorded(path) == {"order-1": "unknown", "order-2": "pending"}


async def test_another_accounts_opening_leaves_what_is_under_way_alone(path: Where):
    async with opened(path) as store:
        sent = await store.sent(await row(store, entry(1)))
        async with opened(path, OTHER) as other:
            assert other.leftover == 0
            await done(other, entry(9))
        assert (await store.ended(sent, Ending(state="done"))).state == "done"


# --- money -------------------------------------------------------------------------------------------------------------


async def test_what_was_spent_is_summed_up_exactly_and_what_has_no_fee_is_counted(path: Where):
    async with opened(path) as store:
        for number, fee in enumerate(["0.10", "0.20", "1E+2", "99999999999.99"]):
            await done(store, entry(number), fee=usd(fee))
        await done(store, entry(10))
        await store.sent(await row(store, entry(11)))
        doubt = await store.sent(await row(store, entry(12)))
        await store.ended(doubt, Ending(state="unknown"))
        spent = await store.spent()
        assert spent.paid == {"USD": Decimal("100000000100.29")}
        assert spent.highest == {"USD": Decimal("99999999999.99")}
        assert (spent.unpriced, spent.in_doubt) == (1, 2)


async def test_what_was_spent_for_an_input_counts_all_its_runs_and_nothing_else(path: Where):
    async with opened(path) as store:
        await done(store, entry(1), fee=usd("5"))
        await done(store, entry(2), fee=usd("7"))
        await done(store, entry(3))
        run = await store.begin_run(released=False)
        await taken(store, entry(2), entry(3), entry(4), run=run)
        await let_count(store, run)
        spent = await store.spent(run=run)
        assert (spent.paid, spent.unpriced) == ({"USD": Decimal(7)}, 1)
        assert (await store.spent(since=NOW + 1)).paid == {}
        assert (await store.spent(since=NOW)).paid == {"USD": Decimal(12)}


async def test_an_absurd_fee_counts_as_not_known(path: Where):
    async with opened(path) as store:
        await done(store, entry(1), fee=usd("1" * 30))
        assert (await store.spent()).unpriced == 1


# --- accounts ----------------------------------------------------------------------------------------------------------


async def test_several_accounts_work_on_one_journal_at_once(path: Where):
    async with opened(path) as store, opened(path, OTHER) as other:
        for n in range(30):
            one, two = (entry(n, body={"renderId": f"{name}{n}"}) for name in "AB")
            await asyncio.gather(done(store, one, str(n)), done(other, two, str(n)))
    with Journal.open(path) as journal:
        assert journal.counts()["done"] == 60
        with pytest.raises(JournalError, match="several rows"):
            journal.get("order-1")
        assert journal.get("order-1", account="other").account == "other"


async def test_several_accounts_that_begin_one_journal_at_once_all_may(path: Where):
    keys = [attrs.evolve(KEY, name=f"shop-{number}", key=f"k{number}") for number in range(6)]
    place = place_of(path)
    stores = await asyncio.gather(*[store_at(place, key, VirtualClock(NOW), timeout=60) for key in keys])
    for number, store in enumerate(stores):
        await done(store, entry(number))
        await store.close()
    with Journal.open(path) as journal:
        assert journal.counts()["done"] == 6


async def test_a_new_key_is_refused_until_it_is_adopted_and_then_known(path: Where):
    rotated = attrs.evolve(KEY, key="f9")
    async with opened(path) as store:
        await row(store, entry(1))
    with pytest.raises(JournalError, match=r"another key: f9 \(known: f1\)"):
        async with opened(path, rotated):
            pass
    async with opened(path, rotated, adopt_key=True) as store:
        assert (await store.find("order-1")).state == "pending"
    for key in (KEY, rotated):
        async with opened(path, key):
            pass


@pytest.mark.parametrize("change", [{"host": "other.example"}, {"user_id": "8"}])
async def test_adopting_a_key_adopts_nothing_else(path: Where, change: dict[str, str]):
    async with opened(path):
        pass
    with pytest.raises(JournalError, match="adopt it"):
        async with opened(path, attrs.evolve(KEY, **change), adopt_key=True):
            pass
