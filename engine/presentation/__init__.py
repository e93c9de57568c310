"""How people reach the engine."""
