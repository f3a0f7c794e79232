"""Odd and hostile input for everything that reads a file or a reply: `make fuzz`."""
