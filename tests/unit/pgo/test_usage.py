# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.usage import check_use, describe, read_line, sum_up

pytestmark = pytest.mark.unit

LINES = [
    "used kernel/fork.o 40 2",
    "ignored lib/odd.o 0 3",
    "quarantine mm/mmap.o 0 0 mm/mmap.c:12: internal compiler error: in merge_summaries",
]


def test_each_object_is_told_with_what_became_of_its_profile():
    use = sum_up(LINES, ["kernel/fork", "lib/odd", "mm/mmap", "net/never"])
    assert (use.used, use.ignored, use.unasked, use.profiles) == (1, ["lib/odd"], ["net/never"], 4)
    assert use.quarantined[0].reason.endswith("in merge_summaries")
    assert describe(use) == (
        "1 of 4 objects used their profile; gcc ignored it for 1; 1 built without, because gcc failed with it; "
        "1 not in this build; 40 of 45 functions have counts"
    )


@pytest.mark.parametrize(
    ("lines", "profiles", "why"),
    [
        (LINES[1:2], ["lib/odd"], "OBJECT_SUMMARY"),
        (LINES[2:], ["mm/mmap"], "internal compiler error"),
        ([], ["a/b"], "names an object of this build"),
    ],
)
def test_a_profile_that_no_object_used_stops_the_build(lines, profiles, why):
    with pytest.raises(UserError, match="no object used its profile") as caught:
        check_use(sum_up(lines, profiles))
    assert why in caught.value.text.why
    assert caught.value.text.next_step


@given(st.text().filter(lambda text: not text.startswith(("used", "ignored", "quarantine"))))
def test_a_damaged_line_is_refused_and_never_a_bug(line):
    with pytest.raises(UserError, match="compiler's log"):
        read_line(line)


@given(st.sampled_from(LINES), st.integers(0, 30))
def test_a_line_that_was_cut_off_is_refused_or_read(line, length):
    try:
        use = read_line(line[:length])
    except UserError:
        return
    assert line.startswith(use.outcome)
