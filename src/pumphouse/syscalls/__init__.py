# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Pumphouse syscalls: extensible system calls: lint, scaffold, sys_features(), probe."""
