"""Keys of sites; what a shadow would have decided; and a submission that is an edit says of which."""

import sqlalchemy as sa
from alembic import op

from service.store import Instant

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("site", sa.String(100), nullable=False),
        sa.Column("scopes", sa.String(100), nullable=False),
        sa.Column("rate", sa.Integer, nullable=False),
        sa.Column("note", sa.String(200), nullable=False),
        sa.Column("made_by", sa.String(100), nullable=False),
        sa.Column("made_at", Instant, nullable=False),
        sa.Column("used_at", Instant),
        sa.Column("revoked_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        sa.UniqueConstraint("digest", name="uq_keys_digest"),
    )
    op.create_table(
        "shadows",
        sa.Column("submission_id", sa.String(36), nullable=False),
        sa.Column("decision", sa.String(10), nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("scores", sa.JSON, nullable=False),
        sa.Column("model", sa.String(100), nullable=False),
        sa.Column("policy", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("submission_id", name="pk_shadows"),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name="fk_shadows_submission_id", ondelete="CASCADE"
        ),
    )
    op.add_column("submissions", sa.Column("former_id", sa.String(36)))
    op.create_index("ix_submissions_former_id", "submissions", ["former_id"])
    op.add_column("verdicts", sa.Column("waited", sa.Boolean))


def downgrade() -> None:
    op.drop_column("verdicts", "waited")
    op.drop_index("ix_submissions_former_id", "submissions")
    op.drop_column("submissions", "former_id")
    op.drop_table("shadows")
    op.drop_table("keys")
