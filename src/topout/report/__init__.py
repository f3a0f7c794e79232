"""Events -> what a person sees: findings, pictures, terminal."""
