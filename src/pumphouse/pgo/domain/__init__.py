# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The rules of pgo: profiles, notes, bundles. No framework, no process."""
