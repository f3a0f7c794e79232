"""The only door to the models. `gateway` is the file to read first."""
