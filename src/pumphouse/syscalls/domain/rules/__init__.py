# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The rules R1 to R12, one module each."""

from pumphouse.syscalls.domain.rules import r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12
from pumphouse.syscalls.domain.rules.records import ERROR, LEGACY, WARNING, Finding, Rule
from pumphouse.syscalls.domain.rules.subject import Subject

RULES: tuple[Rule, ...] = tuple(module.RULE for module in (r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12))

__all__ = ["ERROR", "LEGACY", "RULES", "WARNING", "Finding", "Rule", "Subject"]
