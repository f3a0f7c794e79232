"""topout: prompt optimization that reports held-out gains with intervals and says when prompting has topped out."""

__version__ = "0.1.0"
