"""How well an optimizer keeps its workers busy: topout and gepa side by side, on the same load."""
