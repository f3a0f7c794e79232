"""What files and commands may say: pydantic models, frozen, unknown keys refused."""
