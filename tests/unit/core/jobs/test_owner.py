# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys

import pytest

from pumphouse.core.jobs.owner import Owner

pytestmark = pytest.mark.unit


def test_an_owner_survives_its_text():
    owner = Owner.current()
    assert Owner.parse(str(owner)) == owner
    assert owner.pid == os.getpid()
    assert owner.is_alive is True


def test_a_dead_process_is_known_to_be_dead_also_as_a_zombie():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = Owner.of(child.pid)
    assert owner.is_alive is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert owner.is_alive is False
    child.communicate()
    assert owner.is_alive is False


def test_a_new_process_with_an_old_number_is_another_one():
    current = Owner.current()
    earlier = Owner(current.host, current.boot, current.namespace, current.pid, current.start - 1)
    assert earlier.is_alive is False


def test_of_a_process_elsewhere_nothing_is_known():
    current = Owner.current()
    elsewhere = Owner("other", "another-boot", current.namespace, current.pid, current.start)
    assert elsewhere.is_alive is None
    elsewhere.kill_group()
