"""The shapes that cross the wire, with the French messages for what is wrong in them."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate

from service.domain import ATTRIBUTES, REJECTIONS, Article, Comment, Decision, Verdict, labels_of
from service.text import is_blank

NAME_MISSING = "S'il vous plaît entrez votre nom ici"
COMMENT_MISSING = "S'il vous plaît entrez votre commentaire!"
MOST_COMMENTS = 1000


class Text(fields.String):
    """A text that a database can keep: no NUL, no half of a surrogate pair, at most *most_bytes* of UTF-8."""

    default_error_messages = {
        "invalid": "Ce champ doit être un texte.",
        "characters": "Ce champ contient un caractère interdit (NUL ou moitié de caractère Unicode).",
        "long": "Ce champ est trop long : {most} octets au plus.",
    }

    def __init__(self, most_bytes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most_bytes = most_bytes

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        if "\x00" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
            raise self.make_error("characters")
        if len(value.encode()) > self.most_bytes:
            raise self.make_error("long", most=self.most_bytes)
        return value


class Flag(fields.Boolean):
    """True or false; in a form also 1, 0, oui, non, on, off."""

    default_error_messages = {"invalid": "Ce champ doit être true ou false."}
    words = {"true": True, "1": True, "on": True, "oui": True, "false": False, "0": False, "off": False, "non": False}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value in self.words:
            return self.words[value]
        raise self.make_error("invalid")


class Instant(fields.AwareDateTime):
    """A moment in ISO 8601; UTC unless it says otherwise."""

    default_error_messages = {"invalid": "Ce champ doit être une date et une heure ISO 8601 (2026-11-23T18:05:00Z)."}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        try:
            moment: datetime = super()._deserialize(value, attr, data, **kwargs)
            return moment.astimezone(UTC)
        except (ValidationError, ValueError, OverflowError) as error:
            raise self.make_error("invalid") from error


class Address(Text):
    """An IPv4 or IPv6 address."""

    default_error_messages = {"invalid": "Ce champ doit être une adresse IPv4 ou IPv6."}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        try:
            found = ipaddress.ip_address(super()._deserialize(value, attr, data, **kwargs))
        except ValueError as error:
            raise self.make_error("invalid") from error
        if getattr(found, "scope_id", None) is not None:  # fe80::1%anything
            raise self.make_error("invalid")
        return str(found)


def _optional(most_bytes: int, about: str, check: validate.Validator | None = None) -> Text:
    return Text(most_bytes, load_default=None, validate=check, metadata={"description": about})


def _required(most_bytes: int, about: str, missing: str) -> Text:
    return Text(most_bytes, required=True, error_messages={"required": missing}, metadata={"description": about})


URL = validate.URL(schemes={"http", "https"}, require_tld=False, error="Entrez une adresse web http:// ou https://.")
EMAIL = validate.Email(error="Entrez une adresse électronique valide.")


class StrictSchema(Schema):
    """Refuses unknown fields by name; a field that is null, blank or invisible is a field that is missing."""

    error_messages = {"unknown": "Ce champ est inconnu.", "type": "Ce champ doit être un objet."}

    @pre_load
    def without_blanks(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {_readable(name): value for name, value in data.items() if name not in self.fields or not _blank(value)}


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and is_blank(value))


def _readable(name: str) -> str:
    """Return a field's name so that it can be told back: an unknown one may be anything, of any length."""
    return re.sub(r"[^\w\[\].:-]", "?", name, flags=re.ASCII)[:60]


class ArticleSchema(StrictSchema):
    id = _optional(200, "Identifiant de l'article chez le site")
    url = _optional(2000, "Adresse de l'article", URL)
    title = _optional(1000, "Titre de l'article")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Article:
        return Article(**data)


@dataclass(frozen=True, slots=True)
class Received:
    """A valid comment, and whether the caller wants it to be kept, and as a new version of an earlier one."""

    comment: Comment
    store: bool = True
    edited: bool = False
    former_id: str | None = None
    """Our own id of the earlier one, where the caller's protocol has no ids of comments."""


def comment_schema(most_name_bytes: int, most_comment_bytes: int) -> Schema:
    """Return the schema of a comment that a site sends; it loads a `Received`."""

    class CommentSchema(StrictSchema):
        name = _required(most_name_bytes, "Nom affiché de l'auteur", NAME_MISSING)
        comment = _required(most_comment_bytes, "Le texte", COMMENT_MISSING)
        email = _optional(100, "Adresse électronique de l'auteur", EMAIL)
        url = _optional(200, "Site de l'auteur", URL)
        article = fields.Nested(ArticleSchema, load_default=Article, metadata={"description": "La page commentée"})
        author_id = _optional(200, "Identifiant de l'auteur chez le site")
        parent_id = _optional(200, "Identifiant du commentaire auquel celui-ci répond")
        external_id = _optional(200, "Identifiant chez le site : envoyé deux fois, il rend le premier jugement")
        ip = Address(45, load_default=None, metadata={"description": "Adresse IP de l'auteur"})
        user_agent = _optional(1000, "Navigateur de l'auteur")
        referrer = _optional(2000, "Page d'où vient l'auteur")
        submitted_at = Instant(load_default=None, default_timezone=UTC, metadata={"description": "Moment de l'envoi"})
        role = _optional(100, "Rôle de l'auteur chez le site : abonné, rédaction…")
        honeypot = _optional(2000, "Contenu d'un champ caché de votre formulaire, que seuls les robots remplissent")
        seconds = fields.Float(
            load_default=None,
            validate=validate.Range(min=0, error="Un nombre de secondes, 0 ou plus."),
            metadata={"description": "Secondes entre l'affichage du formulaire et son envoi"},
        )
        store = Flag(load_default=True, metadata={"description": "false : décider sans rien conserver"})
        edited = Flag(
            load_default=False,
            metadata={"description": "true : l'auteur a modifié le commentaire de cet `external_id`"},
        )

        @post_load
        def make(self, data: dict[str, Any], **_: Any) -> Received:
            store, edited = data.pop("store"), data.pop("edited")
            return Received(Comment(text=data.pop("comment"), **data), store, edited)

    return CommentSchema()


class VerdictSchema(StrictSchema):
    """What a person decided about a comment that Vigie has judged."""

    decision = fields.String(
        required=True,
        validate=validate.OneOf(["accept", "reject"], error="Choisissez accept ou reject."),
        metadata={"description": "Publié (`accept`) ou refusé (`reject`)"},
    )
    reason = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(list(REJECTIONS), error="Ce motif n'existe pas."),
        metadata={"description": "Motif d'un refus, selon les codes de Coral"},
    )
    labels = fields.Dict(
        keys=fields.String(validate=validate.OneOf(ATTRIBUTES, error="Cet attribut n'existe pas.")),
        values=fields.Integer(validate=validate.OneOf([0, 1], error="0 ou 1.")),
        load_default=None,
        allow_none=True,
        metadata={"description": "Attribut → 1 ou 0, pour l'apprentissage ; sans eux, ce qu'implique la décision"},
    )
    legal_ground = _optional(2000, "Fondement juridique d'un refus")
    explanation = _optional(2000, "Explication pour l'auteur")
    note = _optional(2000, "Note pour l'équipe")
    replace = Flag(load_default=False, metadata={"description": "true : annule un autre verdict déjà rendu"})

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> tuple[Verdict, bool]:
        replaces = data.pop("replace")
        decision = Decision[data.pop("decision")]
        if decision is Decision.accept and data["reason"]:
            raise ValidationError({"reason": ["Un motif n'accompagne qu'un refus."]})
        labels = data.pop("labels")
        verdict = Verdict(decision, labels_of(decision, data["reason"]) if labels is None else labels, **data)
        return verdict, replaces


class AuthorSchema(StrictSchema):
    """Which author is meant: by one of these or several, which must then all be right."""

    id = _optional(200, "Identifiant de l'auteur chez le site (`author_id`)")
    email = _optional(100, "Son adresse électronique exacte", EMAIL)
    name = _optional(245, "Son nom exact")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> dict[str, str]:
        wanted = {"author_id" if name == "id" else name: value for name, value in data.items() if value}
        if not wanted:
            raise ValidationError("Dites de quel auteur il s'agit : id, email ou name.", "id")
        return wanted


class GivenSchema(Schema):
    """A verdict as it is kept."""

    id = fields.String(required=True, metadata={"description": "Identifiant du commentaire"})
    decision = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    labels = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    given_at = fields.AwareDateTime(required=True, metadata={"description": "Quand"})
    by = fields.String(required=True, metadata={"description": "Qui : un modérateur, ou `api`"})


class SpanSchema(Schema):
    begin = fields.Integer(required=True, metadata={"description": "Premier caractère (points de code Unicode, dès 0)"})
    end = fields.Integer(required=True, metadata={"description": "Fin, exclue"})
    text = fields.String(required=True, metadata={"description": "Les mots eux-mêmes"})


class ReasonSchema(Schema):
    code = fields.String(required=True, metadata={"description": "Stable, pour les programmes"})
    message = fields.String(required=True, metadata={"description": "En français, pour l'auteur et le modérateur"})
    decision = fields.Enum(Decision, required=True, metadata={"description": "Ce à quoi ce seul motif conduit"})
    attribute = fields.String(required=True, allow_none=True)
    score = fields.Float(required=True, allow_none=True, metadata={"description": "null pour une règle"})
    threshold = fields.Float(required=True, allow_none=True)
    spans = fields.List(fields.Nested(SpanSchema), required=True)


class JudgementSchema(Schema):
    """A judgement with the id under which it is kept; null when nothing was kept."""

    id = fields.String(required=True, allow_none=True)
    decision = fields.Enum(Decision, required=True)
    reasons = fields.List(fields.Nested(ReasonSchema), required=True)
    scores = fields.Dict(keys=fields.String(), values=fields.Float(), required=True)
    model = fields.String(required=True)
    policy = fields.String(required=True)


def body_schemas(comment: Schema) -> dict[str, Schema]:
    """Return the schemas of the bodies that the views take, by the names that `describe` gives them."""

    class BatchSchema(StrictSchema):
        comments = fields.List(
            fields.Nested(comment), required=True, validate=validate.Length(min=1, max=MOST_COMMENTS)
        )

    return {"Comment": comment, "Batch": BatchSchema(), "Verdict": VerdictSchema(), "Author": AuthorSchema()}
