"""Serving: one comment in, one decision out. Imports nothing from `training`."""
