# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of pgo share: real counters and notes of gcc 12, and small profiles made by hand."""

from __future__ import annotations

from pathlib import Path

import msgspec
from hypothesis import strategies as st

from pumphouse.pgo.domain.gcda import Counters, FunctionCounts, Gcda, Summary

DATA = Path(__file__).parent / "data" / "pgo"
CALLS_GCDA = (DATA / "calls.gcda").read_bytes()
CALLS_GCNO = (DATA / "calls.gcno").read_bytes()


def as_kernel_writes(gcda: Gcda) -> Gcda:
    """The same counters as kernel/gcov/gcc_4_7.c writes them: no summary, no checksum, no end mark, every zero."""
    functions = tuple(
        msgspec.structs.replace(
            one, counters=tuple(msgspec.structs.replace(kind, packed=False) for kind in one.counters)
        )
        for one in gcda.functions
    )
    return msgspec.structs.replace(gcda, checksum=0, summary=None, terminated=False, functions=functions)


def make_function(ident: int, *arcs: int, cfg: int = 7) -> FunctionCounts:
    """A function with counters of arcs."""
    return FunctionCounts(ident=ident, lineno_checksum=ident, cfg_checksum=cfg, counters=(Counters(0, arcs),))


def make_gcda(*functions: FunctionCounts, summary: Summary | None = None) -> Gcda:
    """A counter file of gcc 12.2."""
    return Gcda(version="B22*", stamp=5, checksum=0, summary=summary, functions=functions)


words = st.integers(0, 0xFFFFFFFF)
counts = st.integers(0, (1 << 63) - 1)


@st.composite
def some_counters(draw: st.DrawFn, kind: int) -> Counters:
    if draw(st.booleans()):
        return Counters(kind, (0,) * draw(st.integers(1, 5)), packed=True)
    return Counters(kind, tuple(draw(st.lists(counts, max_size=6))))


@st.composite
def some_functions(draw: st.DrawFn, ident: int) -> FunctionCounts:
    kinds = [0, *sorted(draw(st.sets(st.integers(1, 7), max_size=2)))]
    return FunctionCounts(
        ident=ident,
        lineno_checksum=draw(words),
        cfg_checksum=draw(words),
        counters=tuple(draw(some_counters(kind)) for kind in kinds),
    )


@st.composite
def some_files(draw: st.DrawFn) -> Gcda:
    """Counter files of all shapes that gcc and kernels write."""
    idents = draw(st.lists(st.integers(1, 0x7FFFFFFF), unique=True, max_size=4))
    functions = [draw(some_functions(ident)) for ident in idents]
    if draw(st.booleans()):
        functions.insert(draw(st.integers(0, len(functions))), FunctionCounts(ident=0))
    terminated = draw(st.booleans())
    return Gcda(
        version="B22*",
        stamp=draw(words),
        checksum=draw(words) if terminated else 0,
        summary=draw(st.none() | st.builds(Summary, words, words)),
        functions=tuple(functions),
        terminated=terminated,
    )


@st.composite
def some_profiles(draw: st.DrawFn, most: int = 1 << 40) -> dict[str, Gcda]:
    """Profiles of the same two objects and four functions, with counts up to `most`."""
    counted = st.integers(0, most)
    return {
        name: make_gcda(
            make_function(1, draw(counted), draw(counted)),
            make_function(2, draw(counted), draw(counted), draw(counted)),
        )
        for name in ("kernel/fork", "mm/memory")
    }
