"""The English catalogue of what clerks read, by codes; `words` looks texts up.

One word, one meaning: a booking is waiting, sending, booked, refused by the vendor, unclear (nobody knows yet) or cancelled; a row of
a file is good, wrong (can't be sent) or held (looks wrong, a person decides). Values stand in braces.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .._files.findings import CHECKS
from .journal_texts import JOURNAL_TEXTS

_OURS: Final[Mapping[str, str]] = {
    # states of a booking
    "state.pending": "waiting",
    "state.sent": "sending",
    "state.done": "booked",
    "state.refused": "refused by vendor",
    "state.unknown": "unclear",
    "state.void": "cancelled",
    # names of what a booking has
    "name.reference": "your order no.",
    "name.order_id": "vendor's order no.",
    "name.render_id": "preview no.",
    "name.state": "state",
    "name.fee": "fee",
    "name.tracking": "tracking no.",
    "name.error": "problem",
    "name.account": "account",
    "name.history": "history",
    "name.currency": "currency",
    "name.vendor": "vendor",
    "name.operation": "operation",
    "name.shipment": "shipment",
    "name.sent_at": "sent",
    "name.done_at": "ended",
    "name.request_id": "request id",
    "name.resolved_by": "resolved by",
    "name.note": "note",
    # rows of a file
    "rows.finding": "line {line}: {text}",
    "rows.finding_in_column": "line {line}, column {column}: {text}",
    "rows.more": "and {count} more problems",
    "rows.none": "{name}: holds no booking",
    "rows.changed": (
        "the order no. {reference} is {state} in the journal{order}, with other content ({fields}); give a new order its own number"
    ),
    "rows.changed_order": ", vendor's order no. {order_id}",
    "rows.good": "{name}: {good} good",
    "rows.good_and_bad": "{name}: {good} good, {wrong} wrong, {held} held",
    "rows.column_wrong": "column {column} is wrong in every row: look at the whole column, not at single cells",
    "rows.ask_encoding": "Read it as {encoding}? y or n, Enter is no:",
    # what is done with problems
    "problems.ask": "Book the {good} good ones, write {bad} to {path}? y or n, Enter is no:",
    "problems.need_option": (
        "{bad} of {total} bookings can't be sent as they are; nothing was sent. With --problems FILE the good ones are booked and "
        "these are written there, to be corrected"
    ),
    "problems.too_many": (
        "{bad} of {total} bookings are wrong, more than a fifth: something is wrong with the whole file. Nothing was sent; "
        "look at it first, or give --problems FILE to book the good ones all the same"
    ),
    "problems.column": (
        "column {column} is wrong in every row; nothing was sent. Correct the column, or give --problems FILE to book the good "
        "ones all the same"
    ),
    "problems.none_good": "none of the {total} bookings can be sent as it is; nothing was sent",
    "problems.written": "{count} bookings in {path}: correct them there and book that file",
    "problems.beside": "{path} has corrections, or is open in a program: it stays as it is, and the new problems are in {beside}",
    "problems.not_written": "the problems could not be written: {why}",
    # the question before money is spent
    "question.account": "Account",
    "question.account_at": "{name} at {host}",
    "question.to_book": "To book",
    "question.known": "In journal",
    "question.not_booked": "Not booked",
    "question.bad": "{wrong} wrong, {held} held",
    "question.spent": "Spent today",
    "question.spent_of": "{spent} of {limit}",
    "question.previewed": "Previewed",
    "question.previewed_sum": "{sum}; {none} without a preview",
    "question.no_price": "No price",
    "question.limit": "At most",
    "question.journal": "Journal",
    "question.book": "Book {count} now? y or n, Enter is no:",
    "question.type_count": "Type {count} to book them, Enter is no:",
    "question.yes": "y yes",
    "question.refused": "Nothing was sent.",
    "question.needs_terminal": (
        "nothing was sent: {count} bookings would be made at {host}, and there is no terminal to ask on; --yes answers for a script"
    ),
    "standing.new": "{count} new",
    "standing.waiting": "{count} waiting",
    "standing.booked": "{count} booked before",
    "standing.unclear": "{count} unclear",
    "standing.refused": "{count} refused by vendor",
    "standing.cancelled": "{count} cancelled",
    "standing.changed": "{count} changed since they were sent",
    "dry_run.no_accounts": "No account was looked up: {why}",
    "dry_run.end": "Dry run: nothing was sent.",
    # handing back
    "tracking.handed": "{count} orders handed back in {path}",
    "tracking.left": "{count} orders are not booked",
    "tracking.left_why": "{count} orders are not booked: the column why says why not",
    "tracking.not_yet": "not booked yet",
    "tracking.nothing": "Nothing to hand back",
    "tracking.nothing_new": "Nothing new to hand back",
    # a file's whole day
    "day.corrected": "Corrected",
    "day.in_use": "{path} can't be written: close the program that has it open, then run the same command again",
    "day.previews": "Previews",
    "day.nothing_new": "Nothing is left to be booked",
    "day.problems": "{count} in {path}",
    "day.tracking": "Tracking",
    "day.handed": "{count} in {path}",
    "day.not_handed": "{path} could not be written: {why}",
    "day.next": "Next",
    "day.unclear": "{count} unclear: look them up at the vendor, then pandapon journal {journal} --review",
    "day.waiting": "{count} waiting: run the same command again",
    "day.correct": "Correct {path}, or write book as the decision of what is meant; then run the same command again",
    "day.page": "The day's page: pandapon journal {journal} --report {page}",
    # the journal
    "journal.made": "{path} was made: the journal of what is booked. Keep it; book all files of this shop with it",
    "journal.several": "there are several journals: {names}; name one with --journal",
    "journal.another": (
        "{name} isn't there, but {names} is: with a second journal everything could be booked twice. Name the one to use with "
        "--journal; --new-journal makes another one all the same"
    ),
    "journal.configured_missing": (
        "the journal {name}, named in {settings}, isn't there: was it moved, or is a drive missing? If there never was one, "
        "--new-journal makes it"
    ),
    "journal.gone": (
        "the journal {name} is gone: {remains} beside it says that bookings were written to it. Was it deleted, moved or renamed? "
        "Bring the file back, or restore a backup: with a new journal everything would be booked once more. If that is meant: "
        "--new-journal"
    ),
    "journal.none": "there is no journal here, so nothing waits",
    "journal.step": "{at} {state}, by {person}{note}",
    "journal.adopted": "{name} is adopted as it is configured now",
    "journal.renamed": "The bookings of {old} are those of {new} now",
    "journal.backed_up": "Wrote {path}; a job takes it only after `pandapon journal {path} --restore`",
    "journal.restored": "Jobs may use this backup now",
    "journal.whole": "Jobs may use this journal as it is now",
    "journal.forgotten": "Erased the bodies and replies of {count} rows",
    # what waits
    "waiting.none": "nothing waits",
    "waiting.all": "Waiting",
    "waiting.line": "{count} of {account}, the oldest for {age}, from {file}, by {person}",
    "waiting.unclear": "Unclear",
    "waiting.unclear_line": "{count} of {account}: look them up at the vendor, then `pandapon journal PATH --resolve`",
    "waiting.no_file": "unknown file",
    "waiting.no_person": "unknown",
    "waiting.account_missing": "{count} of {account} stay waiting: no account of that name is configured",
    # somebody else is at it
    "running.who": "{account}: {person} ({process}) has been booking {file} since {since} {zone}: {done} of {total}",
    "running.no_file": "what waits",
    "running.process": "{account}: somebody else is booking ({process})",
    "running.waiting": "This goes on when that has ended. Ctrl-C ends the waiting: nothing was sent",
    "age.minutes": "{count} min",
    "age.hours": "{count} h",
    "age.days": "{count} days",
    # the screen
    "phase.reading": "reading",
    "phase.previewing": "asking previews",
    "phase.checking": "checking",
    "phase.sending": "sending",
    "phase.waiting": "waiting for another run",
    "phase.finishing": "finishing",
    "screen.count": "{count} {what}",
    "screen.unreachable": "the vendor can't be reached for {seconds} s",
    "screen.next_try": "the vendor can't be reached for {seconds} s, next try in {next} s",
    "screen.slowed": "slowed down: the vendor asked for a pause of {seconds} s",
    "screen.trouble": "the vendor has trouble for {seconds} s, next try in {next} s",
    "stop.finishing": "{count} under way, up to {seconds} s; again: they stay unclear",
    "stop.nothing_under_way": "nothing is under way",
    "stop.nothing_sent": "nothing was sent",
    "stop.first": "Interrupted: {what}",
    "stop.again": "Interrupted again: what is under way stays unclear; only that is written down now",
    "stop.plain": "Interrupted.",
    # the summary
    "sum.booked": "Booked",
    "sum.refused": "Refused by vendor",
    "sum.wrong": "Wrong",
    "sum.held": "Held",
    "sum.cancelled": "Cancelled",
    "sum.unclear": "Unclear",
    "sum.waiting": "Waiting",
    "sum.fees": "Fees",
    "sum.time": "Time",
    "sum.pace": "Pace",
    "sum.stopped": "Stopped",
    "sum.problems": "Problems",
    "sum.not_counted": "Not counted",
    "sum.by_code": "by code {codes}",
    "sum.wrong_line": "{count} can't be read, or the journal can't take them",
    "sum.held_line": "{count} not sent: a person has to decide",
    "sum.unclear_line": "such as {examples}: look them up at the vendor, then resolve them",
    "sum.unread": "{count}, {unread} of them not read yet",
    "sum.refused_way": "the same command with --problems FILE writes what was refused to a file, to be corrected",
    "sum.earlier": "{count}, {earlier} of them by other runs",
    "sum.reason": "{count}: {why}",
    "sum.not_counted_line": "how the others stand can't be read from the journal now; the figures are of this run only",
    "sum.fees_earlier": "{amounts} by other runs",
    "sum.no_fees": "none",
    "sum.unpriced": "{count} are booked without a fee: not in the sum",
    "sum.time_line": "{seconds} s, {rate} bookings a second",
    "sum.pace_line": "cut {count} times, down to {slowest} at a time",
    "sum.not_in_journal": "Not in the journal: {reference} is {what}",
    "sum.booked_facts": "booked, vendor's order no. {order_id}, fee {fee}",
    "stop.dearer": "{count} bookings in a row cost more than their preview said",
    "preview.sum": "{count} bookings: {sum}",
    "preview.without": "{count} previews have no fee that can be read: see the setting price_paths",
    "preview.written": "To book",
    "preview.missing": "{count} without a preview: asking",
    "preview.problems": "{count} bookings in {path}: correct them there, and take that file the same way",
    "preview.old": "{count} previews are older than {hours} h: they are asked again before they are booked",
    "sum.against": "{was}; these bookings cost {paid}",
    "sum.no_stdout": "the output takes nothing: {why}; the bookings are in the journal",
    # why something waits, or failed
    "reason.unreachable": "the vendor can't be reached",
    "reason.rate_limited": "the vendor asked for a pause",
    "reason.keys": "the vendor refuses the access key",
    "reason.left": "the run was ended before their turn",
    "reason.limit": "the spend limit is reached",
    "reason.journal": "the journal can't be written",
    "reason.fault": "a fault in the program itself",
    # where a file is submitted for workers to book: the same codes after "submit."
    "submit.question.to_book": "To submit",
    "submit.question.not_booked": "Left out",
    "submit.question.book": "Submit {count} for the workers to book? y or n, Enter is no:",
    "submit.question.type_count": "Type {count} to submit them, Enter is no:",
    "submit.question.refused": "Nothing was submitted.",
    "submit.question.needs_terminal": (
        "nothing was submitted: {count} bookings would be made at {host}, and there is no terminal to ask on; --yes answers for a script"
    ),
    "submit.problems.ask": "Submit the {good} good ones, write {bad} to {path}? y or n, Enter is no:",
    "submit.problems.need_option": (
        "{bad} of {total} bookings can't be sent as they are; nothing was submitted. With --problems FILE the good ones are submitted "
        "and these are written there, to be corrected"
    ),
    "submit.problems.too_many": (
        "{bad} of {total} bookings are wrong, more than a fifth: something is wrong with the whole file. Nothing was submitted; "
        "look at it first, or give --problems FILE to submit the good ones all the same"
    ),
    "submit.problems.column": (
        "column {column} is wrong in every row; nothing was submitted. Correct the column, or give --problems FILE to submit the "
        "good ones all the same"
    ),
    "submit.problems.none_good": "none of the {total} bookings can be sent as it is; nothing was submitted",
    "submit.problems.written": "{count} bookings in {path}: correct them there and submit that file",
    "submit.stop.first": "Interrupted: submit the file again; what is queued already isn't queued twice",
    "submit.end": "{job}: {states}",
    # workers, and how a journal stands
    "worker.begun": "process {process} on {host}, version {version}, sends for {accounts} over {journal}",
    "worker.ended": "{count} bookings have ended here",
    "worker.stop": "Interrupted: what is under way is brought to its end; again: it stays unclear",
    "status.at": "At",
    "status.worker": "Worker",
    "status.who": "process {process} on {host}, version {version}, for {account} since {since} {zone}",
    # where what is done isn't a booking: the same codes after "other."
    "question.operation": "Operation",
    "journal.nothing_booked": "{path}: there is no journal, so nothing was booked",
    "other.state.done": "done",
    "other.rows.none": "{name}: holds nothing to send",
    "other.problems.ask": "Send the {good} good ones, write {bad} to {path}? y or n, Enter is no:",
    "other.problems.need_option": (
        "{bad} of {total} can't be sent as they are; nothing was sent. With --problems FILE the good ones are sent and these are "
        "written there, to be corrected"
    ),
    "other.problems.too_many": (
        "{bad} of {total} are wrong, more than a fifth: something is wrong with the whole file. Nothing was sent; look at it "
        "first, or give --problems FILE to send the good ones all the same"
    ),
    "other.problems.column": (
        "column {column} is wrong in every row; nothing was sent. Correct the column, or give --problems FILE to send the good "
        "ones all the same"
    ),
    "other.problems.none_good": "none of the {total} can be sent as it is; nothing was sent",
    "other.problems.written": "{count} in {path}: correct them there and send that file",
    "other.question.to_book": "To send",
    "other.question.not_booked": "Not sent",
    "other.question.book": "Send {count} now? y or n, Enter is no:",
    "other.question.type_count": "Type {count} to send them, Enter is no:",
    "other.question.needs_terminal": (
        "nothing was sent: {count} would be sent to {host}, and there is no terminal to ask on; --yes answers for a script"
    ),
    "other.standing.booked": "{count} done before",
    "other.sum.booked": "Done",
    "other.sum.time_line": "{seconds} s, {rate} a second",
    "other.sum.booked_facts": "done, vendor's order no. {order_id}, fee {fee}",
    "other.sum.no_stdout": "the output takes nothing: {why}; what was done is in the journal",
    # the end of the program
    "end.error": "Error: {why}",
    "end.fault": (
        "Error: a fault in the program itself. What was booked is in the journal, and the same command goes on from there. Please "
        "report it with the details in {path}"
    ),
    "end.no_details": "no file",
    "end.warning": "Warning: {why}",
    "usage.line": "Usage: {usage}",
    "usage.help": "Try '{command}' for help.",
    "error.text": "{where}: {message}",
    "error.advice": "{text}. {advice}",
    "error.reference": "reference {reference}",
    "error.request_id": "request id {request_id}",
    "error.attempts": "{count} attempts",
}

TEXTS: Final[Mapping[str, str]] = {
    **_OURS,
    **JOURNAL_TEXTS,
    **{f"row.{code}": check.text for code, check in CHECKS.items()},
}
"""Every text, by its code; those of ``row.`` are the findings' own."""
