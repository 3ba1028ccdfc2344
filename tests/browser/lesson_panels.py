"""The panels of a lesson, made here by the lesson's own cells: they say what a page should show."""

import ast

import nbformat
from ipywidgets import HTML, Box

from helpers.panels import Panel

BUILT_IN = {"__name__": "__main__"}


def names(path):
    """Return what a lesson calls its panels, in its order: the functions that make them."""
    found = [_makes_a_panel(tree) for tree in _trees(path)]
    found = [name for name in found if name]
    return [_numbered(name, found[:at]) for at, name in enumerate(found)]


def make(path):
    """Return the panels of a lesson by name, as they are when the lesson has run.

    Of its cells only those are run that the panels need.
    """
    chosen, needed = [], set()
    for tree in reversed(_trees(path)):
        is_panel = bool(_makes_a_panel(tree))
        if is_panel or _sets(tree) & needed:
            chosen.append((tree, is_panel))
            needed |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    # `parameters.check(globals(), …)` names none of them.
    space, made = dict(BUILT_IN), []
    for tree, is_panel in [*_parameters(path), *reversed(chosen)]:
        last = ast.Expression(tree.body.pop().value) if is_panel else None
        exec(compile(tree, str(path), "exec"), space)
        if last:
            made.append(eval(compile(last, str(path), "eval"), space))
    assert all(isinstance(panel, Panel) for panel in made)
    return dict(zip(names(path), made, strict=True))


def controls(box):
    """Return the controls of a panel in the order of the screen, its button last."""
    for child in box.children:
        if isinstance(child, Box):
            yield from controls(child)
        elif not isinstance(child, HTML):
            yield child


def _cells(path):
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _tagged(cell, tag):
    return tag in cell.metadata.get("tags", [])


def _trees(path):
    return [ast.parse(cell.source) for cell in _cells(path) if not _tagged(cell, "exercise")]


def _parameters(path):
    cells = [cell for cell in _cells(path) if _tagged(cell, "parameters")]
    return [(ast.parse(cell.source), False) for cell in cells]


def _makes_a_panel(tree):
    """Return the function that makes a panel where a cell ends with one: ``panels.dose(…)``."""
    match tree.body[-1:]:
        case [ast.Expr(ast.Call(ast.Attribute(ast.Name(module), function)))] if module.endswith(
            "panels"
        ):
            return function
    return ""


def _sets(tree):
    """Return the names that a cell defines or imports."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(name, ast.Store()) | ast.FunctionDef(name):
                found.add(name)
            case ast.Import(aliases) | ast.ImportFrom(names=aliases):
                found |= {alias.asname or alias.name for alias in aliases}
    return found


def _numbered(name, before):
    return name if name not in before else f"{name}_{before.count(name) + 1}"
