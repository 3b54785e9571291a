"""Orders, executes, seals, publishes: the only writer."""
