"""A short run of `make agreement` with the amtool that is installed."""

from __future__ import annotations

import shutil

import pytest

from bench.agreement import Amtool, compare, read_corpus
from bench.alertmanager_corpus import Case, generate
from sidecar.validate.alertmanager.check import validate

pytestmark = pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed")

GENERATED = 1200


@pytest.mark.timeout(60)
def test_both_agree() -> None:
    amtool = Amtool("amtool")
    newer = amtool.target.version != (0, 25)
    cases = [*read_corpus(), *generate(GENERATED, 7, newer=newer)]
    tally = compare(amtool, cases)
    assert [(case.text, said) for case, said in tally.false_accepts] == []
    assert [(case.text, str(said)) for case, said in tally.false_errors] == []
    assert tally.accepted >= 300
    assert tally.refused >= 300
    assert len(tally.codes) >= 20
    assert len(tally.advice) >= 20


def test_a_disagreement_is_counted() -> None:
    amtool = Amtool("amtool")
    alias = "x: &a 1\nroute: {receiver: r}\nreceivers: [{name: r}]\n"
    policy = "route: {receiver: &r r}\nreceivers: [{name: *r}]\n"
    tally = compare(amtool, [Case("unknown field", alias), Case("alias", policy)])
    assert (tally.refused, tally.accepted, tally.policy, tally.disagreements) == (1, 1, 1, 0)
    tally.add(Case("invented", ""), "refused", ())
    assert len(tally.false_accepts) == 1
    tally.add(Case("invented", ""), None, validate({"a.yml": b""}, "a.yml"))
    assert tally.disagreements == 2
