# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The shared core: site, runs, events, cards, web. It knows no part."""
