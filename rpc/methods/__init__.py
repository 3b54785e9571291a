"""One file a namespace of JSON-RPC methods."""
