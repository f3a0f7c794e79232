"""Right is a query that gives the same rows as the expected one, in any order unless that one orders them; columns in the same order."""

import runpy
from collections import Counter
from pathlib import Path

shop = runpy.run_path(str(Path(__file__).with_name("database.py")))
query_in, run_query, QueryError = shop["query_in"], shop["run"], shop["QueryError"]


def score(answer, expected, inputs):
    """1 for the same rows, else 0 with the first difference."""
    wanted = [tidy(row) for row in run_query(expected)]
    try:
        found = [tidy(row) for row in run_query(query_in(answer))]
    except QueryError as error:
        return 0.0, f"{error}; expected a query like: {expected}"
    if found == wanted or ("order by" not in expected.lower() and Counter(found) == Counter(wanted)):
        return 1.0
    odd = next((row for row in found if row not in wanted), None)
    missing = next((row for row in wanted if row not in found), None)
    said = f"{len(found)} rows, expected {len(wanted)}"
    said += f"; {odd} should not be there" if odd is not None else ""
    said += f"; {missing} is missing" if missing is not None else ""
    return 0.0, f"{said}; expected a query like: {expected}"


def tidy(row):
    """A row with numbers as they compare: 3 is 3.0, and sums of money agree to a tenth of a cent."""
    return tuple(round(float(value), 3) if isinstance(value, int | float) else value for value in row)
