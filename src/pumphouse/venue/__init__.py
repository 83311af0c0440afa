# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Pumphouse venue: the front end of an online conference: schedule, rooms, chat, presence, management."""
