"""Whether an answer parses: JSON, Cypher, Python, Rust; and whether a function is the asked one.

Cypher goes through `resources/grammars/opencypher.lark` in llguidance's matcher, Rust through
tree-sitter. Nothing is run. Knows nothing of rows or models.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn

from expert_studio.core.settings import resources_folder

if TYPE_CHECKING:
    from llguidance import LLMatcher
    from tree_sitter import Node

MOST_CHARACTERS = 200_000
MOST_CYPHER_CHARACTERS = 20_000
_END = 256  # the token after the 256 bytes
# A word that runs into a sign, outside of texts, quoted names, comments and numbers.
_TIGHT = re.compile(
    r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`|//[^\n]*|/\*.*?\*/|\$?\d[\w.]*)"""
    r"|([^\W\d]\w*)(?=[^\w\s])",
    re.DOTALL,
)


def parses(domain: str, text: str) -> str | None:
    """None where `text` parses as `domain` has it, otherwise a clause that says what is wrong.

    Domains without a language of their own always parse.
    """
    check = _CHECKS.get(domain)
    if check is None:
        return None
    if not text.strip():
        return "it is empty"
    if len(text) > MOST_CHARACTERS:
        return f"it has more than {MOST_CHARACTERS:,} characters"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "it has characters that are not Unicode text"
    return check(text)


def completes(domain: str, text: str, signature: str) -> str | None:
    """None where `text` is a function with this signature that does something.

    Args:
        domain: "python" or "rust".
        signature: the head of the function, "def area(width, height):" or "fn area(w: u32) -> u32".

    Returns:
        otherwise a clause: it does not parse, has another signature, or its body is
        empty or a constant.
    """
    fault = parses(domain, text)
    if fault is not None:
        return fault
    return _python_fault(text, signature) if domain == "python" else _rust_fault(text, signature)


def _json(text: str) -> str | None:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON")

    try:
        json.loads(text, parse_constant=refuse)
    except RecursionError:
        return "it is nested too deep"
    except ValueError as cause:
        return f"it is not JSON: {cause}"
    return None


def _cypher(text: str) -> str | None:
    if len(text) > MOST_CYPHER_CHARACTERS:
        return f"it has more than {MOST_CYPHER_CHARACTERS:,} characters"
    spaced = _TIGHT.sub(lambda found: found[1] or f"{found[2]} ", text.strip())
    written = list((spaced if spaced.endswith((";", "\n")) else spaced + "\n").encode())
    matcher = _cypher_matcher().deep_copy()
    fine = matcher.validate_tokens(written)
    if fine < len(written):
        near = bytes(written[max(0, fine - 15) : fine + 15]).decode(errors="replace")
        return f"it is not Cypher near “{' '.join(near.split())}”"
    matcher.consume_tokens(written)
    if matcher.is_error():
        return "it is too complex"
    return None if matcher.is_accepting() else "it ends too early"


class _Bytes:
    """A tokenizer of single bytes, as llguidance asks for one."""

    eos_token_id = _END
    bos_token_id = None
    tokens = (*(bytes([byte]) for byte in range(_END)), b"<end>")
    special_token_ids = (_END,)

    def __call__(self, text: bytes) -> list[int]:
        return list(text)


@lru_cache(maxsize=1)
def _cypher_matcher() -> LLMatcher:
    from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper

    lark = (resources_folder() / "grammars" / "opencypher.lark").read_text("utf-8")
    grammar = LLMatcher.grammar_from_lark(lark)
    limits = LLParserLimits(verbose_errors=False)
    tokenizer = LLTokenizer(TokenizerWrapper(_Bytes()))
    return LLMatcher(tokenizer, grammar, log_level=0, limits=limits)


def _python(text: str) -> str | None:
    return None if isinstance(tree := _python_tree(text), ast.Module) else tree


def _python_tree(text: str) -> ast.Module | str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as cause:
        return f"it is not Python: {cause.msg} in line {cause.lineno}"
    except ValueError as cause:
        return f"it is not Python: {cause}"
    except (RecursionError, MemoryError):
        return "it is nested too deep"


def _python_fault(text: str, signature: str) -> str | None:
    tree, asked = _python_tree(text), _python_tree(f"{signature.rstrip().rstrip(':')}:\n    ...")
    assert isinstance(tree, ast.Module)
    if isinstance(asked, str) or not isinstance(asked.body[0], ast.FunctionDef):
        return "the asked signature is none"
    wanted = asked.body[0]
    functions = [part for part in tree.body if isinstance(part, ast.FunctionDef)]
    found = next((part for part in functions if part.name == wanted.name), None)
    if found is None:
        return f"it has no function {wanted.name}"
    if ast.dump(found.args) != ast.dump(wanted.args):
        return f"{wanted.name} has other parameters than were asked for"
    body = [part for part in found.body if not _is_constant(part)]
    return None if body else f"the body of {wanted.name} is empty or a constant"


def _is_constant(part: ast.stmt) -> bool:
    """Whether a statement does nothing, or gives a constant: a pass, a text, a `return []`."""
    if isinstance(part, ast.Expr | ast.Return):
        return part.value is None or _is_literal(part.value)
    return isinstance(part, ast.Pass | ast.Raise)


def _is_literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return False
    return True


def _rust(text: str) -> str | None:
    """tree-sitter mends what it reads: a node of kind ERROR or MISSING says that it had to."""
    root = _rust_tree(text)
    if not root.has_error:
        return None
    for node in _nodes(root):
        if node.is_missing:
            return f"it is not Rust: “{node.type}” is missing in line {node.start_point.row + 1}"
        if node.is_error:
            return f"it is not Rust in line {node.start_point.row + 1}"
    return "it is not Rust"


def _rust_tree(text: str) -> Node:
    import tree_sitter_rust
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_rust.language())).parse(text.encode()).root_node


def _nodes(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.children


_RUST_HEAD = ("type_parameters", "parameters", "return_type")
_RUST_CONSTANT = re.compile(
    r"(return)?\s*(-?[\d._]+\w*|\"[^\"]*\"(\.to_string\(\))?|true|false|None|(String|Vec)::new\(\)"
    r"|vec!\[\]|Default::default\(\)|(todo|unimplemented|panic)!\([^)]*\)|\(\))?;?"
)


def _rust_fault(text: str, signature: str) -> str | None:
    wanted = next(_functions(_rust_tree(signature.rstrip().rstrip("{;") + " {}")), None)
    if wanted is None:
        return "the asked signature is none"
    name = _field(wanted, "name")
    found = next((f for f in _functions(_rust_tree(text)) if _field(f, "name") == name), None)
    if found is None:
        return f"it has no function {name}"
    if any(_field(found, part) != _field(wanted, part) for part in _RUST_HEAD):
        return f"{name} has another signature than was asked for"
    body = found.child_by_field_name("body")
    parts = [] if body is None else [p for p in body.named_children if "comment" not in p.type]
    does = [p for p in parts if not _RUST_CONSTANT.fullmatch((p.text or b"").decode().strip())]
    return None if does else f"the body of {name} is empty or a constant"


def _functions(root: Node) -> Iterator[Node]:
    return (node for node in _nodes(root) if node.type == "function_item")


def _field(node: Node, name: str) -> str:
    """The text of a part, without white space and trailing commas; "" where there is none."""
    part = node.child_by_field_name(name)
    written = part.text if part is not None else None
    return re.sub(r"\s+|,(?=\s*\))", "", (written or b"").decode(errors="replace"))


_CHECKS: Mapping[str, Callable[[str], str | None]] = {
    "json": _json,
    "cypher": _cypher,
    "python": _python,
    "rust": _rust,
}
