# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""No instrumentation in a kernel that is kept: its configuration and its symbols are looked at, not believed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pumphouse.core.errors import UserError

# What CONFIG_GCOV_KERNEL brings (kernel/gcov/Kconfig): itself, the constructors that register the counters, and
# debugfs, through which they are read.
BROUGHT = frozenset(
    {
        "CONFIG_GCOV_KERNEL",
        "CONFIG_GCOV_PROFILE_ALL",
        "CONFIG_CONSTRUCTORS",
        "CONFIG_DEBUG_FS",
        "CONFIG_DEBUG_FS_ALLOW_ALL",
    }
)
_PREFIXES = ("__gcov_", "__llvm_prf_", "__llvm_profile_", "gcov_info_", "__sanitizer_cov_")
_CONFIGS = ("CONFIG_GCOV_KERNEL", "CONFIG_GCOV_PROFILE_ALL", "CONFIG_KCOV", "CONFIG_PGO_CLANG")


def check_instrumented(base: Mapping[str, str], instrumented: Mapping[str, str]) -> None:
    """Raise UserError where the instrumented kernel differs from the base in more than what gcov brings.

    A profile of another kernel than the base's is a profile of other code.
    """
    if instrumented.get("CONFIG_GCOV_KERNEL") != "y":
        raise UserError(
            "the instrumented kernel has no gcov",
            where="CONFIG_GCOV_KERNEL",
            next_step="its fragments must set CONFIG_GCOV_KERNEL=y and CONFIG_DEBUG_FS=y",
        )
    for symbol in sorted(set(base) | set(instrumented)):
        was, now = base.get(symbol, "n"), instrumented.get(symbol, "n")
        if was != now and symbol not in BROUGHT:
            raise UserError(
                f"the instrumented kernel is not the base with counters: {symbol} is {now}, it was {was}",
                where=symbol,
                why="its counts would be those of other code",
                next_step="set the symbol the same in both, or name what sets it in the base's fragments",
            )


def check_clean(config: Mapping[str, str], symbols: Iterable[str], *, base: Mapping[str, str]) -> None:
    """Raise UserError where instrumentation is left in a kernel, or its configuration is not the base's."""
    for name in _CONFIGS:
        if config.get(name, "n") != "n":
            raise UserError(
                f"instrumentation is left in this kernel: {name}={config[name]}",
                where=name,
                why="it counts at each branch, for ever",
                next_step="build with the base's configuration",
            )
    left = sorted(symbol for symbol in symbols if symbol.startswith(_PREFIXES))
    if left:
        raise UserError(
            f"instrumentation is left in this kernel: the symbol {left[0]}",
            where="vmlinux",
            why=f"{len(left)} symbols are those of counters, though its configuration has none",
            next_step="build from an empty folder: an object of the instrumented build was linked",
        )
    for symbol in sorted(set(base) | set(config)):
        if base.get(symbol, "n") != config.get(symbol, "n"):
            raise UserError(
                f"this kernel is not the base's: {symbol} is {config.get(symbol, 'n')}, it was {base.get(symbol, 'n')}",
                where=symbol,
                why="a difference in speed could be that of the configuration",
                next_step="build both with one configuration",
            )
