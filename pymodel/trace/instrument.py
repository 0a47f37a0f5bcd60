"""Rewrites a module's functions so that every expression tells its value to the recorder.

Only function bodies are touched: each call, operator, read and assigned name is wrapped in a call that hands its value
through. Positions stay those of the source, so tracebacks and `co_positions` are the user's own. What the code
computes does not change; what it costs is half a microsecond an expression.
"""

from __future__ import annotations

import ast
import builtins
import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar

from ..discover.document import Document
from ..schema import Position
from .refusals import APPLY, REFUSE, UNPACK

RECORD = "__pymodel_record_{}__"
"""The builtin that the code of one instrumenter calls: `RECORD(site, value)` returns `value`."""

LOAD = ast.Load()
"""One for all, as the parser itself has it."""
SiteKind = Literal["operation", "name", "read"]
Statements = list[ast.stmt]
Node = TypeVar("Node", bound=ast.AST)


@dataclass(frozen=True, eq=False)
class Site:
    """One expression, or one assigned name, of the source. A module has tens of thousands, of which few are asked for
    their place: it is kept as the parser gave it, and put into characters then."""

    path: str
    kind: SiteKind
    lines: list[str] = field(repr=False)
    """Of the whole source."""
    place: tuple[int, int, int, int]
    """First line and column, last line and column; columns in UTF-8 bytes."""
    name: str | None = None
    """What is bound here: it ends the place."""

    @cached_property
    def start(self) -> Position:
        return _position(self.lines, self.place[0], self.place[1])

    @cached_property
    def end(self) -> Position:
        if self.name is not None:
            return Position(self.start.line, self.start.column + len(self.name))
        return _position(self.lines, self.place[2], self.place[3])

    @cached_property
    def text(self) -> str:
        """The source, each line but the first without its indentation."""
        if self.name is not None:
            return self.name
        lines = self.lines[self.start.line - 1 : self.end.line]
        if not lines:
            return ""
        lines[-1] = lines[-1][: self.end.column]
        lines[0] = lines[0][self.start.column :]
        return " ".join(line.strip() for line in lines) if len(lines) > 1 else lines[0]


def pass_through(site: int, value: Any) -> Any:
    return value


class Instrumenter:
    """Instruments modules for one analysis; `sites[i]` is what `RECORD(i, …)` speaks of.

    Each has a builtin of its own: code that an earlier analysis of this process left behind, in a registry or a module
    that stayed, speaks of sites that are not these.
    """

    latest = 0
    """The number of the one whose code is recorded."""

    def __init__(self) -> None:
        self.sites: list[Site] = []
        Instrumenter.latest += 1
        self.builtin = RECORD.format(Instrumenter.latest)
        setattr(builtins, self.builtin, pass_through)

    @property
    def files(self) -> frozenset[str]:
        return frozenset(site.path for site in self.sites)

    def transform(self, tree: ast.Module, document: Document) -> ast.Module:
        """Instrument in place the functions of a tree that was read from `document`."""
        return _Rewriter(document.path, document.lines, self).visit(tree)  # type: ignore[no-any-return]

    # Parts of a script, which is run one statement at a time: instrumented as if they stood in a function.

    def transform_statement(self, node: ast.stmt, document: Document) -> Statements:
        visited = self._within(document).visit(copy.deepcopy(node))
        return visited if isinstance(visited, list) else [visited]

    def transform_expression(self, node: ast.expr, document: Document) -> ast.expr:
        return self._within(document).visit(copy.deepcopy(node))  # type: ignore[no-any-return]

    def record_bound(self, target: ast.expr | ast.arguments, document: Document) -> Statements:
        """What records the names that a target, or a function's head, has bound."""
        rewriter = self._within(document)
        if isinstance(target, ast.arguments):
            return [*rewriter.record_parameters(target)]
        return [*rewriter.record_targets(target)]

    def _within(self, document: Document) -> _Rewriter:
        return _Rewriter(document.path, document.lines, self, depth=1)


class _Rewriter(ast.NodeTransformer):
    def __init__(self, path: str, lines: list[str], instrumenter: Instrumenter, depth: int = 0) -> None:
        self.path = path
        self.lines = lines
        self.sites = instrumenter.sites
        self.builtin = instrumenter.builtin
        self.depth = depth

    # Scopes: functions are instrumented, module and class bodies are not.

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self.depth += 1
        body = self._block(node.body)
        self.depth -= 1
        recorded = self.record_parameters(node.args)
        if self.depth:
            node.args = self._defaults(node.args)
        first = 1 if _is_docstring(body[0]) else 0
        node.body = body[:first] + recorded + body[first:]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        depth, self.depth = self.depth, 0
        node.body = [self.visit(statement) for statement in node.body]
        self.depth = depth
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self.depth += 1
        body = self.visit(node.body)
        self.depth -= 1
        parameters = [record.value for record in self.record_parameters(node.args)]
        if self.depth:
            node.args = self._defaults(node.args)
        if parameters:  # (parameters…, body)[-1]
            last = ast.Subscript(ast.Tuple([*parameters, body], ast.Load()), ast.Constant(-1), ast.Load())
            body = _located(last, node.body)
        node.body = body
        return node

    def _defaults(self, arguments: ast.arguments) -> ast.arguments:
        """Defaults are evaluated where the function is defined."""
        arguments.defaults = [self.visit(default) for default in arguments.defaults]
        arguments.kw_defaults = [default and self.visit(default) for default in arguments.kw_defaults]
        return arguments

    def _block(self, statements: Statements) -> Statements:
        result: Statements = []
        for statement in statements:
            visited = self.visit(statement)
            result.extend(visited if isinstance(visited, list) else [visited])
        return result

    # Statements that bind names: a record follows each.

    def visit_Assign(self, node: ast.Assign) -> ast.AST | Statements:
        if not self.depth:
            return node
        records = [record for target in node.targets for record in self.record_targets(target)]
        node.value = self.visit(node.value)
        for target in node.targets[:1]:
            node.value = _unpacked(target, node.value)
        node.targets = [self.visit(target) for target in node.targets]
        return [node, *records]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | Statements:
        if not self.depth or node.value is None:
            return node
        records = self.record_targets(node.target)
        node.value = self.visit(node.value)
        node.target = self.visit(node.target)
        return [node, *records]

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | Statements:
        if not self.depth:
            return node
        records = self.record_targets(node.target)
        if records:  # the target read again is what the operator gave; `x[i]` read again would be an operation more
            operation = ast.Expr(self._wrap(ast.copy_location(_load(node.target), node), "operation"))
            records.insert(0, ast.copy_location(operation, node))
        node.value = self.visit(node.value)
        node.target = self.visit(node.target)
        return [node, *records]

    def visit_For(self, node: ast.For) -> ast.AST:
        return self._loop(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        return self._loop(node)

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        records = [record.value for record in self.record_targets(node.target)] if self.depth else []
        node = self.generic_visit(node)  # type: ignore[assignment]
        if records:  # a condition that always holds: a tuple that is not empty
            node.ifs.insert(0, _located(ast.Tuple(records, ast.Load()), node.target))
        return node

    def _loop(self, node: ast.For | ast.AsyncFor) -> ast.AST:
        if not self.depth:
            return node
        node.iter = self.visit(node.iter)
        node.body = [*self.record_targets(node.target), *self._block(node.body)]
        node.orelse = self._block(node.orelse)
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        if not self.depth:
            return node
        records: Statements = []
        for item in node.items:
            item.context_expr = self.visit(item.context_expr)
            if item.optional_vars is not None:
                records += self.record_targets(item.optional_vars)
        node.body = [*records, *self._block(node.body)]
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        node.test = self.visit(node.test)
        node.body, node.orelse = self._block(node.body), self._block(node.orelse)
        last = node.body[-1]
        if self.depth and not node.orelse and isinstance(last, ast.Raise) and last.exc and not last.cause:
            node.body[-1] = _refusal(last.exc, last)  # a guard: the code behind it may be followed
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        if not self.depth:
            return node
        message = [self.visit(node.msg)] if node.msg else []
        error = ast.Call(ast.Name("AssertionError", ast.Load()), message, [])
        refused = ast.If(ast.UnaryOp(ast.Not(), self.visit(node.test)), [_refusal(error, node)], [])
        return _located(refused, node)

    def visit_While(self, node: ast.While) -> ast.AST:
        node.test = self.visit(node.test)
        node.body, node.orelse = self._block(node.body), self._block(node.orelse)
        return node

    def visit_Try(self, node: ast.Try) -> ast.AST:
        node.body, node.orelse, node.finalbody = map(self._block, (node.body, node.orelse, node.finalbody))
        for handler in node.handlers:
            handler.body = self._block(handler.body)
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        # Patterns look like expressions but only some shapes of them are legal: they stay as they are.
        captured = [each for each in ast.walk(node.pattern) if isinstance(each, (ast.MatchAs, ast.MatchStar))]
        records = [self._record_captured(each, each.name) for each in captured if each.name] if self.depth else []
        node.guard = self.visit(node.guard) if node.guard else None
        node.body = [*records, *self._block(node.body)]
        return node

    def visit_Match(self, node: ast.Match) -> ast.AST:
        node.subject = self.visit(node.subject)
        node.cases = [self.visit(case) for case in node.cases]
        return node

    # Expressions.

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in ("super", "locals", "vars", "eval", "exec"):
            return node  # they look at the frame that calls them
        has_pattern = any(isinstance(each, ast.Constant) and _is_pattern(each.value) for each in node.args)
        call = self._expression(node, "operation")
        if self.depth and has_pattern:
            node.args = [node.func, *node.args]
            node.func = _located(ast.Name(APPLY, ast.Load()), node)
        return call

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        return self._expression(node, "operation")

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        return node if isinstance(node.operand, ast.Constant) else self._expression(node, "operation")

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        return self._expression(node, "operation")

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if isinstance(node.ctx, ast.Load):
            return self._expression(node, "operation")
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.ctx, ast.Load):
            return self._expression(node, "read")
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if self.depth and isinstance(node.ctx, ast.Load) and node.id not in ("self", "cls", "super"):
            return self._wrap(node, "read")
        return node

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        node.value = self.visit(node.value)
        return self._wrap(node, "name", at=node.target) if self.depth else node

    def _expression(self, node: ast.expr, kind: SiteKind) -> ast.expr:
        self.generic_visit(node)
        return self._wrap(node, kind) if self.depth else node

    # Records.

    def record_parameters(self, arguments: ast.arguments) -> list[ast.Expr]:
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        named += [star for star in (arguments.vararg, arguments.kwarg) if star]
        return [self._record_name(arg, arg.arg) for arg in named if arg.arg not in ("self", "cls")]

    def record_targets(self, target: ast.expr) -> list[ast.Expr]:
        if isinstance(target, ast.Name):
            return [self._record_name(target, target.id)]
        if isinstance(target, ast.Starred):
            return self.record_targets(target.value)
        if isinstance(target, (ast.Tuple, ast.List)):
            # Of `_, _, h, w = …` the first `_` is gone by the time that it could be read.
            later = [{each.id for each in ast.walk(element) if isinstance(each, ast.Name)} for element in target.elts]
            return [
                record
                for place, element in enumerate(target.elts)
                if not (isinstance(element, ast.Name) and element.id in set().union(*later[place + 1 :]))
                for record in self.record_targets(element)
            ]
        if _is_dotted(target):
            return [ast.copy_location(ast.Expr(self._wrap(_load(target), "name")), target)]
        return []

    def _record_captured(self, pattern: ast.MatchAs | ast.MatchStar, name: str) -> ast.Expr:
        """The name that a pattern binds ends it: `as name`, `*name`, or `name` alone."""
        end = pattern.end_col_offset - len(name.encode())
        at = ast.Name(
            name,
            lineno=pattern.end_lineno,
            col_offset=end,
            end_lineno=pattern.end_lineno,
            end_col_offset=pattern.end_col_offset,
        )
        return self._record_name(at, name)

    def _record_name(self, node: ast.expr | ast.arg, name: str) -> ast.Expr:
        value = ast.Name(name, LOAD, **_place(node))
        return ast.Expr(self._record_call(self._site("name", node, name), value, node), **_place(node))

    def _wrap(self, node: ast.expr, kind: SiteKind, at: ast.expr | None = None) -> ast.expr:
        return self._record_call(self._site(kind, at or node), node, node)

    def _record_call(self, site: int, value: ast.expr, at: ast.expr | ast.arg) -> ast.expr:
        place = _place(at)
        return ast.Call(ast.Name(self.builtin, LOAD, **place), [ast.Constant(site, **place), value], [], **place)

    def _site(self, kind: SiteKind, at: ast.expr | ast.arg, name: str | None = None) -> int:
        place = (at.lineno, at.col_offset, at.end_lineno or at.lineno, at.end_col_offset or 0)
        self.sites.append(Site(self.path, kind, self.lines, place, name))
        return len(self.sites) - 1


def _place(node: ast.expr | ast.arg) -> dict[str, Any]:
    return {
        "lineno": node.lineno,
        "col_offset": node.col_offset,
        "end_lineno": node.end_lineno,
        "end_col_offset": node.end_col_offset,
    }


def _position(lines: list[str], line: int, byte_column: int) -> Position:
    source = lines[line - 1] if line <= len(lines) else ""
    column = byte_column if source.isascii() else len(source.encode()[:byte_column].decode(errors="replace"))
    return Position(line, column)


def _unpacked(target: ast.expr, value: ast.expr) -> ast.expr:
    """The value that a target takes apart, seen before; its place is the target's, as in Python's own words."""
    if not isinstance(target, (ast.Tuple, ast.List)) or isinstance(value, (ast.Tuple, ast.List)):
        return value
    starred = any(isinstance(each, ast.Starred) for each in target.elts)
    count = ast.Constant(len(target.elts) - starred)
    call = ast.Call(ast.Name(UNPACK, ast.Load()), [value, count, ast.Constant(starred)], [])
    return _located(call, target)


def _refusal(error: ast.expr, at: ast.stmt) -> ast.stmt:
    return _located(ast.Expr(ast.Call(ast.Name(REFUSE, ast.Load()), [error], [])), at)


def _located(node: Node, at: ast.AST) -> Node:
    """New nodes at the place of an old one; those that have a place keep it."""
    for each in ast.walk(node):
        if "lineno" in each._attributes and not hasattr(each, "lineno"):
            ast.copy_location(each, at)
    return node


def _is_pattern(value: object) -> bool:
    return isinstance(value, str) and "->" in value


def _load(target: ast.expr) -> ast.expr:
    """The same place, read instead of written."""
    again = ast.parse(ast.unparse(target), mode="eval").body
    for node in ast.walk(again):
        ast.copy_location(node, target)
    return again


def _is_dotted(target: ast.expr) -> bool:
    """`self.h`, `state.cache.keys`: attributes of names, which can be read without an effect."""
    while isinstance(target, ast.Attribute):
        target = target.value
        if isinstance(target, ast.Name):
            return True
    return False


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
