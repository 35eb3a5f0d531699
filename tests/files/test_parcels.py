"""Which item of an order went into which parcel."""

from __future__ import annotations

import itertools
from collections import Counter

import attrs
import pytest
from hypothesis import given, strategies as st

from pandapon_async._files.parcels import ItemKey, Parcel, Piece, allotted

A, B, NONE = ItemKey("1", "11"), ItemKey("2", "22"), ItemKey("", "")
X, Y = Parcel("UCS", "FARX", "https://track.example/FARX"), Parcel("UCS", "FARY")


def test_an_item_in_two_parcels_has_a_piece_in_each():
    (found,), rest = allotted([(A, 3)], [Piece(A, 2, X), Piece(A, 1, Y)])
    assert (found, rest) == ([Piece(A, 2, X), Piece(A, 1, Y)], [])


def test_two_lines_of_one_item_share_what_was_sent_of_it():
    found, rest = allotted([(A, 1), (A, 2)], [Piece(A, 3, X)])
    assert (found, rest) == ([[Piece(A, 1, X)], [Piece(A, 2, X)]], [])


def test_the_rest_of_what_fits_no_item_is_not_lost():
    found, rest = allotted([(A, 1), (B, 1)], [Piece(ItemKey("9", "9"), 1, X)])
    assert (found, rest) == ([[], []], [Piece(ItemKey("9", "9"), 1, X)])


def test_an_item_is_found_by_its_sku_alone_where_the_vendor_leaves_the_item_id_out():
    found, rest = allotted([(A, 1), (B, 1)], [Piece(ItemKey("", "22"), 1, Y), Piece(ItemKey("", "11"), 1, X)])
    assert [pieces[0].parcel for pieces in found] == [X, Y]
    assert rest == []


def test_a_single_item_takes_what_names_none():
    (found,), rest = allotted([(A, 2)], [Piece(NONE, None, X)])
    assert (found, rest) == ([Piece(NONE, None, X)], [])


@pytest.mark.parametrize("quantity", [None, 5])
def test_a_piece_of_unknown_quantity_goes_to_the_first_item_that_it_fits(quantity: int | None):
    found, rest = allotted([(A, quantity), (A, quantity)], [Piece(A, None, X)])
    assert (found, rest) == ([[Piece(A, None, X)], []], [])


KEYS = st.builds(ItemKey, st.sampled_from(["", "1", "2"]), st.sampled_from(["", "11", "22"]))
QUANTITIES = st.none() | st.integers(1, 4)
PIECES = st.builds(Piece, KEYS, QUANTITIES, st.sampled_from([X, Y]))


@given(st.lists(st.tuples(KEYS, QUANTITIES), max_size=4), st.lists(PIECES, max_size=5))
def test_every_piece_is_given_exactly_once(items: list[tuple[ItemKey, int | None]], pieces: list[Piece]):
    found, rest = allotted(items, pieces)
    after = [*itertools.chain.from_iterable(found), *rest]
    assert _counted(after) == _counted(pieces)
    assert [piece.quantity for piece in after].count(None) == [piece.quantity for piece in pieces].count(None)


def _counted(pieces: list[Piece]) -> Counter[Piece]:
    counter = Counter[Piece]()
    for piece in pieces:
        counter[attrs.evolve(piece, quantity=None)] += piece.quantity or 0
    return counter
