"""Two steps: write a query; when the database refuses it, mend it."""

import asyncio
import runpy
from pathlib import Path

shop = runpy.run_path(str(Path(__file__).with_name("database.py")))
query_in, run_query, QueryError, SCHEMA = shop["query_in"], shop["run"], shop["QueryError"], shop["schema"]()


def problem_with(query: str) -> str:
    """What the database says against a query, '' when nothing."""
    try:
        run_query(query)
    except QueryError as error:
        return str(error)
    return ""


async def run(example, prompts, model):
    """The answer is the query; the scorer runs it."""
    question = example["question"]
    query = query_in(await model.ask("write", schema=SCHEMA, question=question))
    problem = await asyncio.to_thread(problem_with, query)
    model.note("database", problem or "it runs", query=query)
    if problem:
        query = query_in(await model.ask("mend", schema=SCHEMA, question=question, query=query, problem=problem))
    return query
