# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import asyncio

import pytest

from pumphouse.core.errors import UserError
from pumphouse.lab.deb import download_argv, parse_package, show_argv
from pumphouse.lab.kernel import parse_config, read_kernel
from pumphouse.lab.load import list_loads, read_load
from pumphouse.lab.measure import Cyclictest, cyclictest_job
from pumphouse.lab.open import open_kernel

pytestmark = pytest.mark.unit

RECORD = """\
Package: linux-image-rt-amd64
Version: 6.1.192-2
Depends: linux-image-6.1.0-56-rt-amd64 (= 6.1.192-2), other | another
Description: Linux for 64-bit PCs (meta-package)
 more: words
SHA256: abc

Package: another
"""


def make_image(path, release="6.1.0-51-rt-amd64"):
    data = bytearray(0x800)
    data[0x202:0x206] = b"HdrS"
    data[0x20E:0x210] = (0x300).to_bytes(2, "little")
    text = f"{release} (debian) #1 SMP".encode() + b"\0"
    data[0x500 : 0x500 + len(text)] = text
    path.write_bytes(data)


def test_a_record_of_apt_is_read():
    package = parse_package(RECORD)
    assert (package.name, package.version, package.sha256) == ("linux-image-rt-amd64", "6.1.192-2", "abc")
    assert package.depends == ("linux-image-6.1.0-56-rt-amd64", "other")
    assert download_argv(package) == ["apt-get", "download", "--quiet", "linux-image-rt-amd64=6.1.192-2"]
    assert show_argv("x") == ["apt-cache", "show", "--no-all-versions", "x"]


def test_release_and_configuration_are_read_from_a_built_kernel(tmp_path):
    make_image(tmp_path / "vmlinuz")
    (tmp_path / "config-6.1.0-51-rt-amd64").write_text('CONFIG_PREEMPT_RT=y\n# CONFIG_X is not set\nCONFIG_S="a\\"b"\n')
    kernel = asyncio.run(open_kernel(str(tmp_path / "vmlinuz")))
    assert (kernel.release, kernel.is_realtime) == ("6.1.0-51-rt-amd64", True)
    assert kernel.config["CONFIG_S"] == 'a"b'
    assert "CONFIG_X" not in kernel.config


@pytest.mark.parametrize("specification", ["deb:", "deb:UPPER", "deb:-x", "deb:a b", "deb:x;y"])
def test_a_name_that_is_no_package_is_refused_before_apt_is_asked(specification):
    with pytest.raises(UserError, match="not the name of a Debian package"):
        asyncio.run(open_kernel(specification))


def test_a_file_that_is_no_kernel_says_which_file_is_one(tmp_path):
    (tmp_path / "vmlinux").write_bytes(b"\x7fELF" + bytes(2000))
    with pytest.raises(UserError, match="not an x86 kernel image") as caught:
        read_kernel(tmp_path / "vmlinux")
    assert "bzImage" in caught.value.text.next_step


def test_a_missing_image_is_told(tmp_path):
    with pytest.raises(UserError, match="cannot be read") as caught:
        asyncio.run(open_kernel(str(tmp_path / "none")))
    assert "deb:linux-image-amd64" in caught.value.text.next_step


def test_numbers_and_modules_keep_their_words():
    assert parse_config("CONFIG_HZ=250\nCONFIG_EXT4_FS=m\n") == {"CONFIG_HZ": "250", "CONFIG_EXT4_FS": "m"}


def test_an_unknown_load_lists_the_known():
    with pytest.raises(UserError, match="no load 'zork'") as caught:
        read_load("zork")
    assert "idle, stress" in caught.value.text.next_step


@pytest.mark.parametrize("name", list_loads())
def test_each_load_goes_into_a_job_with_its_programs(name):
    load = read_load(name)
    job = cyclictest_job(Cyclictest(), load)
    assert set(load.programs) < set(job.manifest.programs)
    for loop in load.loops:
        assert loop.command in job.manifest.job
        assert f"kill -9 -$load_{loop.name}" in job.manifest.job


@pytest.mark.parametrize(
    "wrong", [{"duration_s": 0}, {"interval_us": 1}, {"priority": 100}, {"width_us": 0}, {"duration_s": -1}]
)
def test_a_number_that_cannot_be_measured_with_is_refused_with_its_range(wrong):
    with pytest.raises(UserError, match="is not possible") as caught:
        cyclictest_job(Cyclictest(**wrong), read_load("idle"))
    assert "choose from" in caught.value.text.next_step


def test_cyclictest_is_asked_for_what_is_to_be_measured():
    assert Cyclictest(duration_s=7, interval_us=500, width_us=99).argv() == [
        "cyclictest",
        "--quiet",
        "--mlockall",
        "--threads=1",
        "--priority=99",
        "--interval=500",
        "--duration=7",
        "--histogram=99",
        "--json=/results/cyclictest.json",
        "--histfile=/results/cyclictest.txt",
    ]
    assert Cyclictest(duration_s=7, interval_us=500).expected_cycles == 14_000
