# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle becomes a profile for this tree and compiler, or is refused with the reason."""

from __future__ import annotations

import msgspec
import pytest

from pgo_profiles import make_function, make_gcda
from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.bundle import Bundle, SourceRecord, WorkloadRecord, make_bundle
from pumphouse.pgo.domain.fit import fit_bundle
from pumphouse.pgo.domain.gcc_ident import public_ident, static_ident
from pumphouse.pgo.domain.gcda import Summary
from pumphouse.pgo.domain.gcno import FunctionNotes, Gcno
from pumphouse.pgo.domain.names import FunctionName

pytestmark = pytest.mark.unit

THERE, HERE = "/usr/src/linux", "/home/me/linux-6.1"
SEND, PICK = public_ident("send"), static_ident("pick", f"{THERE}/net/send.c", "net/send")


def bundle() -> Bundle:
    return make_bundle(
        {"net/send": make_gcda(make_function(SEND, 70), make_function(PICK, 30))},
        {
            "net/send": {
                SEND: FunctionName(SEND, "send", "net/send.c", 40, in_tree=True),
                PICK: FunctionName(PICK, "pick", "net/send.c", 10, in_tree=True),
            }
        },
        compiler="gcc (Debian 12.2.0-14+deb12u1) 12.2.0",
        config_sha256="0" * 64,
        source=SourceRecord(identity="1" * 64, version="6.1.192", path=THERE),
        workload=WorkloadRecord(name="redis"),
        duration_s=1.0,
    )


def notes(**changed: int) -> dict[str, Gcno]:
    """The notes of the tree here, with other control flow in the functions named."""
    idents = {"send": SEND, "pick": static_ident("pick", f"{HERE}/net/send.c", "net/send")}
    functions = tuple(
        FunctionNotes(
            ident=ident,
            lineno_checksum=0,
            cfg_checksum=changed.get(name, 7),
            name=name,
            source=f"{HERE}/net/send.c",
            start_line=1,
            end_line=2,
            artificial=False,
            arcs=1,
        )
        for name, ident in idents.items()
    )
    return {"net/send": Gcno(version="B22*", stamp=1, cwd="/o", functions=functions)}


def test_what_fits_is_ready_for_the_compiler() -> None:
    fitted = fit_bundle(bundle(), source_path=HERE, gcda_version="B22*", notes=notes())
    assert fitted.staleness is not None
    assert fitted.staleness.usable == pytest.approx(1)
    gcda = fitted.profile["net/send"]
    assert [one.ident for one in gcda.functions] == [SEND, notes()["net/send"].functions[1].ident]
    assert gcda.summary == Summary(1, 70)
    assert fitted.lost == []


def test_what_no_longer_fits_is_taken_out() -> None:
    fitted = fit_bundle(bundle(), source_path=HERE, gcda_version="B22*", notes=notes(pick=8), least=0.7)
    assert [one.ident for one in fitted.profile["net/send"].functions] == [SEND]


def test_a_stale_profile_is_refused_unless_forced() -> None:
    with pytest.raises(UserError, match=r"is stale: 30\.0 % of its counts fit, 80 % are asked for") as caught:
        fit_bundle(bundle(), source_path=HERE, gcda_version="B22*", notes=notes(send=8))
    assert caught.value.text.why == "send changed (70.0 %)"
    assert caught.value.text.next_step == "train on this tree, or force it"
    forced = fit_bundle(bundle(), source_path=HERE, gcda_version="B22*", notes=notes(send=8), force=True)
    assert forced.profile["net/send"].summary == Summary(1, 30)
    with pytest.raises(UserError, match=r"is stale: 0\.0 %") as caught:
        fit_bundle(bundle(), source_path=HERE, gcda_version="B22*", notes={}, force=True)
    assert caught.value.text.next_step == "train on this tree"


def test_without_notes_all_of_it_goes_to_the_tree() -> None:
    fitted = fit_bundle(bundle(), source_path=HERE, gcda_version="B22*")
    assert fitted.staleness is None
    assert len(fitted.profile["net/send"].functions) == 2


def test_another_compiler_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"of another compiler: B22\*, here B23\*") as caught:
        fit_bundle(bundle(), source_path=HERE, gcda_version="B23*", force=True)
    assert "gcc (Debian 12.2.0" in caught.value.text.next_step


def test_a_profile_where_nothing_ran_fits_nothing() -> None:
    one = bundle()
    idle = msgspec.structs.replace(one, profile={"net/send": make_gcda(make_function(SEND, 0))})
    with pytest.raises(UserError, match="is stale"):
        fit_bundle(idle, source_path=HERE, gcda_version="B22*", notes=notes(), force=True)
