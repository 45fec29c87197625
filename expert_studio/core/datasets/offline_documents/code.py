"""Program text: source code and tests in eight languages, shell and build files.

Functions are put together from steps; a language says how each step is written.
"""

# ruff: noqa: E501 - texts of documents stand on one line as they are read

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from expert_studio.core.datasets.offline_documents.documents import (
    NOUNS,
    Document,
    Family,
    Maker,
    Pen,
    camel,
    families,
)
from expert_studio.core.datasets.offline_words import side


class _Tongue(NamedTuple):
    """How a language writes things; `{x}` are names, `{n}` a number, `{s}` a step's indent."""

    suffix: str
    heads: tuple[str, ...]
    function: str
    steps: tuple[str, ...]
    end: str
    type: str
    test_head: str
    test: str
    test_end: str
    test_path: str
    snake: bool


_TONGUES: Mapping[str, _Tongue] = {
    "python": _Tongue(
        "py", ("import os", "import json", "import re", "from pathlib import Path", "import asyncio",
               "import numpy as np", "from flask import Flask", "from sqlalchemy import select"),
        "def {f}({x}, {y}={n}):\n    \"\"\"{V} the {x} of a {y}.\"\"\"",
        ("    {y} += len({x})", "    if not {x}:\n        return None", "    {z} = [i for i in {x} if i > {n}]",
         "    for i in {x}:\n        {y} = {y} * i + {n}", "    {z} = {{'{y}': {n}}}", "    {x}.{v}({n})"),
        "    return {y}", "class {C}:\n    def __init__(self, {x}):\n        self.{x} = {x}",
        "import pytest\nfrom {p} import {f}", "def test_{f}_{x}():\n    {y} = {f}({n})", "    assert {y} == {m}",
        "tests/test_{p}.py", True),
    "rust": _Tongue(
        "rs", ("use std::collections::HashMap;", "use std::fmt;", "use serde::Serialize;",
               "use tokio::sync::mpsc;", "use std::io::Read;"),
        "pub fn {f}({x}: &[i64], {y}: i64) -> i64 {{\n    let mut total = {n};",
        ("    for i in {x} {{\n        total += i * {y};\n    }}", "    if {x}.is_empty() {{\n        return {n};\n    }}",
         "    let {z} = {x}.iter().filter(|i| **i > {n}).count();", "    total -= {y} % {n};",
         "    total = total.max({n});"),
        "    total\n}}", "#[derive(Debug, Clone)]\npub struct {C} {{\n    pub {x}: u32,\n    {y}: String,\n}}",
        "use {p}::{f};", "#[test]\nfn {f}_{x}() {{\n    let {y} = {f}(&[{n}, {m}], {n});", "    assert_eq!({y}, {m});\n}}",
        "tests/{p}.rs", True),
    "java": _Tongue(
        "java", ("import java.util.List;", "import java.util.Map;", "import java.io.IOException;"),
        "    public int {f}(List<Integer> {x}, int {y}) {{\n        int total = {n};",
        ("        for (int i : {x}) {{\n            total += i * {y};\n        }}",
         "        if ({x}.isEmpty()) {{\n            return {n};\n        }}", "        total = Math.max(total, {n});",
         "        {x}.add({n});"),
        "        return total;\n    }}\n}}", "public class {C} {{\n    private final int {z} = {n};\n",
        "import org.junit.jupiter.api.Test;\n\nclass {C}Test {{", "    @Test\n    void {f}{C}() {{\n        int {y} = new {C}().{f}({n});",
        "        assertEquals({m}, {y});\n    }}\n}}", "src/test/java/{C}Test.java", False),
    "typescript": _Tongue(
        "ts", ("import {{ {C} }} from './{p}'", "import type {{ {C} }} from '../types'", "import React from 'react'"),
        "export function {f}({x}: number[], {y}: number): number {{\n  let total = {n}",
        ("  for (const i of {x}) {{\n    total += i * {y}\n  }}", "  if ({x}.length === 0) return {n}",
         "  const {z} = {x}.filter((i) => i > {n})", "  total -= {y} % {n}"),
        "  return total\n}}", "export interface {C} {{\n  {x}: string\n  {y}?: number\n}}",
        "import {{ {f} }} from '../{p}'\n\ndescribe('{f}', () => {{", "  it('{v}s a {x}', () => {{\n    const {y}: number = {f}([{n}], {m})",
        "    expect({y}).toBe({m})\n  }})\n}})", "src/__tests__/{p}.test.ts", False),
    "javascript": _Tongue(
        "js", ("const fs = require('fs')", "const {{ {f} }} = require('./{p}')", "const express = require('express')"),
        "function {f}({x}, {y}) {{\n  let total = {n}",
        ("  {x}.forEach((i) => {{\n    total += i * {y}\n  }})", "  if (!{x}) return {n}",
         "  const {z} = {x}.map((i) => i + {n})", "  console.log('{y}', total)"),
        "  return total\n}}\n\nmodule.exports = {{ {f} }}", "class {C} {{\n  constructor({x}) {{\n    this.{x} = {x}\n  }}\n}}",
        "const {f} = require('../{p}')\n\ndescribe('{f}', () => {{", "  test('{v}s the {x}', () => {{\n    const {y} = {f}([{n}], {m})",
        "    expect({y}).toEqual({m})\n  }})\n}})", "test/{p}.test.js", False),
    "go": _Tongue(
        "go", ("package {p}\n\nimport \"fmt\"", "package {p}\n\nimport (\n\t\"errors\"\n\t\"strings\"\n)"),
        "func {F}({x} []int, {y} int) int {{\n\ttotal := {n}",
        ("\tfor _, i := range {x} {{\n\t\ttotal += i * {y}\n\t}}", "\tif len({x}) == 0 {{\n\t\treturn {n}\n\t}}",
         "\ttotal -= {y} % {n}", "\t{x} = append({x}, {n})"),
        "\treturn total\n}}", "type {C} struct {{\n\t{X} string\n\t{Y} int\n}}",
        "package {p}\n\nimport \"testing\"", "func Test{F}(t *testing.T) {{\n\t{y} := {F}([]int{{{n}}}, {m})",
        "\tif {y} != {m} {{\n\t\tt.Errorf(\"got %d, want {m}\", {y})\n\t}}\n}}", "{p}/{p}_test.go", False),
    "cpp": _Tongue(
        "cpp", ("#include <vector>", "#include <string>\n#include <iostream>", "#include \"{p}.hpp\""),
        "int {f}(const std::vector<int>& {x}, int {y}) {{\n    int total = {n};",
        ("    for (auto i : {x}) {{\n        total += i * {y};\n    }}", "    if ({x}.empty()) return {n};",
         "    total = std::max(total, {n});", "    total -= {y} % {n};"),
        "    return total;\n}}", "class {C} {{\npublic:\n    explicit {C}(int {x}) : {x}_({x}) {{}}\nprivate:\n    int {x}_;\n}};",
        "#include <gtest/gtest.h>\n#include \"{p}.hpp\"", "TEST({C}Test, {F}) {{\n    auto {y} = {f}({{{n}}}, {m});",
        "    EXPECT_EQ({y}, {m});\n}}", "test/{p}_test.cpp", True),
    "c": _Tongue(
        "c", ("#include <stdio.h>", "#include <stdlib.h>\n#include <string.h>", "#include \"{p}.h\""),
        "int {f}(const int *{x}, size_t {y}) {{\n    int total = {n};",
        ("    for (size_t i = 0; i < {y}; i++) {{\n        total += {x}[i];\n    }}", "    if ({x} == NULL) return -{n};",
         "    total %= {n};", "    printf(\"{y}: %d\\n\", total);"),
        "    return total;\n}}", "struct {x} {{\n    char *{z};\n    unsigned {y};\n}};",
        "#include <assert.h>\n#include \"{p}.h\"", "static void test_{f}(void) {{\n    int {y} = {f}(NULL, {n});",
        "    assert({y} == {m});\n}}", "tests/test_{p}.c", True),
}  # fmt: skip


class _Writer:
    """The names of one file, so that its parts speak of the same things."""

    def __init__(self, pen: Pen, tongue: _Tongue) -> None:
        self.pen = pen
        self.tongue = tongue
        self.package = pen.slug()
        self.function = pen.identifier()

        self.names = self._new_names()

    def say(self, template: str) -> str:
        """The template, with the names of the function that is being written."""
        pen = self.pen
        return template.format(**self.names, v=pen.verb(), V=pen.verb().capitalize(),
                               n=pen.number(2, 99), m=pen.number(2, 999))  # fmt: skip

    def next_function(self, function: str) -> None:
        """New names from here on."""
        self.function = function
        self.names = self._new_names()

    def _new_names(self) -> dict[str, str]:
        x, y, z = self.pen.chance.sample(side(NOUNS, self.pen.held_out_words), 3)
        function = self.function
        return {
            "x": x, "y": y, "z": z, "X": x.capitalize(), "Y": y.capitalize(), "p": self.package,
            "f": function if self.tongue.snake else camel(function), "F": camel(function, True),
            "C": camel(f"{self.package}_{z}", True),
        }  # fmt: skip


def _source(language: str, with_type: bool) -> Maker:
    tongue = _TONGUES[language]

    def make(pen: Pen) -> Document:
        writer = _Writer(pen, tongue)
        parts = [writer.say(pen.one(*tongue.heads))]
        if with_type or language == "java":
            parts.append(writer.say(tongue.type))
        for _ in range(1 if language == "java" else pen.number(1, 2)):
            steps = pen.chance.sample(tongue.steps, pen.number(2, 3))
            writer.next_function(pen.identifier())
            lines = (tongue.function, *steps, tongue.end)
            parts.append("\n".join(writer.say(one) for one in lines))
        path = f"{pen.one('src/', 'lib/', '')}{writer.package}/{pen.slug()}.{tongue.suffix}"
        return Document(pen.one(path, path, ""), "\n\n".join(parts), language)

    return make


def _test(language: str) -> Maker:
    tongue = _TONGUES[language]

    def make(pen: Pen) -> Document:
        writer = _Writer(pen, tongue)
        parts = [writer.say(tongue.test_head)]
        closed = language in ("java", "typescript", "javascript")
        count = 1 if closed else pen.number(1, 3)
        for _ in range(count):
            parts.append(writer.say(f"{tongue.test}\n{tongue.test_end}"))
            writer.next_function(writer.function)
        path = writer.say(tongue.test_path)
        return Document(path, "\n\n".join(parts), language)

    return make


def _shell(pen: Pen) -> Document:
    lines = [
        pen.one(
            f"{pen.slug().upper()}=${{1:-{pen.slug()}}}", f"cd \"$HOME/{pen.slug()}\"",
            f"if [ -f {pen.slug()}.txt ]; then\n  echo \"{pen.slug()} found\"\nfi", f"mkdir -p build/{pen.slug()}",
            f"for f in {pen.slug()}/*; do\n  {pen.verb()} \"$f\"\ndone", f"curl -sSL https://{pen.slug()}.example/{pen.slug()} -o {pen.slug()}",
            f"export {pen.slug().upper()}_{pen.slug().upper()}={pen.number(1, 99)}",
        )
        for _ in range(pen.number(3, 6))
    ]  # fmt: skip
    head = pen.one("#!/bin/bash\nset -e", "#!/usr/bin/env bash\nset -euo pipefail", "#!/bin/sh")
    return Document(f"scripts/{pen.identifier()}.sh", "\n".join((head, *lines)), "shell")


def _make(pen: Pen) -> Document:
    rules = "\n\n".join(
        f"{pen.identifier()}: {pen.slug()}\n\t{pen.one('python', './bin/run', '$(CC)', 'go run')} {pen.slug()} --{pen.slug()}={pen.number(1, 99)}"
        for _ in range(pen.number(2, 4))
    )
    text = f"{pen.slug().upper()} ?= {pen.slug()}\n\n.PHONY: all clean\n\n{rules}"
    return Document(pen.one("Makefile", f"{pen.slug()}.mk"), text, "makefile")


def _cmake(pen: Pen) -> Document:
    name = pen.slug()
    files = " ".join(f"{pen.slug()}.cpp" for _ in range(pen.number(2, 4)))
    text = (
        f"cmake_minimum_required(VERSION 3.{pen.number(5, 28)})\nproject({name})\n\nadd_library({name} {files})\n"
        f"target_link_libraries({name} PRIVATE {pen.slug()})\nset({pen.slug().upper()}_DIR ${{CMAKE_SOURCE_DIR}}/{pen.slug()})"
    )
    return Document("CMakeLists.txt", text, "cmake")


def _gradle(pen: Pen) -> Document:
    needs = "\n".join(
        f"    implementation '{pen.slug()}.{pen.slug()}:{pen.slug()}:{pen.number(1, 9)}.{pen.number(0, 20)}'"
        for _ in range(pen.number(2, 4))
    )
    text = f"plugins {{\n    id 'java'\n}}\n\ngroup = '{pen.slug()}.{pen.slug()}'\n\ndependencies {{\n{needs}\n}}\n\ntask {camel(pen.identifier())} {{\n    dependsOn build\n}}"
    return Document("build.gradle", text, "gradle")


FAMILIES: tuple[Family, ...] = (
    *families(
        "source_code",
        {f"{language}-functions": _source(language, False) for language in _TONGUES},
        {f"{language}-types": _source(language, True) for language in _TONGUES},
    ),
    *families(
        "test_code",
        {language: _test(language) for language in _TONGUES if language not in ("cpp", "go")},
        {f"{language}-held-out": _test(language) for language in ("cpp", "go")},
    ),
    *families(
        "shell_build",
        {"script": _shell, "make": _make, "cmake": _cmake},
        {"gradle": _gradle, "script-held-out": _shell},
    ),
)
