# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m pumphouse.shell` is `pumphouse`."""

from pumphouse.shell.cli import main

main()
