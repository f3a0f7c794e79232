"""From somebody's file of rows to a task folder: read it, understand its shape, propose scorer and splits, write plain files."""
