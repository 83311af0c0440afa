# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The engine against models of kernels: it tells the truth or "unknown", never a wrong bit."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.syscalls.domain.probe.engine import run_plan
from pumphouse.syscalls.domain.probe.read import read_recipe
from pumphouse.syscalls.domain.probe.report import Presence, State
from pumphouse.syscalls.fake import ORDER, FakeCall, FakeKernel, FakeWord

BITS = 12
GOOD, BAD = 1 << 0, 1 << 63
NUMBER = 437


def recipe(*, companions="", pairs=False, known=32, how="bisect", rights="", config="", accepted='"EFAULT"'):
    size = 'set = { "how.size" = "size" }\nread = "struct:0:4"' if how == "written_back" else ""
    return read_recipe(
        f"""
call = "openat2"
since = "5.6"
config = "{config}"
number = {NUMBER}
arguments = ["path=badptr", "how=struct", "usize=size", "flags=0"]

[holds]
source = "the model"
checked = []

[struct]
name = "how"
first = 16
known = {known}
fields = {{ size = "0:4", flags = "8:8", other = "16:8", mask = "24:8" }}
versions = {{ HOW_VER0 = 16, HOW_VER1 = 32 }}

[presence]
set = {{ usize = 0 }}
rights = [{rights}]

[size]
how = "{how}"
{size}

[[word]]
name = "how.flags"
accepted = [{accepted}]
valid = {GOOD}
invalid = {BAD:#x}
pairs = {str(pairs).lower()}
flags = {{ F0 = 0x1, F1 = 0x2, F2 = 0x4, F3 = 0x8 }}
{companions}

[[word]]
name = "how.mask"
accepted = [{accepted}]
valid = {GOOD}
invalid = {BAD:#x}

[[word]]
name = "flags"
accepted = [{accepted}]
valid = 0
invalid = 0x80000000
""",
        "model.toml",
    )


def kernel(flags, *, size=32, order=ORDER, args=0, mask=GOOD, release=(6, 18), filtered=False, **more):
    words = (flags, FakeWord(offset=24, mask=mask), FakeWord(slot=3, mask=args))
    call = FakeCall(
        number=NUMBER,
        words=words,
        struct_slot=1,
        size_slot=2,
        first=16,
        size=size,
        pointer_slot=0,
        order=order,
        **more,
    )
    return FakeKernel(calls={NUMBER: call}, release=release, filtered=filtered)


masks = st.integers(0, (1 << BITS) - 1)
bits = st.integers(1, BITS - 1).map(lambda i: 1 << i)
needs = st.lists(st.tuples(bits, masks), max_size=4, unique_by=lambda one: one[0])
needs_field = st.lists(st.tuples(bits, st.just(16)), max_size=3, unique_by=lambda one: one[0])


@st.composite
def companion_tables(draw, truth, field_truth):
    """What a recipe knows: some of the truth, and some that is wrong."""
    known = [one for one in truth if draw(st.booleans())]
    wrong = draw(st.lists(st.tuples(bits, masks), max_size=2))
    lines = [f"[[word.with]]\nflags = [{bit}]\nvalue = [{others}]\n" for bit, others in [*wrong, *known]]
    for bit, _ in field_truth:
        if draw(st.booleans()):
            lines.append(f'[[word.with]]\nflags = [{bit}]\nset = {{ "how.other" = 1 }}\n')
    return "".join(lines)


@given(data=st.data())
def test_each_bit_is_told_as_the_model_has_it_or_not_at_all(data):
    mask = data.draw(masks) | data.draw(st.sampled_from([0, GOOD, GOOD]))
    truth, field_truth = data.draw(needs), data.draw(needs_field)
    flags = FakeWord(offset=8, mask=mask, needs=tuple(truth), needs_field=tuple(field_truth))
    order = tuple(data.draw(st.permutations(ORDER)))
    pairs = data.draw(st.booleans())
    size = data.draw(st.sampled_from([16, 24, 32, 40, 4088]))
    table = data.draw(companion_tables(truth, field_truth))
    model = kernel(
        flags,
        size=size,
        order=order,
        rights_errno=data.draw(st.sampled_from([0, 0, errno.EPERM])),
        filter_errno=data.draw(st.sampled_from([0, 0, 0, errno.EPERM, errno.EINVAL, errno.EFAULT])),
    )
    told = run_plan(recipe(companions=table, pairs=pairs), model)
    if told.size:
        assert told.size == size
    for word in told.words[:1]:
        if word.state is not State.ANSWERED:
            assert word.mask == 0
            continue
        for i in range(64):
            bit = 1 << i
            alone = flags.accepts(bit, bytes(64))
            assert bool(word.valid & bit) == alone
            with_ = [one for one in word.valid_with if one.bit == bit]
            if with_:
                assert not alone
                assert mask & bit
            elif not alone and mask & bit:  # refused, though there is a way: the recipe did not know it
                other = bytes(16) + b"\1" + bytes(40)
                known = [
                    others for one, others in truth if one == bit and f"flags = [{bit}]\nvalue = [{others}]" in table
                ]
                assert not any(flags.accepts(bit | others, bytes(64)) for others in known)
                if f"flags = [{bit}]\nset" in table:
                    assert not flags.accepts(bit, other)
                if pairs:
                    assert not any(flags.accepts(bit | 1 << j, bytes(64)) for j in range(64) if word.valid >> j & 1)


@given(mask=masks, size=st.integers(2, 511).map(lambda n: 8 * n), how=st.sampled_from(["bisect", "written_back"]))
def test_the_size_of_a_model_is_found_exactly(mask, size, how):
    plan = recipe(how=how)
    model = kernel(FakeWord(offset=8, mask=mask | GOOD), size=size, writes_back=True)
    if how == "written_back":
        model.calls[NUMBER] = FakeCall(**{**vars(model.calls[NUMBER]), "size_slot": None})
        model.calls[NUMBER] = FakeCall(**{**vars(model.calls[NUMBER]), "words": ()})
    told = run_plan(plan, model)
    assert told.size == size
    assert told.size_name == {16: "HOW_VER0", 32: "HOW_VER1"}.get(size, "")


@given(mask=masks, args=masks)
def test_with_the_order_that_the_recipe_assumes_every_bit_is_answered(mask, args):
    told = run_plan(recipe(), kernel(FakeWord(offset=8, mask=mask | GOOD), args=args))
    assert told.presence is Presence.PRESENT
    assert (told.size, told.size_how) == (32, "E2BIG beyond it")
    assert (told.word("how.flags").mask, told.word("flags").mask) == (mask | GOOD, args)
    assert told.word("how.flags").how == "EFAULT against EINVAL"


def test_a_kernel_that_reads_the_path_before_the_flags_answers_nothing():
    order = ("pages", "first", "tail", "pointer", "words")
    told = run_plan(recipe(), kernel(FakeWord(offset=8, mask=0xFF), order=order))
    assert {word.state for word in told.words} == {State.UNKNOWN}
    assert told.word("how.flags").how == "EFAULT against EFAULT"
    assert told.size == 32


def test_a_kernel_that_does_not_know_the_valid_control_answers_nothing():
    told = run_plan(recipe(), kernel(FakeWord(offset=8, mask=0xFE)))
    assert (told.word("how.flags").state, told.word("how.flags").how) == (State.UNKNOWN, "EINVAL against EINVAL")


def test_a_word_beyond_the_kernels_struct_is_absent():
    told = run_plan(recipe(), kernel(FakeWord(offset=8, mask=0xFF), size=24))
    assert (told.word("how.mask").state, told.word("how.mask").how) == (State.ABSENT, "the size")
    assert told.word("how.flags").mask == 0xFF


def test_an_errno_that_the_recipe_does_not_expect_leaves_the_bit_undecided():
    class Odd(FakeKernel):
        def call(self, number, arguments):
            answer = super().call(number, arguments)
            return -errno.EBUSY if self.request[8] == 4 else answer

    model = kernel(FakeWord(offset=8, mask=0xFF))
    told = run_plan(recipe(), Odd(calls=model.calls))
    assert (told.word("how.flags").valid, told.word("how.flags").undecided) == (0xFB, 4)


@pytest.mark.parametrize(
    ("answer", "filtered", "rights", "config", "release", "presence"),
    [
        (errno.ENOSYS, False, "", "", (6, 18), Presence.MISSING),
        (errno.ENOSYS, True, "", "", (6, 18), Presence.SECCOMP),
        (errno.ENOSYS, True, "", "", (5, 4), Presence.UNDECIDED),
        (errno.ENOSYS, True, "", "OPTION", (6, 18), Presence.UNDECIDED),
        (errno.EPERM, True, "", "", (6, 18), Presence.SECCOMP),
        (errno.EPERM, False, "", "", (6, 18), Presence.UNDECIDED),
        (errno.EPERM, False, '"EPERM"', "", (6, 18), Presence.RIGHTS),
        (errno.EPERM, True, '"EPERM"', "", (6, 18), Presence.UNDECIDED),
        (errno.EACCES, True, "", "", (6, 18), Presence.SECCOMP),
        (errno.EINVAL, True, "", "", (6, 18), Presence.PRESENT),
    ],
)
def test_missing_is_told_from_filters_and_from_rights(answer, filtered, rights, config, release, presence):
    model = kernel(FakeWord(offset=8), filter_errno=answer, filtered=filtered, release=release)
    told = run_plan(recipe(rights=rights, config=config), model)
    assert (told.presence, told.how) == (presence, errno.errorcode[answer])


def test_a_filter_that_answers_einval_to_everything_gets_no_word_wrong():
    told = run_plan(recipe(), kernel(FakeWord(offset=8, mask=0xFF), filter_errno=errno.EINVAL, filtered=True))
    assert {word.state for word in told.words} == {State.UNKNOWN}
    assert (told.size, told.size_how) == (0, "not decided: EINVAL at 16, EINVAL at 4096")


def test_what_the_kernel_declares_goes_before_trials():
    class Declares:
        def masks(self, call):
            return {"how.flags": 0x55} if call == "openat2" else None

    model = kernel(FakeWord(offset=8, mask=0xFF))
    told = run_plan(recipe(), model, Declares())
    assert (told.word("how.flags").mask, told.word("how.flags").how) == (0x55, "sys_features")
    assert told.word("flags").how == "EFAULT against EINVAL"


def test_only_the_presence_is_asked_where_the_other_trials_ended_the_process():
    model = kernel(FakeWord(offset=8, mask=0xFF))
    told = run_plan(recipe(), model, presence_only=True)
    assert (told.presence, told.size_how, model.trials) == (Presence.PRESENT, "not decided: the child ended", 1)
    assert {(word.state, word.how) for word in told.words} == {(State.UNKNOWN, "the child ended")}


def test_rights_are_lowered_for_the_trials_and_given_back():
    seen = []

    class Watches(FakeKernel):
        def call(self, number, arguments):
            seen.append(self.lowered)
            return super().call(number, arguments)

    plan = read_recipe(
        'call = "x"\nsince = "5.6"\nnumber = 1\narguments = ["flags=0"]\nunprivileged = true\n'
        'holds = { source = "the model", checked = [] }\npresence = { set = { flags = 8 } }\n'
        '[[word]]\nname = "flags"\naccepted = ["OK"]\nvalid = 1\ninvalid = 8\n',
        "x.toml",
    )
    model = Watches(calls={1: FakeCall(number=1, words=(FakeWord(slot=0, mask=1),))})
    assert run_plan(plan, model).word("flags").mask == 1
    assert (seen[0], all(seen[1:]), model.lowered) == (False, True, False)


def ask(text):
    return read_recipe(
        'call = "x"\nsince = "5.6"\nnumber = 1\narguments = ["buffer=out"]\n'
        f'holds = {{ source = "the model", checked = [] }}\n{text}',
        "x.toml",
    )


def test_the_kernels_own_answer_is_taken_and_named():
    plan = ask('[[word]]\nname = "mask"\nbits = 8\nask = [{ source = "SUPPORTED", read = "out:8:4" }]\n')
    told = run_plan(plan, FakeKernel(calls={1: FakeCall(number=1, tells=bytes(8) + b"\x17\1\0\0")}))
    word = told.word("mask")
    assert (word.mask, word.how, word.undecided) == (0x17, "SUPPORTED", 0)


def test_a_question_that_an_older_kernel_does_not_know_goes_on_to_the_next():
    plan = ask(
        '[[word]]\nname = "mask"\nbits = 8\nask = [{ source = "SUPPORTED", read = "out:8:4" }, '
        '{ source = "the reply", read = "out:0:8", partial = true }]\n'
    )
    told = run_plan(plan, FakeKernel(calls={1: FakeCall(number=1, tells=b"\x03")}))
    assert (told.word("mask").mask, told.word("mask").how, told.word("mask").undecided) == (3, "the reply", 0xFC)
    silent = run_plan(plan, FakeKernel(calls={1: FakeCall(number=1)}))
    assert (silent.word("mask").state, silent.word("mask").how) == (State.UNKNOWN, "no answer")


def test_a_fact_is_read_of_the_auxiliary_vector_and_left_out_where_there_is_none():
    plan = ask('[[fact]]\nname = "size"\nask = { source = "AT_RSEQ_FEATURE_SIZE", read = "auxv:27" }\n')
    calls = {1: FakeCall(number=1)}
    told = run_plan(plan, FakeKernel(calls=calls, vector={27: 28}))
    assert [(fact.name, fact.value, fact.how) for fact in told.facts] == [("size", 28, "AT_RSEQ_FEATURE_SIZE")]
    assert run_plan(plan, FakeKernel(calls=calls)).facts == ()
