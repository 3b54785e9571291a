"""The state in RAM, its journal, its root, and what of it must last."""
