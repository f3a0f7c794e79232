"""Text to features: words, stems, stem pairs and letter groups.

All that this model knows of English stands here: a list of stop words and a suffix stripper. No task's words.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["BIGRAM_WEIGHT", "CHAR_WEIGHT", "STEM_WEIGHT", "STOP", "grams", "kept", "stem", "words"]

STEM_WEIGHT = 1.0
BIGRAM_WEIGHT = 0.7
CHAR_WEIGHT = 0.35

STOP = frozenset(
    [
        "a",
        "about",
        "above",
        "after",
        "again",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "being",
        "below",
        "between",
        "both",
        "but",
        "by",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "down",
        "during",
        "each",
        "either",
        "else",
        "ever",
        "few",
        "for",
        "from",
        "further",
        "get",
        "gets",
        "give",
        "go",
        "goes",
        "going",
        "got",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "here",
        "hers",
        "herself",
        "him",
        "himself",
        "his",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "itself",
        "just",
        "let",
        "like",
        "lot",
        "made",
        "make",
        "many",
        "may",
        "me",
        "might",
        "more",
        "most",
        "much",
        "must",
        "my",
        "myself",
        "near",
        "need",
        "neither",
        "of",
        "off",
        "on",
        "once",
        "one",
        "only",
        "onto",
        "or",
        "other",
        "our",
        "ours",
        "ourselves",
        "out",
        "over",
        "own",
        "per",
        "please",
        "quite",
        "rather",
        "really",
        "same",
        "shall",
        "she",
        "should",
        "since",
        "so",
        "some",
        "such",
        "than",
        "thank",
        "thanks",
        "that",
        "the",
        "their",
        "theirs",
        "them",
        "themselves",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "thus",
        "till",
        "to",
        "too",
        "under",
        "until",
        "up",
        "upon",
        "us",
        "use",
        "used",
        "user",
        "uses",
        "very",
        "via",
        "was",
        "we",
        "were",
        "will",
        "with",
        "within",
        "would",
        "yet",
        "you",
        "your",
        "yours",
        "yourself",
        "yourselves",
        "im",
        "ive",
        "id",
        "ill",
        "dont",
        "hello",
        "hi",
        "hey",
        "dear",
        "regards",
        "customer",
        "wants",
        "want",
        "asks",
        "ask",
        "something",
        "someone",
        "thing",
        "things",
        "e",
        "g",
        "eg",
        "etc",
        "s",
        "t",
        "m",
        "re",
        "ve",
        "ll",
        "d",
    ]
)
"""Dropped by the reader. Question words and "not" are missing on purpose: they tell intents apart."""

_WORD = re.compile(r"[^\W_]+")
_NOT = re.compile(r"n['’]t\b")
_VOWEL = re.compile(r"[aeiouy]")


def words(text: str) -> list[str]:
    """Lower-case words and numbers in order; "n't" is read as "not", underscores and hyphens separate."""
    return _WORD.findall(_NOT.sub(" not", text.lower()))


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The word without its common English endings. Rough by design: equal stems matter, not right ones."""
    if len(word) <= 3:
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("sses"):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending, least in (("ing", 3), ("ed", 3), ("ly", 4), ("ment", 4), ("ation", 4), ("ion", 4)):
        if word.endswith(ending) and len(word) - len(ending) >= least and _VOWEL.search(word[: -len(ending)]):
            word = word[: -len(ending)]
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    if word.endswith("e") and len(word) > 3:
        word = word[:-1]
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word


def kept(text: str) -> list[str]:
    """The words that are no stop words, in order; all words when nothing else is left."""
    found = words(text)
    return [w for w in found if w not in STOP] or found


@lru_cache(maxsize=32768)
def grams(word: str) -> tuple[str, ...]:
    """Distinct letter groups of 3 to 5 inside one word, its ends marked; empty for words of one or two letters."""
    if len(word) < 3:
        return ()
    padded = f"<{word}>"
    return tuple(dict.fromkeys(padded[i : i + n] for n in (3, 4, 5) for i in range(len(padded) - n + 1)))
