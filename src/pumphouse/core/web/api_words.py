# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI description in words, for the page that people read."""

from __future__ import annotations

from typing import Any

import msgspec

Schema = dict[str, Any]


class Field(msgspec.Struct, frozen=True):
    """A parameter, or a field of a shape."""

    name: str
    shape: str
    place: str = ""
    default: str = ""


class Operation(msgspec.Struct, frozen=True):
    """What can be asked, and what comes back, by status."""

    id: str
    method: str
    path: str
    words: str
    fields: list[Field]
    takes: str
    answers: list[tuple[str, str]]


class Shape(msgspec.Struct, frozen=True):
    """A named shape of values."""

    name: str
    words: str
    fields: list[Field]
    values: list[str]


def describe_operations(schema: Schema) -> list[Operation]:
    """Every operation, in the order of their addresses."""
    return [
        Operation(
            id=operation["operationId"],
            method=method.upper(),
            path=path,
            words=operation.get("description") or operation.get("summary", ""),
            fields=[
                Field(
                    name=item["name"],
                    shape=shape_in_words(item["schema"]),
                    place=item["in"],
                    default=str(item["schema"].get("default", "") or ""),
                )
                for item in operation.get("parameters", [])
            ],
            takes=_content_in_words(operation.get("requestBody", {})),
            answers=[
                (status, _content_in_words(answer) or answer.get("description", ""))
                for status, answer in operation["responses"].items()
            ],
        )
        for path, methods in sorted(schema["paths"].items())
        for method, operation in methods.items()
    ]


def describe_shapes(schema: Schema) -> list[Shape]:
    """Every named shape, by name."""
    return [
        Shape(
            name=name,
            words=shape.get("description", ""),
            fields=[Field(field, shape_in_words(part)) for field, part in shape.get("properties", {}).items()],
            values=[str(value) for value in shape.get("enum", [])],
        )
        for name, shape in sorted(schema["components"]["schemas"].items())
    ]


def shape_in_words(schema: Schema) -> str:
    """The shape of a value: "list of RunSummary", "integer or null"."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return " or ".join(shape_in_words(item) for item in schema[key])
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {shape_in_words(schema.get('items', {}))}"
    return kind if isinstance(kind, str) else " or ".join(kind)


def _content_in_words(part: Schema) -> str:
    return ", ".join(shape_in_words(content["schema"]) for content in part.get("content", {}).values())
