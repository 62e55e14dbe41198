"""Submissions and their judgements."""

import sqlalchemy as sa
from alembic import op

from service.store import Instant

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("site", sa.String(100), nullable=False),
        sa.Column("external_id", sa.String(200)),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("url", sa.Text),
        sa.Column("article_id", sa.Text),
        sa.Column("article_url", sa.Text),
        sa.Column("article_title", sa.Text),
        sa.Column("author_id", sa.Text),
        sa.Column("parent_id", sa.Text),
        sa.Column("ip", sa.String(45)),
        sa.Column("user_agent", sa.Text),
        sa.Column("referrer", sa.Text),
        sa.Column("submitted_at", Instant),
        sa.Column("role", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_submissions"),
        sa.UniqueConstraint("site", "external_id", name="uq_submissions_site_external_id"),
    )
    op.create_index("ix_submissions_received_at", "submissions", ["received_at"])
    op.create_table(
        "judgements",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("submission_id", sa.String(36), nullable=False),
        sa.Column("judged_at", Instant, nullable=False),
        sa.Column("decision", sa.String(10), nullable=False),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("scores", sa.JSON, nullable=False),
        sa.Column("signals", sa.JSON, nullable=False),
        sa.Column("model", sa.String(100), nullable=False),
        sa.Column("policy", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_judgements"),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name="fk_judgements_submission_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_judgements_submission_id", "judgements", ["submission_id"])


def downgrade() -> None:
    op.drop_table("judgements")
    op.drop_table("submissions")
