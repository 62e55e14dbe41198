"""Alembic's entry: runs the revisions over the connection that `service.store.upgrade` hands in."""

from alembic import context

from service.store import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
