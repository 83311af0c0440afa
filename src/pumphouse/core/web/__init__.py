# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The web site of a Pumphouse site: pages, JSON API, live feed, sign-in. docs/web.md tells how a part adds to it.

app.py          the application
part.py         what a part gives: pages, bodies of run pages, runs that may be started
web.py          what the handlers share
access.py       who may call a handler: host, identity, role, origin, CSRF token, rate
rate.py         limits on how often an address may ask
render.py       pages from templates
errors.py       errors as pages and as problem+json
home.py runs.py sign_in.py account.py people.py   the pages
api.py          the JSON API; api_words.py describes it for people
live.py         the WebSocket; pumphouse.core.live is the feed behind it
starting.py     starting runs with decoded parameters
artifact.py     sending the files that runs left
table.py chart.py numbers.py times.py             what pages are made of
health.py metrics.py                              for machines that watch the site
static_files.py styles and scripts, under an address with their hash
"""
