"""The only reader of tasks/ and optimizers/: folders and files -> Task, Scorer, Prompt, Optimizer."""
