"""Everything that executes a transaction."""
