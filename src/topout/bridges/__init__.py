"""Other people's optimizers, driven through a host that measures and asks for them: they search, topout does everything else."""
