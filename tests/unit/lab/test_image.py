# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core.errors import InfraError, UserError
from pumphouse.lab import cpio
from pumphouse.lab.elf import collect, read_needs
from pumphouse.lab.image import Manifest, build_image

pytestmark = pytest.mark.unit

needs_cpio = pytest.mark.skipif(shutil.which("cpio") is None, reason="no cpio: sudo apt-get install cpio")
needs_busybox = pytest.mark.skipif(shutil.which("busybox") is None, reason="no busybox: apt-get install busybox-static")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PUMPHOUSE_CACHE", str(tmp_path / "cache"))


def listed(archive, *options):
    done = subprocess.run(["cpio", "--quiet", *options], input=archive, capture_output=True, check=True)
    return done.stdout


@needs_cpio
def test_cpio_reads_what_we_write():
    archive = cpio.write_archive(
        [
            cpio.folder("dev"),
            cpio.console_device(),
            cpio.file("init", b"#!x\n", executable=True),
            cpio.link("sh", "init"),
        ]
    )
    assert listed(archive, "-t").split() == [b"dev", b"dev/console", b"init", b"sh"]
    long = listed(archive, "-tv").decode().splitlines()
    assert long[1].startswith("crw-------")
    assert "5,   1" in long[1]
    assert long[2].startswith("-rwxr-xr-x")
    assert long[3].endswith("sh -> init")


@needs_cpio
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_contents_of_any_length_survive(contents):
    archive = cpio.write_archive(cpio.file(f"f{index}", content) for index, content in enumerate(contents))
    assert listed(archive, "-i", "--to-stdout", "f*") == b"".join(contents)


def test_the_libraries_are_those_that_the_loader_names():
    program = "/bin/ls"
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    if "=>" not in told:
        pytest.skip("no dynamic /bin/ls here to compare with")
    wanted = {line.split("=>")[1].split()[0] for line in told.splitlines() if "=>" in line and "/" in line}
    assert wanted <= set(collect_names(program))


def collect_names(program):
    from pathlib import Path

    return [str(path) for path in collect(Path(program).resolve()).values()]


def test_what_is_not_a_program_is_refused(tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    with pytest.raises(UserError, match="not a 64-bit little-endian ELF program"):
        read_needs(script)


@needs_busybox
def test_the_same_manifest_gives_the_same_image_and_another_job_another():
    first = build_image(Manifest(job="true", files={"/etc/a": b"1"}))
    assert build_image(Manifest(job="true", files={"etc/a": b"1"})) == first
    assert build_image(Manifest(job="false", files={"/etc/a": b"1"})) != first


@needs_busybox
@needs_cpio
def test_an_executable_may_be_run_and_a_file_may_not():
    import gzip

    image = build_image(Manifest(files={"/etc/data": b"1"}, executables={"/bin/tool": b"2"}))
    listing = listed(gzip.decompress(image.read_bytes()), "-tv").decode().splitlines()
    rights = {line.split()[-1]: line.split()[0] for line in listing}
    assert (rights["etc/data"], rights["bin/tool"]) == ("-rw-r--r--", "-rwxr-xr-x")


@needs_busybox
@pytest.mark.parametrize("name", ["/../etc/passwd", "", "/"])
def test_a_path_that_leads_out_of_the_image_is_refused(name):
    with pytest.raises(UserError, match="not a path inside an image"):
        build_image(Manifest(files={name: b""}))


@needs_busybox
def test_a_program_that_is_missing_here_names_its_package(monkeypatch):
    from pumphouse.lab import image

    monkeypatch.setattr(image, "find_program", lambda name: None if name == "cyclictest" else shutil.which(name))
    monkeypatch.setattr(image, "_locate", image._locate)
    with pytest.raises(InfraError, match="cyclictest is not on this machine") as caught:
        image._locate("cyclictest")
    assert caught.value.text.next_step == "sudo apt-get install rt-tests"
