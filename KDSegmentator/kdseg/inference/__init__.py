"""The network over the volume: engines, tiles and accumulation."""
