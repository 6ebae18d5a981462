"""Emulated machines of many nodes: README.md in this folder says how they work and what they cannot say."""
