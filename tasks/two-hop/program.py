"""Two hops over a collection: who is meant, then what is known of that person. Three predictors, and BM25 in between."""

import json
import re
from functools import cache
from pathlib import Path

import dspy

COLLECTION = Path(__file__).parent / "collection.jsonl"


class Collection:
    """Passages, found by their words (BM25)."""

    def __init__(self) -> None:
        try:
            import bm25s
        except ImportError as error:
            raise RuntimeError("this task searches with bm25s: pip install 'topout[retrieval]'") from error
        lines = COLLECTION.read_text(encoding="utf-8").splitlines()
        self._passages = [json.loads(line) for line in lines]
        self._words = bm25s.tokenization.Tokenizer(stopwords="en")
        tokens = self._words.tokenize([p["text"] for p in self._passages], show_progress=False)
        self._index = bm25s.BM25()
        self._index.index(tokens, show_progress=False)

    def search(self, words: str, most: int, without: str = "") -> list[dict]:
        """The passages that the words fit best, without those about `without`."""
        tokens = self._words.tokenize([words], update_vocab=False, show_progress=False)
        if not tokens[0]:
            return []
        found, scores = self._index.retrieve(tokens, k=most + 5, show_progress=False)
        passages = [self._passages[i] for i, score in zip(found[0], scores[0], strict=True) if score > 0]
        return [p for p in passages if p["title"] != without][:most]


collection = cache(Collection)


def names(text: str, but: str = "") -> str:
    """The names in a text: words with a capital letter, but those of `but` and the one that a sentence begins with."""
    known = set(but.split())
    return " ".join(word for word in re.findall(r"(?<!^)\b[A-Z]\w+", text) if word not in known)


class TwoHop(dspy.Module):
    """A question about the person behind a house."""

    def __init__(self) -> None:
        super().__init__()
        self.first = dspy.Predict("question -> words")
        self.second = dspy.Predict("question, passage -> words")
        self.answer = dspy.Predict("question, fact -> answer")

    def forward(self, question: str) -> dspy.Prediction:
        """First the person, then the fact."""
        words = self.first(question=question).words
        hop = collection().search(f"{names(question)} {words}", 1)
        passage = hop[0]["text"] if hop else ""
        house = hop[0]["title"] if hop else ""
        words = self.second(question=question, passage=passage).words
        facts = collection().search(f"{names(passage, house)} {words}", 1, without=house)
        fact = facts[0]["text"] if facts else ""
        return dspy.Prediction(answer=self.answer(question=question, fact=fact).answer)


program = TwoHop
