"""An agent with two tools: it looks items up and computes, move by move, until it answers."""

import ast
import json
import operator
from pathlib import Path

ITEMS = json.loads((Path(__file__).parent / "items.json").read_text(encoding="utf-8"))
MOVES = 8
SIGNS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}


def lookup(name: str) -> str:
    """What the stockroom knows of an item."""
    item = ITEMS.get(name.strip().lower())
    if item is None:
        return f"no item called '{name.strip()[:60]}'"
    return f"{item['weight_kg']} kg a piece, {item['price']} a piece, {item['per_crate']} pieces a crate, shelf {item['shelf']}"


def calculate(expression: str) -> str:
    """The value of a sum, or what is wrong with it."""
    try:
        value = value_of(ast.parse(expression.strip()[:200], mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError, RecursionError, MemoryError):
        return "cannot compute that: write numbers, + - * / // and parentheses"
    return f"{value:g}"


def value_of(node: ast.expr) -> float:
    """Numbers and the four operations, nothing else."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool) and abs(number) < 1e12:
            return number
        case ast.BinOp(left, op, right) if type(op) in SIGNS:
            return SIGNS[type(op)](value_of(left), value_of(right))
        case ast.UnaryOp(ast.USub(), inner):
            return -value_of(inner)
    raise ValueError


TOOLS = {"lookup": lookup, "calc": calculate}


async def run(example, prompts, model):
    """Each move is a line: `lookup: item`, `calc: expression` or `answer: number`."""
    done = "none yet"
    for _ in range(MOVES):
        reply = await model.ask("move", question=example["question"], done=done)
        name, _, text = (reply.strip().splitlines() or [""])[-1].partition(":")
        name = name.strip().lower()
        if name == "answer":
            return text.strip()
        seen = TOOLS[name](text) if name in TOOLS else "no such move: write lookup, calc or answer, a colon, and what for"
        model.note(name if name in TOOLS else "no tool", seen, text=text.strip())
        done = f"{'' if done == 'none yet' else done + chr(10)}{name[:20]}: {text.strip()[:200]} -> {seen}"
    return "no answer within 8 moves"
