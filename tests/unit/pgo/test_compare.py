# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.compare import Counts, compare_boots
from pumphouse.pgo.domain.result import judge, write_answer

pytestmark = pytest.mark.unit

TRAINED = {"serve": True, "held back": False}


def boot(serve, held_back):
    return {
        name: Counts(kernel_instructions=ki, taken_branches=ki // 5, l1i_misses=ki // 50)
        for name, ki in (("serve", serve), ("held back", held_back))
    }


def compare(base, rebuilt, tuned, *, identical=True):
    return compare_boots(
        base=[boot(*item) for item in base],
        rebuilt=[boot(*item) for item in rebuilt],
        tuned=[boot(*item) for item in tuned],
        trained=TRAINED,
        rebuilt_is_identical=identical,
    )


def test_a_gain_beyond_the_noise_is_shown_and_what_got_worse_stands_first():
    comparison = compare(
        [(1_000_000, 500_000), (1_000_100, 500_000)], [(1_000_050, 500_000)], [(942_000, 513_000), (942_050, 513_000)]
    )
    first, second = comparison.phases
    assert (first.name, first.shown, first.kernel_instructions) == ("held back", True, 2.6)
    assert second.shown
    assert second.kernel_instructions == pytest.approx(-5.8, abs=0.01)
    assert abs(second.control.kernel_instructions) < 0.01
    assert comparison.worst_untrained == 2.6
    assert judge(comparison) == "mixed"
    answer = write_answer(comparison, release="6.1.192", workload="redis")
    assert answer.startswith("6.1.192 tuned to redis needs 5.8 % fewer kernel instructions in serve")
    assert answer.endswith("A/A 0.0 %; held back got worse by 2.6 %")


def test_a_gain_inside_the_noise_is_not_shown():
    comparison = compare(
        [(1_000_000, 500_000), (1_030_000, 500_000)], [(1_010_000, 500_000)], [(992_000, 500_000), (996_000, 500_000)]
    )
    assert [phase.shown for phase in comparison.phases] == [False, False]
    assert judge(comparison) == "not shown"
    assert "is not shown" in write_answer(comparison, release="6.1", workload="w")


@given(st.integers(900_000, 1_100_000), st.integers(2, 5))
def test_the_same_kernel_is_never_shown_to_be_better_or_worse(count, boots):
    comparison = compare([(count, count)] * boots, [(count, count)], [(count, count)] * boots)
    assert judge(comparison) == "not shown"


@given(st.lists(st.integers(10**6, 10**6 + 5000), min_size=5, max_size=5))
def test_boots_that_overlap_show_nothing(counts):
    first, second, third, *after = counts
    comparison = compare([(first, 1), (second, 1)], [(third, 1)], [(item, 1) for item in after])
    lowest, highest = min(counts[:3]), max(counts[:3])
    if any(lowest <= item <= highest for item in after):
        assert not any(phase.shown for phase in comparison.phases)


def test_an_a_a_that_differs_stops_the_comparison():
    with pytest.raises(UserError, match=r"A/A differs: the rebuilt base needs \+5.00 %") as caught:
        compare([(100, 100), (100, 100)], [(105, 105)], [(90, 90)], identical=False)
    assert "the two images differ" in caught.value.text.why


def test_a_boot_without_a_phase_is_refused_by_name():
    with pytest.raises(UserError, match="did not do the phase held back"):
        compare_boots(
            base=[boot(1, 1), {}], rebuilt=[boot(1, 1)], tuned=[boot(1, 1)], trained=TRAINED, rebuilt_is_identical=True
        )
