# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What the commands of `syscalls` decide with: no framework, no process, no network."""
