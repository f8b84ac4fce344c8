"""Kernels count references to those arrays alone that outlive them or are made by them."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from distsim.core.jit import COMPILED, inline, jit, scratch

pytestmark = pytest.mark.skipif(not COMPILED, reason="without a compiler nothing is counted")
SIZE = 64


@inline
def add_up(sums, values):
    for i in range(values.size):
        sums[i] += values[i]


@jit
def row_sums(tables, row):
    """The sum of a row of all tables, taken from parts of them."""
    sums = scratch(SIZE, np.float64)
    sums[:] = 0.0
    for table in tables:
        for begin in range(0, table.shape[1], SIZE):
            add_up(sums, table[row, begin : begin + SIZE])
    return sums.sum()


@jit
def part_of(values, begin):
    return values[begin:], begin


def test_references_to_arguments_are_not_counted():
    tables = np.arange(400.0).reshape(2, 200), np.ones((2, 100))
    assert row_sums(tables, 1) == tables[0][1].sum() + 100.0
    dispatcher = row_sums.dispatcher
    assembly = dispatcher.inspect_asm(dispatcher.signatures[0])
    assert "NRT_incref" not in assembly.split(".size")[0]


def test_a_part_of_an_argument_that_is_returned_keeps_it():
    values = np.arange(1000.0)
    seen, (part, _) = weakref.ref(values), part_of(values, 10)
    del values
    gc.collect()
    assert seen() is not None
    assert part[0] == 10.0
    assert part.sum() == np.arange(10, 1000).sum()
