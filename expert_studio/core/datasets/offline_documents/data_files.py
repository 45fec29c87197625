"""Data and settings: datasets, logs, configuration, interface descriptions, queries."""

# ruff: noqa: E501 - texts of documents stand on one line as they are read

from __future__ import annotations

import json
from collections.abc import Callable

from expert_studio.core.datasets import offline_logs
from expert_studio.core.datasets.offline_documents.documents import (
    Document,
    Family,
    Maker,
    Pen,
    camel,
    families,
)
from expert_studio.core.datasets.offline_json_tasks.shapes import filled, shapes

_COLUMNS = ("city", "country", "person", "year", "count", "percent", "amount", "item", "day",
            "company", "animal", "sport", "code", "age", "month", "language")  # fmt: skip


def _csv(separator: str, language: str) -> Maker:
    def make(pen: Pen) -> Document:
        kinds = pen.chance.sample(_COLUMNS, pen.number(3, 6))
        heads = [pen.one(kind, f"{pen.slug()}_{kind}") for kind in kinds]
        rows = [[pen.word(kind) for kind in kinds] for _ in range(pen.number(4, 9))]
        text = "\n".join(separator.join(row) for row in (heads, *rows))
        path = pen.one(
            f"data/{pen.slug()}.{language}",
            f"{pen.slug()}-{pen.number(1, 99)}/{pen.slug()}.{language}",
        )
        return Document(path if language == "tsv" else pen.one(path, path, ""), text, language)

    return make


def _records(pen: Pen) -> Document:
    shape = pen.chance.choice(shapes(pen.held_out_lines))
    rows = [filled(shape, pen.chance, pen.held_out_words) for _ in range(pen.number(2, 3))]
    text = json.dumps(rows, indent=2, ensure_ascii=False)
    return Document(f"data/{shape.name}/{pen.slug()}s.json", text, "json")


def _listing(pen: Pen) -> Document:
    kind = pen.one("city", "animal", "food", "item", "job", "plant", "company", "title")
    values = sorted({pen.word(kind) for _ in range(pen.number(6, 14))})
    data = {
        "description": f"A list of {pen.slug()} names from {pen.word('country')}",
        f"{kind}s": values,
    }
    return Document(
        f"data/{pen.slug()}/{kind}s.json", json.dumps(data, indent=4, ensure_ascii=False), "json"
    )


def _log(line: offline_logs.Line) -> Maker:
    def make(pen: Pen) -> Document:
        second = pen.number(0, 80_000)
        lines = []
        for _ in range(pen.number(4, 14)):
            second += pen.number(0, 40)
            lines.append(line(pen.chance, second).replace("session", pen.slug()))
        return Document(
            pen.one(f"logs/{pen.slug()}.log", f"{pen.slug()}_2k.log", ""), "\n".join(lines), "log"
        )

    return make


def _workflow(pen: Pen) -> Document:
    steps = "\n".join(f"      - run: make {pen.identifier()}" for _ in range(pen.number(1, 4)))
    text = (
        f"name: {pen.slug()} {pen.verb()}\non:\n  push:\n    branches: [{pen.one('main', 'master', pen.slug())}]\n"
        f"jobs:\n  {pen.slug()}:\n    runs-on: {pen.one('ubuntu-latest', 'windows-latest', 'macos-14')}\n"
        f"    steps:\n      - uses: actions/checkout@v{pen.number(2, 5)}\n{steps}"
    )
    return Document(f".github/workflows/{pen.slug()}.yml", text, "yaml")


def _settings(pen: Pen) -> Document:
    def block() -> str:
        keys = "\n".join(
            f"  {pen.identifier()}: {pen.one('true', 'false', str(pen.number(1, 900)))}"
            for _ in range(3)
        )
        return f"{pen.slug()}:\n{keys}"

    text = "\n".join(block() for _ in range(pen.number(2, 4)))
    return Document(pen.one(f"config/{pen.slug()}.yml", f".{pen.slug()}.yaml"), text, "yaml")


def _compose(pen: Pen) -> Document:
    parts = [
        f"  {pen.slug()}:\n    image: {pen.one('redis', 'postgres', 'nginx', 'mysql')}:{pen.number(3, 17)}\n"
        f'    ports:\n      - "{pen.number(1000, 9999)}:{pen.number(80, 9000)}"'
        for _ in range(pen.number(1, 3))
    ]
    return Document("docker-compose.yml", "services:\n" + "\n".join(parts), "yaml")


def _cargo(pen: Pen) -> Document:
    needs = "\n".join(
        f'{name} = "{pen.number(0, 4)}.{pen.number(0, 20)}"'
        for name in pen.chance.sample(
            ("serde", "tokio", "rand", "clap", "regex", "anyhow", "log"), 3
        )
    )
    text = (
        f'[package]\nname = "{pen.slug()}-{pen.slug()}"\nversion = "0.{pen.number(1, 30)}.{pen.number(0, 9)}"\n'
        f'edition = "{pen.one("2018", "2021")}"\n\n[dependencies]\n{needs}\n{pen.slug()} = {{ path = "../{pen.slug()}" }}'
    )
    return Document(f"crates/{pen.slug()}/Cargo.toml", text, "toml")


def _toml(pen: Pen) -> Document:
    parts = [
        f'[{pen.slug()}.{pen.slug()}]\n{pen.identifier()} = {pen.number(1, 500)}\n{pen.slug()} = "{pen.slug()}"'
        for _ in range(pen.number(2, 4))
    ]
    return Document(f"{pen.slug()}.toml", "\n\n".join(parts), "toml")


def _npm(pen: Pen) -> Document:
    data = {
        "name": f"{pen.slug()}-{pen.slug()}",
        "version": f"{pen.number(0, 9)}.{pen.number(0, 20)}.{pen.number(0, 9)}",
        "scripts": {
            pen.verb(): f"node {pen.slug()}.js",
            "build": pen.one("tsc", "webpack", "vite build"),
        },
        "devDependencies": {
            pen.one("mocha", "eslint", "prettier", "jest"): f"^{pen.number(1, 30)}.0.0"
        },
    }
    return Document("package.json", json.dumps(data, indent=2), "json")


def _docker(pen: Pen) -> Document:
    runs = "\n".join(
        f"RUN {pen.one('make', 'npm run', 'pip install')} {pen.slug()}"
        for _ in range(pen.number(1, 4))
    )
    text = (
        f"FROM {pen.one('python:3.11', 'node:20', 'alpine:3.19', 'debian:12', 'rust:1.80')}\n"
        f'WORKDIR /{pen.slug()}\nCOPY . .\n{runs}\nEXPOSE {pen.number(1000, 9999)}\nCMD ["./{pen.identifier()}"]'
    )
    return Document(pen.one("Dockerfile", f"{pen.slug()}/Dockerfile"), text, "dockerfile")


def _ini(pen: Pen) -> Document:
    parts = [
        f"[{pen.slug()}]\n{pen.slug()} = {pen.number(1, 99)}\n{pen.identifier()} = {pen.one('yes', 'no', pen.slug())}"
        for _ in range(3)
    ]
    return Document(f"{pen.slug()}.ini", "\n\n".join(parts), "ini")


def _ignored(pen: Pen) -> Document:
    lines = [
        f"{pen.one('', '/', '*.', '**/')}{pen.slug()}{pen.one('', '/', '.tmp')}"
        for _ in range(pen.number(5, 12))
    ]
    return Document(".gitignore", "\n".join(lines), "gitignore")


def _select(pen: Pen) -> Document:
    a, b = pen.slug(), pen.slug()
    text = (
        f"SELECT {a}.{pen.slug()}, {pen.one('COUNT(*)', 'SUM(' + b + '.' + pen.slug() + ')', 'MAX(' + a + '.id)')}\n"
        f"FROM {a}\n{pen.one('JOIN', 'LEFT JOIN')} {b} ON {b}.{a}_id = {a}.id\n"
        f"WHERE {a}.{pen.slug()} {pen.one('=', '>', '<', '<>')} {pen.number(1, 999)}\n"
        f"GROUP BY {a}.{pen.slug()}\n{pen.one('ORDER BY 2 DESC', 'HAVING COUNT(*) > ' + str(pen.number(2, 9)))};"
    )
    return Document(
        pen.one(f"queries/{pen.slug()}-{pen.number(1, 30)}.sql", f"{pen.slug()}.sql", ""),
        text,
        "sql",
    )


def _table(pen: Pen) -> Document:
    rows = ",\n".join(
        f"  {pen.identifier()} {pen.one('INT', 'TEXT', 'DATE', 'VARCHAR(80)', 'BOOLEAN')}{pen.one('', ' NOT NULL')}"
        for _ in range(pen.number(3, 6))
    )
    name = pen.slug()
    text = f"CREATE TABLE {name} (\n  id SERIAL PRIMARY KEY,\n{rows}\n);\n\nINSERT INTO {name} VALUES ({pen.number(1, 99)}, '{pen.word('city')}');"
    return Document(
        pen.one(f"migrations/{pen.number(1, 90):04d}_{name}.sql", "schema.sql", ""), text, "sql"
    )


def _match(pen: Pen) -> Document:
    a, b = camel(pen.slug(), True), camel(pen.slug(), True)
    text = (
        f"MATCH (a:{a} {{{pen.slug()}: '{pen.word('city')}'}})-[r:{pen.verb().upper()}S]->(b:{b})\n"
        f"WHERE b.{pen.slug()} {pen.one('>', '=', '<>')} {pen.number(1, 999)}\n"
        f"RETURN a.{pen.slug()}, {pen.one('count(b)', 'collect(b.' + pen.slug() + ')', 'avg(r.' + pen.slug() + ')')} AS {pen.slug()}\n"
        f"ORDER BY {pen.slug()} LIMIT {pen.number(2, 90)}"
    )
    return Document(
        pen.one(f"queries/{pen.slug()}.cypher", f"{pen.identifier()}.cypher", ""), text, "cypher"
    )


def _merge(pen: Pen) -> Document:
    a, b = camel(pen.slug(), True), camel(pen.slug(), True)
    text = (
        f"UNWIND $rows AS row\nMERGE (a:{a} {{id: row.{pen.slug()}}})\nSET a.{pen.slug()} = row.{pen.slug()}\n"
        f"WITH a, row\nMATCH (b:{b} {{id: row.{pen.slug()}}})\nCREATE (a)-[:{pen.verb().upper()} {{{pen.slug()}: {pen.number(1, 99)}}}]->(b)"
    )
    return Document(f"{pen.identifier()}.cypher", text, "cypher")


_LOGS: Callable[[tuple[offline_logs.Line, ...]], dict[str, Maker]] = lambda lines: {  # noqa: E731
    line.__name__.strip("_"): _log(line) for line in lines
}
FAMILIES: tuple[Family, ...] = (
    *families(
        "dataset",
        {
            "csv": _csv(",", "csv"),
            "tsv": _csv("\t", "tsv"),
            "records": _records,
            "semicolon": _csv(";", "csv"),
        },
        {"listing": _listing, "csv-held-out": _csv(",", "csv")},
    ),
    *families("log", _LOGS(offline_logs.TRAINING_PROGRAMS), _LOGS(offline_logs.HELD_OUT_PROGRAMS)),
    *families(
        "configuration",
        {
            "workflow": _workflow,
            "settings": _settings,
            "cargo": _cargo,
            "npm": _npm,
            "docker": _docker,
            "ignored": _ignored,
        },
        {"compose": _compose, "toml": _toml, "ini": _ini},
    ),
    *families("query", {"select": _select, "match": _match}, {"table": _table, "merge": _merge}),
)
