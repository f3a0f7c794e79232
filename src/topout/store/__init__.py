"""The only writer of runs/: layout, journal, lock, derived tables."""
