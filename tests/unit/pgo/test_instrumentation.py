# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.instrumentation import check_clean, check_instrumented

pytestmark = pytest.mark.unit

BASE = {"CONFIG_NET": "y", "CONFIG_DEBUG_FS": "y"}
GCOV = {"CONFIG_GCOV_KERNEL": "y", "CONFIG_GCOV_PROFILE_ALL": "y", "CONFIG_CONSTRUCTORS": "y"}


def test_the_instrumented_kernel_is_the_base_with_counters():
    check_instrumented(BASE, BASE | GCOV)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (BASE, "has no gcov"),
        (BASE | GCOV | {"CONFIG_SMP": "y"}, "CONFIG_SMP is y, it was n"),
        ({"CONFIG_DEBUG_FS": "y"} | GCOV, "CONFIG_NET is n, it was y"),
    ],
)
def test_an_instrumented_kernel_that_is_another_one_is_refused_by_symbol(config, said):
    with pytest.raises(UserError, match=said):
        check_instrumented(BASE, config)


def test_a_clean_kernel_is_let_through():
    check_clean(BASE, ["start_kernel", "schedule"], base=BASE)


@pytest.mark.parametrize(
    ("config", "symbols", "said"),
    [
        (BASE | GCOV, [], "CONFIG_GCOV_KERNEL=y"),
        (BASE, ["schedule", "__gcov_merge_add"], "the symbol __gcov_merge_add"),
        (BASE | {"CONFIG_SMP": "y"}, [], "CONFIG_SMP is y, it was n"),
    ],
)
def test_a_kernel_with_instrumentation_left_in_is_refused_by_name(config, symbols, said):
    with pytest.raises(UserError, match=said):
        check_clean(config, symbols, base=BASE)
