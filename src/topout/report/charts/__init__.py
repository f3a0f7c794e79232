"""Charts of a run as Vega-Lite specifications, each a pure function of the findings. The page and the pictures draw the same ones.

Colours are written as names such as `@accent` (see `theme`), so that a page can paint them light or dark without another specification.
"""
