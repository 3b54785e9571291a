"""The JSON-RPC service: every byte that a client sends or gets passes through here."""
