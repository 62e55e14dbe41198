"""The tables: submissions, what was found, what people decided, who may decide, and every act."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

LOWER = ("àâäáãçéèêëîïíôöóûùüúÿñ", "aaaaaceeeeiiiooouuuuyn")
ACCENTED, UNACCENTED = LOWER[0] + LOWER[0].upper() + "’", LOWER[1] + LOWER[1] + "'"
PLAIN = str.maketrans(ACCENTED, UNACCENTED)


class Instant(TypeDecorator[datetime]):
    """An aware UTC moment, also on SQLite, which forgets time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def plain(text: str | None) -> str | None:
    """Return *text* in lower case without accents: how a search compares."""
    return None if text is None else text.lower().translate(PLAIN)


class Plain(FunctionElement[str]):
    """`plain` of a column: SQLite is given the function, PostgreSQL has two that do it."""

    name = "plain"
    inherit_cache = True
    type = String()


@compiles(Plain, "sqlite")
def _plain_sqlite(element: Plain, compiler: Any, **options: Any) -> str:
    return f"plain({compiler.process(element.clauses, **options)})"


@compiles(Plain, "postgresql")
def _plain_postgresql(element: Plain, compiler: Any, **options: Any) -> str:
    unaccented = UNACCENTED.replace("'", "''")
    return f"translate(lower({compiler.process(element.clauses, **options)}), '{ACCENTED}', '{unaccented}')"


metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                       "fk": "fk_%(table_name)s_%(column_0_name)s", "ix": "ix_%(table_name)s_%(column_0_N_name)s"}
)  # fmt: skip

submissions = Table(
    "submissions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("site", String(100), nullable=False),
    Column("external_id", String(200)),
    Column("received_at", Instant, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("email", Text),
    Column("url", Text),
    Column("article_id", Text),
    Column("article_url", Text),
    Column("article_title", Text),
    Column("author_id", Text),
    Column("parent_id", Text),
    Column("ip", String(45)),
    Column("user_agent", Text),
    Column("referrer", Text),
    Column("submitted_at", Instant),
    Column("role", Text),
    Column("former_id", String(36), index=True),
    UniqueConstraint("site", "external_id"),
)

judgements = Table(
    "judgements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("submission_id", ForeignKey("submissions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("judged_at", Instant, nullable=False),
    Column("decision", String(10), nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("scores", JSON, nullable=False),
    Column("signals", JSON, nullable=False),
    Column("model", String(100), nullable=False),
    Column("policy", String(100), nullable=False),
)

shadows = Table(
    "shadows",
    metadata,
    Column("submission_id", ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True),
    Column("decision", String(10), nullable=False),
    Column("reasons", Text, nullable=False),
    Column("scores", JSON, nullable=False),
    Column("model", String(100), nullable=False),
    Column("policy", String(100), nullable=False),
)
"""What another model or policy would have decided, had it been in service."""

queue = Table(
    "queue",
    metadata,
    Column("submission_id", ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True),
    Column("site", String(100), nullable=False),
    Column("since", Instant, nullable=False),
    Column("severity", Float, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("reader_id", ForeignKey("moderators.id", ondelete="SET NULL")),
    Column("leased_until", Instant),
    Index("ix_queue_site_since", "site", "since"),
    Index("ix_queue_site_severity", "site", "severity"),
)
"""Held submissions that wait for a person; who reads one has it for a few minutes.

Its two indexes are its two orders, oldest and worst first: a page of the queue reads its fifty rows and no more.
"""

fingerprints = Table(
    "fingerprints",
    metadata,
    Column("submission_id", ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True),
    Column("site", String(100), nullable=False),
    Column("at", Instant, nullable=False),
    Column("exact", String(16)),
    Column("hash0", Integer),
    Column("hash1", Integer),
    Column("hash2", Integer),
    Column("hash3", Integer),
    Column("author", String(32)),
    Column("address", String(45)),
    Index("ix_fingerprints_site_exact", "site", "exact"),
    Index("ix_fingerprints_site_author_at", "site", "author", "at"),
    Index("ix_fingerprints_site_address_at", "site", "address", "at"),
    *(Index(f"ix_fingerprints_hash{number}", f"hash{number}") for number in range(4)),
)
"""What is known again of a submission: digests of its text and of its author.

An index for each question that is asked of every comment before it is judged: the same text, what this author and this
address sent lately, and texts of which one of the four hashes is the same.
"""

verdicts = Table(
    "verdicts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("submission_id", ForeignKey("submissions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("given_at", Instant, nullable=False),
    Column("decision", String(10), nullable=False),
    Column("labels", JSON, nullable=False),
    Column("reason", String(30)),
    Column("legal_ground", Text),
    Column("explanation", Text),
    Column("note", Text),
    Column("moderator_id", ForeignKey("moderators.id", ondelete="SET NULL")),
    Column("actor", String(100), nullable=False),
    Column("withdrawn_at", Instant),
    Column("waited", Boolean),
    Index(
        "uq_verdicts_standing",
        "submission_id",
        unique=True,
        sqlite_where=text("withdrawn_at IS NULL"),
        postgresql_where=text("withdrawn_at IS NULL"),
    ),
)
"""What people decided. A verdict is never rewritten; one that was undone says when, and whether it had waited.

The unique index, and no question asked beforehand, is what keeps two moderators from judging one comment at once.
"""

moderators = Table(
    "moderators",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("password", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("blurs", Boolean, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("moderator_id", ForeignKey("moderators.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("form_token", String(64), nullable=False),
    Column("begun_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
)
"""Who is signed in. The cookie holds the secret whose SHA-256 is kept here."""

keys = Table(
    "keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("site", String(100), nullable=False),
    Column("scopes", String(100), nullable=False),
    Column("rate", Integer, nullable=False),
    Column("note", String(200), nullable=False),
    Column("made_by", String(100), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("revoked_at", Instant),
)
"""Which programs may ask for which site. Only the SHA-256 of a key is kept."""

words = Table(
    "words",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site", String(100), nullable=False),
    Column("word", String(100), nullable=False),
    Column("decision", String(10), nullable=False),
    Column("added_by", String(100), nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("removed_at", Instant),
    Index(
        "uq_words_in_force",
        "site",
        "word",
        unique=True,
        sqlite_where=text("removed_at IS NULL"),
        postgresql_where=text("removed_at IS NULL"),
    ),
)
"""A site's own words to hold or reject; one that was taken out says when."""

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("submission_id", ForeignKey("submissions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("body", JSON, nullable=False),
    Column("written_at", Instant, nullable=False),
    Column("next_try_at", Instant, index=True),
    Column("tries", Integer, nullable=False),
    Column("fault", String(200)),
)
"""What the site has not been told yet; without a next try it was laid aside."""

acts = Table(
    "acts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("act", String(30), nullable=False),
    Column("submission_id", String(36), index=True),
    Column("address", String(45)),
    Column("detail", JSON, nullable=False),
    Index("ix_acts_act_at", "act", "at"),
)
"""Every act of a person: who, when, from where, on what. Outlives the submission, and holds nothing of its text."""
