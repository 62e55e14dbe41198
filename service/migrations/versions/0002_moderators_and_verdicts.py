"""Moderators, the queue, verdicts, every act, and what is known again."""

import sqlalchemy as sa
from alembic import op

from service.store import Instant

revision = "0002"
down_revision = "0001"
STANDING = sa.text("withdrawn_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "moderators",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("blurs", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_moderators"),
        sa.UniqueConstraint("name", name="uq_moderators_name"),
    )
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("moderator_id", sa.Integer, nullable=False),
        sa.Column("form_token", sa.String(64), nullable=False),
        sa.Column("begun_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_sessions"),
        sa.ForeignKeyConstraint(
            ["moderator_id"], ["moderators.id"], name="fk_sessions_moderator_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_sessions_moderator_id", "sessions", ["moderator_id"])
    op.create_table(
        "queue",
        sa.Column("submission_id", sa.String(36), nullable=False),
        sa.Column("site", sa.String(100), nullable=False),
        sa.Column("since", Instant, nullable=False),
        sa.Column("severity", sa.Float, nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("reader_id", sa.Integer),
        sa.Column("leased_until", Instant),
        sa.PrimaryKeyConstraint("submission_id", name="pk_queue"),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name="fk_queue_submission_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["reader_id"], ["moderators.id"], name="fk_queue_reader_id", ondelete="SET NULL"),
    )
    op.create_index("ix_queue_site_since", "queue", ["site", "since"])
    op.create_index("ix_queue_site_severity", "queue", ["site", "severity"])
    op.create_table(
        "fingerprints",
        sa.Column("submission_id", sa.String(36), nullable=False),
        sa.Column("site", sa.String(100), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("exact", sa.String(16)),
        *(sa.Column(f"hash{number}", sa.Integer) for number in range(4)),
        sa.Column("author", sa.String(32)),
        sa.Column("address", sa.String(45)),
        sa.PrimaryKeyConstraint("submission_id", name="pk_fingerprints"),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name="fk_fingerprints_submission_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_fingerprints_site_exact", "fingerprints", ["site", "exact"])
    op.create_index("ix_fingerprints_site_author_at", "fingerprints", ["site", "author", "at"])
    op.create_index("ix_fingerprints_site_address_at", "fingerprints", ["site", "address", "at"])
    for number in range(4):
        op.create_index(f"ix_fingerprints_hash{number}", "fingerprints", [f"hash{number}"])
    op.create_table(
        "verdicts",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("submission_id", sa.String(36), nullable=False),
        sa.Column("given_at", Instant, nullable=False),
        sa.Column("decision", sa.String(10), nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("reason", sa.String(30)),
        sa.Column("legal_ground", sa.Text),
        sa.Column("explanation", sa.Text),
        sa.Column("note", sa.Text),
        sa.Column("moderator_id", sa.Integer),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("withdrawn_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_verdicts"),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name="fk_verdicts_submission_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["moderator_id"], ["moderators.id"], name="fk_verdicts_moderator_id", ondelete="SET NULL"
        ),
    )
    op.create_index("ix_verdicts_submission_id", "verdicts", ["submission_id"])
    op.create_index(
        "uq_verdicts_standing",
        "verdicts",
        ["submission_id"],
        unique=True,
        sqlite_where=STANDING,
        postgresql_where=STANDING,
    )
    op.create_table(
        "words",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("site", sa.String(100), nullable=False),
        sa.Column("word", sa.String(100), nullable=False),
        sa.Column("decision", sa.String(10), nullable=False),
        sa.Column("added_by", sa.String(100), nullable=False),
        sa.Column("added_at", Instant, nullable=False),
        sa.Column("removed_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_words"),
    )
    in_force = sa.text("removed_at IS NULL")
    op.create_index(
        "uq_words_in_force", "words", ["site", "word"], unique=True, sqlite_where=in_force, postgresql_where=in_force
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("submission_id", sa.String(36), nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("written_at", Instant, nullable=False),
        sa.Column("next_try_at", Instant),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("fault", sa.String(200)),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name="fk_outbox_submission_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_outbox_submission_id", "outbox", ["submission_id"])
    op.create_index("ix_outbox_next_try_at", "outbox", ["next_try_at"])
    op.create_table(
        "acts",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("act", sa.String(30), nullable=False),
        sa.Column("submission_id", sa.String(36)),
        sa.Column("address", sa.String(45)),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_acts"),
    )
    op.create_index("ix_acts_submission_id", "acts", ["submission_id"])
    op.create_index("ix_acts_act_at", "acts", ["act", "at"])
    _let_the_held_wait()


def downgrade() -> None:
    for table in ("acts", "outbox", "words", "verdicts", "fingerprints", "queue", "sessions", "moderators"):
        op.drop_table(table)


def _let_the_held_wait() -> None:
    """What was held before there was a queue has been waiting since."""
    connection = op.get_bind()
    held = sa.text(
        "SELECT s.id, s.site, s.received_at, j.reasons FROM submissions s JOIN judgements j ON j.submission_id = s.id"
        " WHERE j.decision = 'hold'"
    ).columns(id=sa.String, site=sa.String, received_at=Instant, reasons=sa.JSON)
    queue = sa.table(
        "queue",
        sa.column("submission_id", sa.String),
        sa.column("site", sa.String),
        sa.column("since", Instant),
        sa.column("severity", sa.Float),
        sa.column("reasons", sa.Text),
    )
    for row in connection.execute(held).all():
        scores = [0.5 if reason["score"] is None else reason["score"] for reason in row.reasons]
        connection.execute(
            sa.insert(queue).values(
                submission_id=row.id,
                site=row.site,
                since=row.received_at,
                severity=max(scores, default=0.0),
                reasons=" ".join(["", *(reason["code"] for reason in row.reasons), ""]),
            )
        )
