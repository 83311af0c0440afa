# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from pumphouse.core.errors import UserError
from pumphouse.lab import userland
from pumphouse.lab.deb import Package
from pumphouse.lab.userland import Roots, fetch_userland

pytestmark = [pytest.mark.unit, pytest.mark.anyio]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PUMPHOUSE_CACHE", str(tmp_path / "cache"))


def test_links_are_followed_across_packages_and_merged_folders(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    (one / "usr/bin").mkdir(parents=True)
    (two / "bin").mkdir(parents=True)
    (one / "usr/bin/server").symlink_to("../../bin/tool")
    (two / "bin/tool").write_bytes(b"x")
    (two / "bin/loop").symlink_to("loop")
    roots = Roots()
    roots.folders = [one, two]
    assert roots.find("/usr/bin/server") == two / "bin/tool"
    assert roots.find("/usr/bin/tool") == two / "bin/tool"
    assert roots.find("/bin/loop") is None
    assert roots.find("/bin") is None


class Archive:
    """Packages by name: what they depend on, and what their files need."""

    def __init__(self, root, packages):
        self.root, self.packages, self.fetched, self.asked = root, packages, [], 0

    def package(self, name):
        return Package(name, "1.0", name, tuple(self.packages[name][0]))

    async def find_packages(self, names):
        self.asked += 1
        return {name: self.package(name) for name in names if name in self.packages}

    async def fetch_unpacked(self, package, *, progress):
        self.fetched.append(package.name)
        folder = self.root / package.name
        for path, needs in self.packages[package.name][1].items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(" ".join(needs), encoding="utf-8")
        return folder


@pytest.fixture
def archive(tmp_path, monkeypatch):
    packages = {
        "tool": (["adduser", "libfoo2", "libc6"], {"usr/bin/tool": ["libfoo.so.2", "libc.so.6"]}),
        "libfoo2": (["libbar1", "libc6"], {"usr/lib/x86_64-linux-gnu/libfoo.so.2": ["libbar.so.1"]}),
        "libbar1": (["libc6"], {"usr/lib/x86_64-linux-gnu/libbar.so.1": ["libc.so.6"]}),
        "libc6": (["libgcc-s1"], {"lib/x86_64-linux-gnu/libc.so.6": [], "lib64/ld-linux-x86-64.so.2": []}),
        "adduser": ([], {}),
        "libgcc-s1": ([], {}),
        "broken": (["virtual-thing"], {"usr/bin/broken": ["libnone.so.1"]}),
    }
    made = Archive(tmp_path / "roots", packages)
    monkeypatch.setattr(userland, "find_packages", made.find_packages)
    monkeypatch.setattr(userland, "fetch_unpacked", made.fetch_unpacked)

    def read_needs(path):
        loader = "/lib64/ld-linux-x86-64.so.2" if path.parent.name == "bin" else None
        return loader, path.read_text(encoding="utf-8").split()

    monkeypatch.setattr(userland, "read_needs", read_needs)
    return made


async def test_a_program_comes_with_all_libraries_and_no_package_that_has_none(archive):
    found = await fetch_userland({"tool": "tool"})
    libraries = "/lib/x86_64-linux-gnu"
    assert set(found.executables) == {
        "/bin/tool",
        f"{libraries}/libfoo.so.2",
        f"{libraries}/libbar.so.1",
        f"{libraries}/libc.so.6",
        "/lib64/ld-linux-x86-64.so.2",
    }
    assert set(found.packages) == {"tool", "libfoo2", "libbar1", "libc6"}
    assert sorted(archive.fetched) == ["libbar1", "libc6", "libfoo2", "tool"]


async def test_what_was_found_is_not_looked_up_again(archive):
    await fetch_userland({"tool": "tool"})
    asked = archive.asked
    assert "/bin/tool" in (await fetch_userland({"tool": "tool"})).executables
    assert archive.asked == asked


async def test_a_library_that_no_dependency_has_is_named(archive):
    with pytest.raises(UserError, match="no package has libnone") as caught:
        await fetch_userland({"broken": "broken"})
    assert "apt-file search libnone.so.1" in caught.value.text.next_step


async def test_a_program_that_its_package_lacks_is_named(archive):
    with pytest.raises(UserError, match="no package has other"):
        await fetch_userland({"other": "adduser"})


async def test_no_programs_need_no_packages(archive):
    assert (await fetch_userland({})).executables == {}
    assert archive.asked == 0
