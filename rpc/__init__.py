"""The public face: JSON-RPC over HTTP and WebSocket."""
