"""Pure moves on populations: frontier, parents, what the critic reads, demo sets, racing, and the optimizer made of them."""
