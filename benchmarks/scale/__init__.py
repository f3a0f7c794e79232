"""How far one machine goes: rows, rollouts, and the scheduling of a fleet."""
