# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The series that gives a call's struct another version: fields at its end, and everything that has to follow."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.scaffold import code, selftest
from pumphouse.syscalls.domain.scaffold.draft import Draft
from pumphouse.syscalls.domain.scaffold.mail import Message
from pumphouse.syscalls.domain.scaffold.spec import ExtendSpec
from pumphouse.syscalls.domain.scaffold.struct import Member, lay_out, write_members
from pumphouse.syscalls.domain.tree.files import Files
from pumphouse.syscalls.domain.tree.kernel import KernelTree
from pumphouse.syscalls.domain.tree.records import Definition


@dataclass(frozen=True, kw_only=True)
class Extension:
    """A series, and what it makes."""

    name: str
    struct: str
    version: int
    size: int  # bytes
    messages: list[Message]
    files: Files  # the tree as it would be


@dataclass(frozen=True)
class _Struct:
    """An extensible struct as the tree has it."""

    tag: str
    header: str  # its path
    body: str  # between the braces
    versions: list[tuple[str, int]]  # macros and sizes, oldest first


def extend_call(spec: ExtendSpec, tree: KernelTree) -> Extension:
    """The series for a tree, which is only read. Raises UserError where the call cannot be grown by a tool."""
    definition = tree.natives.get(spec.extends)
    if definition is None:
        raise UserError(
            f"the tree has no call {spec.extends}",
            where="extends",
            why="no SYSCALL_DEFINE has this name",
            next_step="look it up: pumphouse syscalls list TREE --extensible",
        )
    draft = Draft(tree.files)
    struct = _find_struct(draft, tree, definition)
    clash = [field.name for field in spec.field if re.search(rf"\b{field.name}\b", struct.body)]
    if clash:
        raise UserError(
            f"{struct.tag} has a field {clash[0]} already", where="field", why=struct.header, next_step="rename yours"
        )
    version, size = len(struct.versions), struct.versions[-1][1]
    members = lay_out(spec.field, start=size, reserved=len(re.findall(r"\b__reserved\d+\b", struct.body)))
    _grow_header(draft, struct, members, version)
    _grow_code(draft, definition, struct, members, version)
    draft.close(
        f"{spec.extends}: grow struct {struct.tag} to {members[-1].end} bytes",
        _wrap(
            f"Append {', '.join(member.field.name for member in members if not member.reserved)} to struct "
            f"{struct.tag}, as its version {version}. Programs that know {size} bytes go on as before: what they do "
            "not give is zero, and means what it meant. Kernels that know less refuse with E2BIG what is not zero."
        ),
    )
    path = f"{selftest.folder(spec.extends)}/{spec.extends}_test.c"
    if draft.read(path) is not None:
        draft.edit(path, lambda text: selftest.grow_selftest(text, members, path=path))
        draft.close(
            f"selftests: {spec.extends}: the version of {members[-1].end} bytes",
            _wrap("Test the new fields: accepted here, and refused with E2BIG by kernels before them."),
        )
    return Extension(
        name=spec.extends,
        struct=struct.tag,
        version=version,
        size=members[-1].end,
        messages=draft.messages,
        files=draft.overlaid(),
    )


def _find_struct(draft: Draft, tree: KernelTree, definition: Definition) -> _Struct:
    pointers = [re.match(r"(?:const )?struct (\w+) __user \*", argument.ctype) for argument in definition.arguments]
    tags = [match[1] for match in pointers if match]
    for tag in tags:
        for header in _headers(tree, draft, definition):
            text = draft.read(header) or ""
            if match := re.search(rf"^struct {tag} \{{\n(.*?)^\}};\n", text, re.MULTILINE | re.DOTALL):
                macros = re.findall(r"^#define (\w+_SIZE_VER(\d+))\s+(\d+)", text, re.MULTILINE)
                named = sorted(
                    (int(number), macro, int(size))
                    for macro, number, size in macros
                    if _belongs(macro, tag, len({m.rpartition("_VER")[0] for m, _, _ in macros}))
                )
                if named:
                    return _Struct(tag, header, match[1], [(macro, size) for _, macro, size in named])
    raise UserError(
        f"no struct of {definition.name}() that can grow was found",
        where=f"{definition.file}:{definition.line}",
        why=f"of {', '.join(tags) or 'no struct'} there is no *_SIZE_VER0 beside the definition (R4)",
        next_step="add the macro of the first version to its uapi header first",
    )


def _belongs(macro: str, tag: str, prefixes: int) -> bool:
    """Whether a size macro is of a struct: by its name, or because it is the only one of the header."""
    return prefixes == 1 or macro.startswith(tag.upper())


def _headers(tree: KernelTree, draft: Draft, definition: Definition) -> list[str]:
    text = draft.read(definition.file) or ""
    included = [f"include/uapi/linux/{name}.h" for name in re.findall(r"#include <(?:uapi/)?linux/(\w+)\.h>", text)]
    near = [f"include/uapi/linux/{definition.name}.h"]
    return [*near, *included, *tree.files.walk("include/uapi/linux", (".h",), deep=False)]


def _grow_header(draft: Draft, struct: _Struct, members: list[Member], version: int) -> None:
    text = draft.need(struct.header)
    head = re.search(rf"^struct {struct.tag} \{{\n", text, re.MULTILINE)
    close = text.index("};\n", head.end()) if head else -1
    text = text[:close] + "\n".join(write_members(members)) + "\n" + text[close:]
    comment = text.rfind("\n */\n", 0, text.index(f"struct {struct.tag} {{"))
    if head and comment >= 0 and text[comment + 5 : comment + 5 + len(head[0])] == head[0]:
        lines = [line for member in members for line in code.document_member(member)]
        text = text[:comment] + "\n" + "\n".join(lines) + text[comment:]
    macro, _ = struct.versions[-1]
    line = re.search(rf"^#define {macro}\s.*\n", text, re.MULTILINE)
    first = next(member.field.name for member in members if not member.reserved)
    new = f"{macro.rpartition('_VER')[0]}_VER{version}"
    if line:
        text = text[: line.end()] + f"#define {new}\t{members[-1].end} /* add: {first} */\n" + text[line.end() :]
    start = text.find("/**\n", max(0, text.rfind("\n\n", 0, text.index(f"struct {struct.tag} {{"))))
    flags: list[str] = []
    for member in members:
        if member.field.flags:
            wide = member.field.size > 4
            flags += [f"/* {struct.tag}.{member.field.name} */", *code.write_flags(member.field.flags, wide=wide), ""]
    if flags:
        at = start if start >= 0 else text.index(f"struct {struct.tag} {{")
        text = text[:at] + "\n".join(flags) + "\n" + text[at:]
    draft.write(struct.header, text)


def _grow_code(draft: Draft, definition: Definition, struct: _Struct, members: list[Member], version: int) -> None:
    text = draft.need(definition.file)
    macro = struct.versions[-1][0]
    new = f"{macro.rpartition('_VER')[0]}_VER{version}"
    total = re.search(rf"^\tBUILD_BUG_ON\(sizeof\(struct {struct.tag}\) != {macro}\);\n", text, re.MULTILINE)
    check = re.search(rf"^static int {definition.name}_check\(.*?^}}\n", text, re.MULTILINE | re.DOTALL)
    if total is None or check is None:
        missing = (
            f"BUILD_BUG_ON(sizeof(struct {struct.tag}) != {macro})" if total is None else f"{definition.name}_check()"
        )
        raise UserError(
            f"{definition.name}() cannot be grown by a tool",
            where=f"{definition.file}:{definition.line}",
            why=f"there is no {missing}, beside which the new version belongs",
            next_step="write it as `pumphouse syscalls add` does, or extend the call by hand",
        )
    last = members[-1].field.name
    chain = (
        f"\tBUILD_BUG_ON(offsetofend(struct {struct.tag}, {last}) !=\n\t\t     {new});\n"
        f"\tBUILD_BUG_ON(sizeof(struct {struct.tag}) != {new});\n"
    )
    lines = "".join(f"{line}\n" for line in code.write_check(members, struct.tag))
    place = check.end() - len("\treturn 0;\n}\n")
    pieces = [(total.start(), total.end(), chain), (place, place, lines), *_masks(text, struct, members, check.start())]
    pieces += _declarations(text, struct, members, macro, new)
    for start, end, piece in sorted(pieces, reverse=True):
        text = text[:start] + piece + text[end:]
    draft.write(definition.file, text)


def _masks(text: str, struct: _Struct, members: list[Member], check: int) -> list[tuple[int, int, str]]:
    """Where the masks of the new words go: above the function that checks, and its comment."""
    lines: list[str] = []
    for member in members:
        if member.field.flags is not None:
            wide = member.field.size > 4
            lines += code.write_mask(code.field_mask(struct.tag, member.field), member.field.flags, wide=wide)
    if not lines:
        return []
    comment = text.rfind("/*", 0, check)
    at = comment if comment >= 0 and text.find("*/\n", comment) + 3 == check else check
    return [(at, at, "\n".join(lines) + "\n\n")]


def _declarations(
    text: str, struct: _Struct, members: list[Member], macro: str, new: str
) -> list[tuple[int, int, str]]:
    """What is told to sys_features(): the last size becomes one of several, and the new words follow."""
    latest = re.search(rf"^\tSYSF_LATEST\((\d), struct {struct.tag}, {macro}\)", text, re.MULTILINE)
    if latest is None:
        return []
    pointer = int(latest[1])
    end = text.index(");\n", latest.end())
    words = [code.feature_of(pointer, struct.tag, member) for member in members if member.field.flags is not None]
    sizes = f"\tSYSF_SIZE({pointer}, {macro}),\n\tSYSF_LATEST({pointer}, struct {struct.tag}, {new})"
    more = [(end, end, ",\n" + ",\n".join(words))] if words else []
    return [(latest.start(), latest.end(), sizes), *more]


def _wrap(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 72))
