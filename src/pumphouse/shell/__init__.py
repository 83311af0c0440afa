# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The shell composes core and parts into a command line, a site and a worker. It has no logic of its own."""
