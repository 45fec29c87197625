"""GBNF grammars as upstream writes them: which texts they allow, and which grammars are refused."""

from __future__ import annotations

import re

import pytest
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from expert_studio.core.inference.constraint import Constraint
from expert_studio.core.inference.constraint_grammar import (
    GrammarRefusedError,
    _Bytes,
    grammar_of,
)

JSON = r"""
# Any JSON object.
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::=
  "{" ws (
    string ":" ws value
    ("," ws string ":" ws value)*   # further members
  )? "}" ws
array  ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ([^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}))* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9]{1,3})? ws
ws     ::= | " " | "\n" [ \t]{0,20}
"""
SQL = r"""
root      ::= select ";"
select    ::= "SELECT " columns " FROM " name (" WHERE " condition)? (" LIMIT " [0-9]+)?
columns   ::= "*" | name (", " name)*
condition ::= term ((" AND " | " OR ") term)*
term      ::= name " " ("=" | "<" | ">" | "<>") " " (text | [0-9]+) | "(" condition ")"
text      ::= "'" [^']* "'"
name      ::= [a-zA-Z_] [a-zA-Z0-9_]*
"""
CYPHER = r"""
root ::= "MATCH " node (edge node)* " RETURN " variable
node ::= "(" variable (":" Label-name)? ")"
edge ::= "-[:" labelName "]->"
variable ::= [a-z]+
Label-name ::= [A-Z] [a-zA-Z]*
labelName ::= [A-Z_]+
"""


def allows(grammar: str, text: str) -> bool:
    matcher = LLMatcher(LLTokenizer(TokenizerWrapper(_Bytes())), grammar)
    taken = matcher.try_consume_tokens(list(text.encode()))
    assert not matcher.is_error(), matcher.get_error()
    return bool(taken == len(text.encode()) and matcher.is_accepting())


@pytest.mark.parametrize(
    ("source", "texts", "others"),
    [
        (
            JSON,
            [
                '{"a": [1, -2.5e3, true], "b": {"c": null}}',
                '{"é\\u00e9": "\\""}',
                '{\n  "a":1}',
            ],
            ["[]", '{"a": 01}', '{"a": "\t"}', '{"a"', '{"a": 1,}'],
        ),
        (
            SQL,
            [
                "SELECT * FROM t;",
                "SELECT a, b_1 FROM t WHERE (a = 'x' OR b <> 3) AND c < 4 LIMIT 5;",
            ],
            ["SELECT * FROM t", "DROP TABLE t;", "SELECT a b FROM t;"],
        ),
        (
            CYPHER,
            ["MATCH (a:Person)-[:KNOWS]->(b) RETURN a"],
            ["MATCH (a:person) RETURN a", "MATCH (A) RETURN a"],
        ),
        ('root ::= [^\\n]* ";" "\\n" root | "end"', ["a;b;\nend", "end"], ["a\nend"]),
        ('root ::= root "+" [0-9]+ | [0-9]+', ["1+22+3"], ["1+", "+1"]),
        ('root ::= ("a"{1,2} "b"){2} "c"{2,}', ["aababcc", "ababccc"], ["abcc", "aaababcc"]),
        ('root ::= ("(" root ")"){0,1}{2} "x"', ["x", "(x)x", "((x)x)(x)x"], ["(x)"]),
        ("root ::= . [\\x41-\\u00E9\\U0001F600] [a-]", ["\né-", "😀😀a"], ["ab", "aa "]),
        ('root ::= [^^"\\]] "\\"\\\\"', ['a"\\'], ['^"\\', ']"\\', "a"]),
        ('root ::=\n  "a" |\n  "b"\n\n\n# the end', ["a", "b"], ["ab"]),
        ('root ::= "" "x" ()', ["x"], [""]),
        ('root::="x"', ["x"], ["y"]),
        ('root ::= "a"\n     | "b" # either\n\n     | other\nother ::= "c"', ["a", "c"], ["ab"]),
    ],
)
def test_a_grammar_allows_its_texts_alone(source: str, texts: list[str], others: list[str]) -> None:
    grammar = grammar_of(Constraint("gbnf", source))
    assert [text for text in texts if not allows(grammar, text)] == []
    assert [text for text in others if allows(grammar, text)] == []


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ('start ::= "a"', "no rule “root”"),
        ('root ::= "a" other', "names “other”"),
        ('root ::= "a', "not closed"),
        ("root ::= [a", "not closed"),
        ("root ::= []", "empty"),
        ("root ::= [z-a]", "backwards"),
        ('root ::= ("a"', "“)” is missing"),
        ('root ::= "a")', "not expected"),
        ('root = "a"', "“::=” is missing"),
        ('root ::= "a"{3,2}', "fewer"),
        ('root ::= "a"{x}', "repetitions"),
        ('root ::= "\\q"', "escape"),
        ('root ::= "\\uD800"', "escape"),
        ("root ::= <think>", "tokens cannot be named"),
        ('\nroot ::= "a" |\n"b" & "c"', "Line 3, near “& "),
        ("# nothing", "no rule “root”"),
        ('root ::= root "a"', "no end"),
        ("root ::= a\na ::= b\nb ::= a", "no end"),
        ('root ::= ""', "no text but the empty one"),
        ("root ::= " + "(" * 5000 + '"a"' + ")" * 5000, "nested"),
        ('root ::= "a"' + "{1,9}" * 5000, "over"),
        ("\n".join(f'r{number} ::= "a"' for number in range(5000)), "rules"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place(source: str, why: str) -> None:
    with pytest.raises(GrammarRefusedError, match=re.escape(why)):
        grammar_of(Constraint("gbnf", source))
