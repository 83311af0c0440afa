# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The web site of a Pumphouse site: pages, JSON API, live feed, sign-in."""
