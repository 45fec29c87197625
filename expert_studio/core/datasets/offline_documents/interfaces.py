"""Descriptions of interfaces: OpenAPI whole and in parts, Swagger, AsyncAPI, GraphQL, messages."""

# ruff: noqa: E501 - texts of documents stand on one line as they are read

from __future__ import annotations

import json

from expert_studio.core.datasets.offline_documents.documents import (
    Document,
    Family,
    Pen,
    camel,
    families,
)


def _status(pen: Pen) -> str:
    return pen.one("200", "201", "204", "400", "404", "422")


def _text(pen: Pen) -> str:
    """What an interface says of one of its things."""
    return pen.one(
        f"The {pen.slug()} of the {pen.slug()}.",
        f"To {pen.verb()} a {pen.slug()}, send a request with its identifier.",
        f"A unique string that identifies the {pen.slug()}.",
        f"Returns all {pen.slug()}s of an account, newest first.",
        f"The number of {pen.slug()}s to return, at most {pen.number(10, 500)}.",
        f"Set to true to {pen.verb()} the {pen.slug()} as well.",
    )


def _openapi(pen: Pen) -> Document:
    paths = "\n".join(
        f"  /{pen.slug()}s/{{id}}:\n    {pen.one('get', 'post', 'delete')}:\n      operationId: {camel(pen.identifier())}\n"
        f"      responses:\n        '{pen.one('200', '201', '404')}':\n          description: The {pen.slug()}"
        for _ in range(pen.number(1, 3))
    )
    text = f"openapi: 3.0.{pen.number(0, 3)}\ninfo:\n  title: {pen.slug().capitalize()} API\n  version: '{pen.number(1, 9)}'\npaths:\n{paths}"
    return Document(pen.one("openapi.yaml", f"specification/{pen.slug()}.yml"), text, "yaml")


def _schema(pen: Pen) -> Document:
    data = {
        "openapi": "3.1.0",
        "info": {"title": f"{pen.slug()} service", "version": str(pen.number(1, 90))},
        "paths": {
            f"/{pen.slug()}/{pen.verb()}": {
                "post": {
                    "operationId": camel(pen.identifier()),
                    "responses": {"200": {"description": "ok"}},
                }
            }
        },
    }
    return Document(
        f"json/{camel(pen.slug(), True)}Service-v{pen.number(1, 60)}.json",
        json.dumps(data, indent=2),
        "json",
    )


def _graphql(pen: Pen) -> Document:
    parts = []
    for _ in range(pen.number(2, 3)):
        rows = "\n".join(
            f"  {camel(pen.identifier())}: {pen.one('String', 'Int', 'ID!', '[Float]')}"
            for _ in range(3)
        )
        parts.append(f"type {camel(pen.slug(), True)} {{\n{rows}\n}}")
    return Document(f"{pen.slug()}.graphql", "\n\n".join(parts), "graphql")


def _proto(pen: Pen) -> Document:
    rows = "\n".join(
        f"  {pen.one('string', 'int32', 'bool', 'repeated string')} {pen.identifier()} = {n};"
        for n in range(1, pen.number(3, 6))
    )
    name = camel(pen.slug(), True)
    text = f'syntax = "proto3";\n\npackage {pen.slug()};\n\nmessage {name} {{\n{rows}\n}}\n\nservice {name}Service {{\n  rpc {camel(pen.identifier(), True)} ({name}) returns ({name});\n}}'
    return Document(f"{pen.slug()}.proto", text, "proto")


def _swagger(pen: Pen) -> Document:
    name = pen.slug()
    data = {
        "swagger": "2.0",
        "info": {"title": f"{name} API", "description": _text(pen), "version": "1.0"},
        "host": f"{name}.example",
        "basePath": f"/v{pen.number(1, 9)}",
        "schemes": ["https"],
        "paths": {
            f"/{pen.slug()}s/{{id}}": {
                pen.one("get", "put", "delete"): {
                    "summary": _text(pen),
                    "parameters": [
                        {"name": "id", "in": "path", "required": True, "type": "string"}
                    ],
                    "responses": {_status(pen): {"description": _text(pen)}},
                }
            }
            for _ in range(pen.number(1, 3))
        },
    }
    text = json.dumps(data, indent=pen.chance.choice((2, 4, None)))
    return Document(pen.one("swagger.json", f"api/{name}.json", f"{name}-v1.json"), text, "json")


def _path_item(pen: Pen) -> Document:
    name = pen.slug()
    needs = "\n".join(
        f"  - $ref: '{pen.one('../../shared', 'parameters.yml#', '#/components/parameters')}/{pen.slug()}_id'"
        for _ in range(pen.number(1, 3))
    )
    answers = "\n".join(
        f'  "{code}":\n    {pen.one("$ref: responses/" + pen.slug() + ".yml", "description: " + _text(pen))}'
        for code in pen.chance.sample(("200", "201", "401", "404", "429", "500"), pen.number(2, 4))
    )
    text = (
        f"operationId: {name}s_{pen.verb()}\n\nsummary: {pen.verb().capitalize()} a {name}\n\n"
        f"description: |\n  {_text(pen)}\n  {_text(pen)}\n\ntags:\n  - {name.capitalize()}s\n\n"
        f"parameters:\n{needs}\n\nresponses:\n{answers}\n\nsecurity:\n  - bearer_auth:\n    - '{name}:read'"
    )
    path = f"{pen.one('resources', 'paths', 'endpoints')}/{name}s/{name}_{pen.verb()}.{pen.one('yml', 'yaml')}"
    return Document(pen.one(path, path, ""), text, "yaml")


def _component(pen: Pen) -> Document:
    rows = "\n".join(
        f"  {pen.identifier()}:\n    type: {pen.one('string', 'integer', 'boolean', 'array')}\n"
        f"    description: {_text(pen)}\n    example: {pen.one(pen.slug(), str(pen.number(1, 900)), 'true')}"
        for _ in range(pen.number(2, 5))
    )
    text = f"type: object\nproperties:\n{rows}\nrequired:\n  - {pen.slug()}"
    path = f"{pen.one('resources', 'schemas', 'components/schemas')}/{pen.slug()}.{pen.one('yml', 'yaml')}"
    return Document(path, text, "yaml")


def _part(pen: Pen) -> Document:
    """A piece from the middle of a large description, as long files are cut."""
    name = camel(pen.slug(), True)
    data = {
        name: {
            "type": "object",
            "required": [pen.slug()],
            "properties": {
                camel(pen.identifier()): {
                    "type": pen.one("string", "integer", "boolean"),
                    "description": _text(pen),
                    **({"maxLength": pen.number(10, 300)} if pen.number(0, 1) else {}),
                }
                for _ in range(pen.number(2, 5))
            },
        }
    }
    whole = {"components": {"schemas": data}} if pen.number(0, 1) else data
    text = json.dumps(whole, indent=pen.chance.choice((1, 2, 4)))
    return Document(pen.one(f"specs/{name}-v{pen.number(1, 9)}.json", ""), text, "json")


def _events(pen: Pen) -> Document:
    channels = "\n".join(
        f"  {pen.slug()}/{pen.verb()}:\n    subscribe:\n      message:\n        $ref: '#/components/messages/{camel(pen.slug(), True)}'"
        for _ in range(pen.number(1, 3))
    )
    text = (
        f"asyncapi: 2.{pen.number(0, 6)}.0\ninfo:\n  title: {pen.slug()} events\n  version: {pen.number(1, 9)}.0.0\n"
        f"servers:\n  production:\n    url: {pen.slug()}.example:{pen.number(1000, 9999)}\n    protocol: {pen.one('kafka', 'amqp', 'mqtt')}\nchannels:\n{channels}"
    )
    return Document(pen.one("asyncapi.yaml", f"events/{pen.slug()}.yml"), text, "yaml")


FAMILIES: tuple[Family, ...] = families(
    "api_spec",
    {
        "openapi": _openapi,
        "graphql": _graphql,
        "swagger": _swagger,
        "path-item": _path_item,
        "component": _component,
        "part": _part,
        "events": _events,
    },
    {"schema": _schema, "proto": _proto},
)
