"""The shape of evidence: what a daemon shows of a reload, in presets and in a user's own groups."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sidecar.core.evidence import Absent, DigestAlgorithm, Role
from sidecar.presets.fields import Duration
from sidecar.presets.shape import Shape, otherwise, refuse_unless_one


class ChildrenShape(Shape):
    """The child processes of the target."""

    leaving: str = Field("", description="Title of children that are on their way out.")
    replaced: Literal["all", "any"] = Field(
        "all", description="Whether all children must be new, or one new child suffices."
    )


class EvidenceShape(Shape):
    """One thing that a daemon shows of a reload: where it is read and what it means."""

    name: str | None = Field(None, description="What messages call it; made of the rest if absent.")
    role: Role = Field(description="What a change of it means.")
    metric: str | None = Field(None, description="A series of the metrics page.", min_length=1)
    labels: dict[str, str] | None = Field(None, description="Labels that the series must have.")
    json_field: str | None = Field(
        None, alias="field", description="A field of a JSON page, by dotted path.", min_length=1
    )
    path: str | None = Field(
        None, description="Where that JSON page is, if not at the bridge's `confirm.url`."
    )
    page: str | None = Field(
        None, description="A page that shows the loaded configuration, as a whole.", min_length=1
    )
    children: ChildrenShape | None = Field(None, description="The target's child processes.")
    answer: Literal[True] | None = Field(
        None, description="The answer to a reload by HTTP (`true`)."
    )
    absent: Absent | None = Field(
        None,
        description="What it means that it is not shown: not ready, zero, not offered.",
        json_schema_extra=otherwise("wait"),
    )
    resolution: Duration | None = Field(
        None,
        description="Changes closer than this cannot be told apart.",
        json_schema_extra=otherwise("0s"),
    )
    algorithm: DigestAlgorithm | None = Field(
        None, description="How a digest is computed, where that can be predicted."
    )
    file: str | None = Field(
        None, description="Glob of the one key that the digest is of; `{file}` is the bridge's."
    )
    equals: str | None = Field(None, description="What a probe must read.")

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        refuse_unless_one(self, ("metric", "json_field", "page", "children", "answer"))
        wrong = {
            "labels need a metric": self.labels is not None and self.metric is None,
            "path needs a field": self.path is not None and self.json_field is None,
            "children are evidence of role generation only": self.children is not None
            and self.role is not Role.GENERATION,
            "role answer needs answer: true, and the other way round": (self.answer is not None)
            is not (self.role is Role.ANSWER),
            "role probe needs equals, and the other way round": (self.equals is not None)
            is not (self.role is Role.PROBE),
            "a page is evidence of role echo, digest or probe only": self.page is not None
            and self.role not in {Role.ECHO, Role.DIGEST, Role.PROBE},
            "algorithm is for role digest only": self.algorithm is not None
            and self.role is not Role.DIGEST,
            "file needs an algorithm": self.file is not None and self.algorithm is None,
        }
        for reason, holds in wrong.items():
            if holds:
                raise ValueError(reason)
        return self


PROVING = frozenset(
    {
        Role.SUCCESS_TIMESTAMP,
        Role.SUCCESS_COUNTER,
        Role.DIGEST,
        Role.ECHO,
        Role.GENERATION,
        Role.ANSWER,
    }
)
"""Roles whose change proves a reload; the others only speak for or against it."""
