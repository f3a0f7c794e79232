"""Models that run in process: no key, no download, under a millisecond a call.

`embedded/reader` and `embedded/reader-small` classify and extract by what the prompt says, as in-context learners: every label,
definition, phrase and example comes from the prompt, none is in the code. `embedded/critic` edits prompts by what failing examples
show. What they bring of their own: a stop list, a suffix stripper, fixed weights, patterns for dates, money and codes, and some
English business words. The readers' weights were chosen on subsets of banking77 and CLINC150 before any bundled task
existed; the critic's habits and the extraction were settled while looking at the bundled tasks (docs/embedded.md).

They are *no* evidence about language models: they cannot reason, and more words always help them. Reports made with them say so.
Measured held-out accuracy, cost and limits are in the project's documentation.
"""

from topout.models.embedded.answering import CANNOT
from topout.models.embedded.core import CONTEXT_TOKENS, MODELS, Answer, ContextTooLong, UnknownModel, answer, understood

__all__ = ["CANNOT", "CONTEXT_TOKENS", "MODELS", "Answer", "ContextTooLong", "UnknownModel", "answer", "understood"]
