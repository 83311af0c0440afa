# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Who somebody is and what they may do.

roles.py      the four roles and their order
identity.py   the person, program or nobody behind a request
password.py   argon2 hashes
secrets.py    random secrets that are kept only as hashes
accounts.py   local accounts
sessions.py   sign-ins of browsers
links.py      one-time sign-in links
tokens.py     API tokens
audit.py      the log of every administrative act
tables.py     the tables of all these
"""
