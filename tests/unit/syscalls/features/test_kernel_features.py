# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a kernel declares, as the prober takes it."""

from __future__ import annotations

import pytest

from pumphouse.syscalls import kernel_features
from pumphouse.syscalls.domain.features.answer import Kind, Record, parse_answer, write_answer
from pumphouse.syscalls.domain.features.catalogue import read_catalogue
from pumphouse.syscalls.kernel_features import KernelDeclares, Refusal, find_declarations

pytestmark = pytest.mark.unit

CATALOGUE = read_catalogue()


def declare(call, masks, *, off=0):
    described = CATALOGUE[call]
    number = kernel_features.number_of(described)
    records = [Record(kind=Kind.CALL, arg=0, width=0, offset=number, value=off)]
    records += [
        Record(kind=word.code, arg=word.arg, width=word.width, offset=word.offset, value=masks[word.id])
        for word in described.word
        if word.id in masks
    ]
    data = write_answer(records)
    return parse_answer(data, len(data))


def test_each_word_that_the_kernel_declares_has_its_mask_under_the_probers_name(monkeypatch):
    answer = declare("openat2", {"open_how.resolve": 0x3F, "open_how.flags": 0x7FFFC3})
    monkeypatch.setattr(kernel_features, "ask", lambda _number: answer)
    assert KernelDeclares(CATALOGUE).masks("openat2") == {"open_how.resolve": 0x3F, "open_how.flags": 0x7FFFC3}


def test_a_call_that_is_switched_off_refused_or_not_in_the_catalogue_declares_nothing(monkeypatch):
    monkeypatch.setattr(kernel_features, "ask", lambda _number: declare("openat2", {"open_how.resolve": 0x3F}, off=1))
    assert KernelDeclares(CATALOGUE).masks("openat2") is None
    monkeypatch.setattr(kernel_features, "ask", lambda _number: Refusal("EOPNOTSUPP"))
    assert KernelDeclares(CATALOGUE).masks("openat2") is None
    assert KernelDeclares(CATALOGUE).masks("getpid") is None


def test_a_release_newer_than_is_known_is_never_asked(monkeypatch):
    monkeypatch.setattr(kernel_features.platform, "release", lambda: "9.0.0")
    monkeypatch.setattr(kernel_features, "look_for_call", lambda: pytest.fail("it was asked"))
    assert find_declarations() is None


def test_where_another_call_answers_nothing_is_declared(monkeypatch):
    monkeypatch.setattr(kernel_features, "look_for_call", lambda: "ENOSYS")
    assert find_declarations() is None
    monkeypatch.setattr(kernel_features, "look_for_call", lambda: "")
    assert isinstance(find_declarations(), KernelDeclares)
