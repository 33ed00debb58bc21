"""Breaks the core on purpose, one promise at a time, and demands that somebody notices.

    python tests/mutants.py [--tests tests/core] [--jobs 2] [--only WORD] [--by sim]

Each mutation is applied to a copy of the checkout, never to the checkout itself. What breaks one
pod is shown to the scenarios of its tests; what breaks the agreement of several is shown to the
histories of the simulation first, then to the small worlds, and to the scenarios only if both saw
nothing. One line per mutant says who noticed; the last line counts them. Ends with 1 if one of them
was not noticed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

ROOT = Path(__file__).parents[1]
MOST_S = 400
SEEDS = 250
STATES = 4_000
FLEET = ("sim", "worlds", "tests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One mutation: the exact text in one file of the core, and what takes its place.

    `by` are those to whom it is shown, until one notices.
    """

    name: str
    file: str
    text: str
    replacement: str
    by: tuple[str, ...] = ("tests",)


MUTANTS = (
    Mutant(
        name="a process that may have been signalled is waited for for ever",
        file="content.py",
        text="given=candidate.snapshot.digest in {state.given, maybe_signalled}",
        replacement="given=candidate.snapshot.digest == state.given",
    ),
    Mutant(
        name="each end and start of a process is written of",
        file="marks.py",
        text='if changes.keys() == {"message"} and _comes_and_goes(state, declared):',
        replacement="if False:",
    ),
    Mutant(
        name="doubt of the last good content is answered by another signal",
        file="repair.py",
        text="doubtful = decided.outcome is Outcome.UNCONFIRMED and not given",
        replacement="doubtful = decided.outcome is Outcome.UNCONFIRMED",
    ),
    Mutant(
        name="what was undone stays so though it was proven since",
        file="content.py",
        text="side = replace(side, restored=None)",
        replacement="pass",
    ),
    Mutant(
        name="a process is left with what it began with before its folder was right",
        file="repair.py",
        text="return not mounted.was_there_at(process.started_s)",
        replacement="return False",
    ),
    Mutant(
        name="a turn is given back as the files change after the signal",
        file="content.py",
        text="draft.state = replace(draft.state, claimed=attempt.turn, given=attempt.digest)",
        replacement="pass",
    ),
    Mutant(
        name="a claim that was only taken away is another pod's",
        file="turn.py",
        text="status in MOVING and bool(holder.pod)",
        replacement="status in MOVING",
    ),
    Mutant(
        name="what has just ended is written as if it still ran",
        file="machine.py",
        text="        _track_sync(draft)\n        reconcile(draft)\n",
        replacement="        reconcile(draft)\n        _track_sync(draft)\n",
    ),
    Mutant(
        name="a pod whose content others overruled has nothing to go back to",
        file="history.py",
        text="good=side.overruled",
        replacement="good=None",
    ),
    Mutant(
        name="an older number that another pod tells is taken for a newer one",
        file="source.py",
        text="return told != known and told > (side.revision or 0)",
        replacement="return told not in {0, known, side.revision}",
    ),
    Mutant(
        name="a folder that was not read yet is taken for an empty one",
        file="content.py",
        text="return state.mounted is None and not state.mount_trouble",
        replacement="return False",
    ),
    Mutant(
        name="what others doubt is not gone back to",
        file="content.py",
        text="or (attempt.repairs and is_own_good(state, decided))",
        replacement="",
    ),
    Mutant(
        name="what others doubt ends the search for the process that is to be brought back",
        file="source.py",
        text="leaves = turn.move is Move.LEAVE and content.may_signal(draft.state)",
        replacement="leaves = turn.move is Move.LEAVE",
    ),
    Mutant(
        name="a process keeps what it began with, as others doubt what its folder carries",
        file="repair.py",
        text="doubted = good.digest == decided.digest and not is_own_good(state, decided)",
        replacement="doubted = good.digest == decided.digest",
    ),
    Mutant(
        name="late proof of what a pod had doubted itself is not told",
        file="marks.py",
        text="late = stands == Status.UNCONFIRMED and is_incumbent(state, declared)",
        replacement="late = False",
    ),
    Mutant(
        name="late proof overrules what another pod has seen",
        file="marks.py",
        text="late = stands == Status.UNCONFIRMED and is_incumbent(state, declared)",
        replacement="late = stands == Status.UNCONFIRMED",
    ),
    Mutant(
        name="a process that was gone as others refused its content stays unknown",
        file="source.py",
        text="if leaves and draft.state.process is None:",
        replacement="if False:",
    ),
    Mutant(
        name="a way back that failed once is not tried from other content",
        file="repair.py",
        text="return (failed or refused) and (displaced or not decided.lost)",
        replacement="return (failed or refused) and not decided.lost",
    ),
    Mutant(
        name="who waits for its process unsays a pause",
        file="marks.py",
        text="if stands == Status.PAUSED and shown is Status.PENDING and is_paused(state):",
        replacement="if False:",
    ),
    Mutant(
        name="late proof is not followed by who had only heard of the doubt",
        file="content.py",
        text="doubtful = decided.outcome is Outcome.UNCONFIRMED and not decided.adopted",
        replacement="doubtful = decided.outcome is Outcome.UNCONFIRMED",
    ),
    Mutant(
        name="a process that was not seen since the restart is not looked for as its files change",
        file="machine.py",
        text="if draft.state.seen is None:",
        replacement="if draft.state.loaded is None:",
    ),
    Mutant(
        name="content beside the newest that was only watched is said not to have come back",
        file="content.py",
        text="if not attempt.repairs:",
        replacement="if False:",
    ),
    Mutant(
        name="the number of older content is told of what is active",
        file="declared.py",
        text="return self.revision if self.numbered == digest else None",
        replacement="return self.revision",
    ),
    Mutant(
        name="content that ran on as others failed with it is not good again",
        file="content.py",
        text="        _remember_good(draft, attempt)\n    draft.unblock()",
        replacement="    draft.unblock()",
    ),
    Mutant(
        name="who tries once more before its verdict is written is counted as vanished",
        file="turn.py",
        text="    if is_incumbent(state, declared):\n        return Turn(Move.CLAIM, at_s, tries)",
        replacement="",
    ),
    Mutant(
        name="data is replaced on the verdict on older content",
        file="claim.py",
        text='and declared.marks.get("observed") == declared.digest\n        and good',
        replacement="and good",
    ),
    Mutant(
        name="a way back that failed as its folder was lost is tried again",
        file="repair.py",
        text="and good.digest != newest.snapshot.digest and not lost",
        replacement="and good.digest != newest.snapshot.digest",
    ),
    Mutant(
        name="what is wanted again while its signal is on its way stays beside",
        file="machine.py",
        text="proof.take_sending(draft, phase, event)\n            source.drop_outdated(draft)",
        replacement="proof.take_sending(draft, phase, event)",
    ),
    Mutant(
        name="a turn that is given back loses its count",
        file="turn.py",
        text="tries = read_holder(marks).tries if status == Status.PENDING else 1",
        replacement="tries = 1",
    ),
    Mutant(
        name="the count of older content goes on with the next",
        file="marks.py",
        text='tries = holder.tries if declared.marks.get("observed") == declared.digest else 1',
        replacement="tries = holder.tries",
    ),
    Mutant(
        name="content that runs here is applied for all where another try was asked for",
        file="marks.py",
        text="if not (applied and (idle or shown is Status.APPLIED)):",
        replacement="if not (applied and idle):",
    ),
    Mutant(
        name="a process that began with other files before the restart keeps them",
        file="repair.py",
        text="(process.started_s <= state.begun_s and not state.remembers)",
        replacement="process.started_s <= state.begun_s",
    ),
    Mutant(
        name="a word that was taken away is not said again where another pod is named",
        file="marks.py",
        text="others = about and read_holder(declared.marks).pod not in",
        replacement="others = read_holder(declared.marks).pod not in",
    ),
    Mutant(
        name="an independent pod follows its own claim from before its restart",
        file="turn.py",
        text="other = read_holder(marks).pod != state.bridge.pod",
        replacement="other = not is_incumbent(state, declared)",
    ),
    Mutant(
        name="a pod of the same name takes the count back of one that vanished",
        file="turn.py",
        text="return holder.pod == state.bridge.pod and not left",
        replacement="return holder.pod == state.bridge.pod",
    ),
    Mutant(
        name="what a process ran before the sidecar's restart is told without a look",
        file="state.py",
        text="return loaded if loaded is not None and loaded.process.is_same(self.process) else",
        replacement="return loaded if True else",
    ),
    Mutant(
        name="a process is left with what it was given by a sidecar that died",
        file="repair.py",
        text="if there is not None and (doubted or not _was_given_other(state, there)):",
        replacement="if there is not None:",
    ),
    Mutant(
        name="a way back that failed is forgotten with the sidecar",
        file="memory.py",
        text='bool(raw["lost"])',
        replacement='bool(raw["lost"] and False)',
    ),
    Mutant(
        name="a container that ends again and again is waited for",
        file="crashes.py",
        text="MOST_ENDS = 3",
        replacement="MOST_ENDS = 3_000",
    ),
    Mutant(
        name="late proof is not looked for again",
        file="process.py",
        text="unproven = _find_unproven(draft.state, draft.attempt)",
        replacement="unproven = None",
    ),
    Mutant(
        name="late proof is believed though the folder carried other content",
        file="process.py",
        text=" and before.fence == attempt.candidate.fence",
        replacement="",
    ),
    Mutant(
        name="what comes after a restored backup is late news for ever",
        file="source.py",
        text="side.doubted and side.declared is not None and declared.is_older_than(side.declared)",
        replacement="False",
    ),
    Mutant(
        name="a list that is late is believed",
        file="source.py",
        text="        if not side.connected:\n            _doubt(draft)\n        return\n",
        replacement="        if side.connected:\n            return\n",
    ),
    Mutant(
        name="a doubted list is not asked after again",
        file="source.py",
        text="newer = failed and (side.mount_newer or side.doubted or unheard)",
        replacement="newer = failed and (side.mount_newer or unheard)",
    ),
    Mutant(
        name="a late answer brings a deleted object back",
        file="source.py",
        text="return last is not None and (declared.uid == last.uid or ",
        replacement="return last is not None and (",
        by=FLEET,
    ),
    Mutant(
        name="a revision that was not stored is not stored later",
        file="history.py",
        text="_ask_later(replace(api, kept=None), draft.now_s) if event.lost else",
        replacement="",
        by=FLEET,
    ),
    Mutant(
        name="a history that does not answer has nothing",
        file="history.py",
        text="    if event.lost:\n",
        replacement="    if False:\n",
    ),
    Mutant(
        name="nobody looks for a missing revision",
        file="history.py",
        text="and not read_number(marks):",
        replacement="and False:",
    ),
    Mutant(
        name="content that comes back has its old number",
        file="source.py",
        text="return replace(side, declared_s=now_s, kept=None)",
        replacement="return replace(side, declared_s=now_s)",
        by=FLEET,
    ),
    Mutant(
        name="another object has the history of the first",
        file="source.py",
        text="keeping=None, revision=None, found=found))",
        replacement="found=found))",
        by=FLEET,
    ),
    Mutant(
        name="a completed rollout has the number of what was before",
        file="marks.py",
        text='        "revision": None,\n',
        replacement="",
        by=FLEET,
    ),
    Mutant(
        name="ends from before the attempt count against its content",
        file="crashes.py",
        text="base = crashes.base if crashes.base is not None else event.ends.count",
        replacement="base = crashes.base if crashes.base is not None else 0",
    ),
    Mutant(
        name="the content on disk never moves",
        file="proof.py",
        text="    return fence is not None and fence != draft.attempt.candidate.fence",
        replacement="    return False",
    ),
    Mutant(
        name="the deciding look does not ask for the fence",
        file="proof.py",
        text="    if _moved(draft, sample.fence):\n        supersede(draft, MOVED)\n"
        "        return\n    judgement",
        replacement="    judgement",
    ),
    Mutant(
        name="a baseline of other content is taken",
        file="process.py",
        text="    elif sample.fence != draft.attempt.candidate.fence:",
        replacement="    elif False:",
    ),
    Mutant(
        name="an unreadable fence is no reason to wait",
        file="proof.py",
        text="in {Verdict.CONFIRMED, Verdict.FAILED} and after.fence is None:",
        replacement="in set() and after.fence is None:",
    ),
    Mutant(
        name="failed content is signalled again by itself",
        file="content.py",
        text="        attempt.asked\n        or decided is None",
        replacement="        True\n        or decided is None",
    ),
    Mutant(
        name="validation is skipped",
        file="content.py",
        text="not is_approved(draft.state, attempt):",
        replacement="False:",
    ),
    Mutant(
        name="errors do not reject",
        file="report.py",
        text="        return bool(self.errors)",
        replacement="        return False",
    ),
    Mutant(
        name="what replaced an attempt is not looked at again",
        file="content.py",
        text="    draft.rest()\n    draft.state = replace(draft.state, restart_pending=True)\n",
        replacement="    draft.rest()\n",
    ),
    Mutant(
        name="a signal leaves what was loaded before as proven",
        file="proof.py",
        text="attempt=attempt, loaded=loaded, restart_pending=False",
        replacement="attempt=attempt, restart_pending=False",
    ),
    Mutant(
        name="a slow reload is not waited for",
        file="process.py",
        text="    if draft.now_s < (busy_until_s := _busy_until(draft, sample)):",
        replacement="    busy_until_s = 0.0\n    if False:",
    ),
    Mutant(
        name="a start-up does not look for the process that is there",
        file="machine.py",
        text="if draft.state.seen is None:",
        replacement="if False:",
    ),
    Mutant(
        name="a signal that a crash cut off leaves what was loaded as proven",
        file="machine.py",
        text="memory.interrupted is not None and not memory.interrupted.signalled:",
        replacement="memory.interrupted is not None and False:",
    ),
    Mutant(
        name="unproven content counts as loaded",
        file="process.py",
        text="    if known is not None and known.proven and known.digest == attempt.digest:",
        replacement="    if known is not None and known.digest == attempt.digest:",
    ),
    Mutant(
        name="unproven content counts as unchanged",
        file="content.py",
        text="        and loaded.proven\n",
        replacement="",
    ),
    Mutant(
        name="another process counts as the one that was proven",
        file="content.py",
        text="        and loaded.process.is_same(state.process)\n",
        replacement="",
    ),
    Mutant(
        name="the look before the signal is skipped",
        file="process.py",
        text="fence=sample.fence, readings=sample.readings\n",
        replacement="fence=sample.fence, readings=dict.fromkeys(sample.readings, 0.0)\n",
    ),
    Mutant(
        name="a scrape that contradicts itself fails",
        file="verdict.py",
        text="    if failing and not (moved and all(mark.torn_by_success for mark in failing)):",
        replacement="    if failing:",
    ),
    Mutant(
        name="half of the evidence confirms",
        file="verdict.py",
        text="    if moved and not lacking and not failing:",
        replacement="    if moved:",
    ),
    Mutant(
        name="a gauge that stays 0 fails",
        file="verdict.py",
        text="    fell = old is not None and _number(old) >= 1\n",
        replacement="    fell = old is not None\n",
    ),
    Mutant(
        name="a gauge that is 1 proves",
        file="verdict.py",
        text='        return _Mark(text=f"{name} is 1")',
        replacement='        return _Mark(text=f"{name} is 1", proves=True)',
    ),
    Mutant(
        name="a process that is not ready is signalled",
        file="process.py",
        text="    if sample.process is None or unready is not None:",
        replacement="    if sample.process is None:",
    ),
    Mutant(
        name="a sick process is taken for one that runs the content",
        file="process.py",
        text="    if attempt.trigger is Trigger.CLI or not is_healthy(proof, sample):",
        replacement="    if attempt.trigger is Trigger.CLI:",
    ),
    Mutant(
        name="an old process is taken for one that started with the content",
        file="snapshot.py",
        text="        return started_s > self.since_s + START_MARGIN_S",
        replacement="        return True",
    ),
    Mutant(
        name="a process that was signalled since counts as untouched",
        file="process.py",
        text="    untouched = known is None or known.signalled_s is None",
        replacement="    untouched = True",
    ),
    Mutant(
        name="a daemon that it harms is signalled again after a crash",
        file="content.py",
        text="    return same and (interrupted.signalled or not bears_repeating(proof))",
        replacement="    return False",
    ),
    Mutant(
        name="every daemon bears a second signal",
        file="content.py",
        text="    return proof.noop is not Noop.FAILS and proof.on_invalid not in {",
        replacement="    return True or proof.on_invalid not in {",
    ),
    Mutant(
        name="a cached page is looked at once",
        file="process.py",
        text="    elif proof.cache_s > 0 and (",
        replacement="    elif False and (",
    ),
    Mutant(
        name="signals come closer than the daemon's clock can tell",
        file="process.py",
        text="    if resolution_s == 0:\n",
        replacement="    if True:\n",
    ),
    Mutant(
        name="a restarted process is judged like the one before",
        file="verdict.py",
        text="    if not after.process.is_same(before.process):",
        replacement="    if False:",
    ),
    Mutant(
        name="edits within the window are dropped",
        file="machine.py",
        text="        times.extend([state.debounce.opens_at()] if state.deferred else [])\n",
        replacement="",
    ),
    Mutant(
        name="one agreeing look is enough",
        file="proof.py",
        text="    if agreeing >= draft.state.bridge.proof.agree:",
        replacement="    if True:",
    ),
    Mutant(
        name="nobody is told that an exit ended the rest",
        file="machine.py",
        text="    elif isinstance(phase, Idle | Lingering):\n        draft.rest()\n"
        "        draft.state = replace(draft.state, restart_pending=True)\n",
        replacement="",
    ),
    Mutant(
        name="the attempt is not journalled before the signal",
        file="process.py",
        text="    draft.enter(Signalling(baseline=baseline))\n    save(draft)\n",
        replacement="    draft.enter(Signalling(baseline=baseline))\n",
    ),
    Mutant(
        name="a stale answer is taken",
        file="machine.py",
        text="    if event.effect != draft.state.awaiting:\n        return\n",
        replacement="    if draft.state.awaiting is None:\n        return\n",
    ),
    Mutant(
        name="what is said of older content counts for this one",
        file="turn.py",
        text='    status = marks.get("status", "") if marks.get("observed") == '
        'declared.digest else ""\n'
        "    asked =",
        replacement='    status = marks.get("status", "")\n    asked =',
        by=FLEET,
    ),
    Mutant(
        name="a word on other content is taken for a word on this",
        file="marks.py",
        text='    about = marks.get("observed") == declared.digest\n    stands',
        replacement="    about = True\n    stands",
        by=FLEET,
    ),
    Mutant(
        name="any claim counts as one's own",
        file="marks.py",
        text='    return reloading and read_holder(declared.marks).nonce == attempt.nonce != ""',
        replacement="    return reloading",
        by=FLEET,
    ),
    Mutant(
        name="content is taken over for ever",
        file="turn.py",
        text="    over = tries > state.bridge.policy.rollout.takeovers\n",
        replacement="    over = False\n",
        by=FLEET,
    ),
    Mutant(
        name="what was interrupted is not journalled",
        file="memory.py",
        text='        "interrupted": _write_interrupted(state),\n',
        replacement='        "interrupted": None,\n',
        by=FLEET,
    ),
    Mutant(
        name="the turn is not journalled",
        file="memory.py",
        text='        "claimed": _write_claimed(_find_claimed(state)),\n',
        replacement='        "claimed": None,\n',
        by=FLEET,
    ),
    Mutant(
        name="files come back before the verdict is written",
        file="content.py",
        text="        return None if is_untold(state) else good\n",
        replacement="        return good\n",
        by=FLEET,
    ),
    Mutant(
        name="the last good is not signalled after a failure",
        file="content.py",
        text="        and loaded.proven\n"
        "        and loaded.digest == attempt.digest\n"
        "        and loaded.process",
        replacement="        and attempt.digest == state.last_good\n        and loaded.process",
        by=FLEET,
    ),
    Mutant(
        name="what is rolled out is what is gone back to",
        file="marks.py",
        text='    return marks.get("previous" if unproven or itself else "active")\n',
        replacement='    return marks.get("active")\n',
        by=FLEET,
    ),
    Mutant(
        name="content that has arrived counts as loaded",
        file="process.py",
        text="    if untouched and started_with(attempt, process):\n",
        replacement="    if attempt.candidate.fence:\n",
        by=FLEET,
    ),
    Mutant(
        name="nobody waits for the pod that goes first",
        file="turn.py",
        text="    return max(api.declared_s, api.turn_s) + waits_s\n",
        replacement='    return float("-inf")\n',
        by=FLEET,
    ),
    Mutant(
        name="a claim is not waited for",
        file="claim.py",
        text="        return is_claimed(declared, attempt)\n",
        replacement="        return True\n",
        by=FLEET,
    ),
    Mutant(
        name="a claim of another is followed",
        file="turn.py",
        text="        return _take_over(state, api, declared)\n",
        replacement="        return Turn(Move.FOLLOW)\n",
        by=FLEET,
    ),
    Mutant(
        name="what failed elsewhere is tried here",
        file="turn.py",
        text="    if status in REFUSED and not asked:\n        return Turn(Move.LEAVE)\n",
        replacement="    if status in REFUSED and not asked:\n        return Turn(Move.FOLLOW)\n",
        by=FLEET,
    ),
    Mutant(
        name="nobody stands down",
        file="turn.py",
        text="    return about and (taken or decided) and holder.nonce != attempt.nonce\n",
        replacement="    return False\n",
        by=FLEET,
    ),
    Mutant(
        name="who takes over is outrun by the claim before",
        file="turn.py",
        text="    if attempt.outdone == read_turn(declared):\n        return False\n",
        replacement="",
        by=FLEET,
    ),
    Mutant(
        name="a pod counts itself before its process showed anything",
        file="marks.py",
        text="        and loaded.proven\n        and loaded.digest == decided.digest\n",
        replacement="        and loaded.digest == decided.digest\n",
        by=FLEET,
    ),
    Mutant(
        name="the canary's proof is everybody's",
        file="marks.py",
        text="    others = takes_turns(state) and _count_replicas(state) is not None\n"
        "    return Status",
        replacement="    others = False\n    return Status",
        by=FLEET,
    ),
    Mutant(
        name="a later pod's failure stops nobody",
        file="marks.py",
        text="    if len(tally.failed) > rollout.tolerate:\n",
        replacement="    if False:\n",
        by=FLEET,
    ),
    Mutant(
        name="the wait of a write is forgotten",
        file="machine.py",
        text="    times.extend([write_s] if write_s is not None else [])\n",
        replacement="",
        by=FLEET,
    ),
    Mutant(
        name="independent pods each speak for all",
        file="turn.py",
        text="    return several and state.api is not None and not state.api.stranger\n\n\n"
        "def is_incumbent",
        replacement="    return False\n\n\ndef is_incumbent",
        by=FLEET,
    ),
    Mutant(
        name="files stay at what failed elsewhere",
        file="source.py",
        text="    if attempt is None:\n        _retreat(draft, side, declared)\n        return\n",
        replacement="    if attempt is None:\n        return\n",
        by=FLEET,
    ),
    Mutant(
        name="a pause is no pause",
        file="turn.py",
        text='    return declared is not None and declared.marks.get("paused") == "true"\n',
        replacement="    return False\n",
        by=("tests",),
    ),
    Mutant(
        name="any process is said to have kept what ran",
        file="process.py",
        text="        and loaded.kept is not None\n        and loaded.kept == state.last_good\n",
        replacement="",
        by=FLEET,
    ),
    Mutant(
        name="data is rolled back over a newer edit",
        file="claim.py",
        text="        and decided.digest == declared.content.digest\n"
        '        and declared.marks.get("status") in REFUSED\n',
        replacement="",
        by=FLEET,
    ),
    Mutant(
        name="an older state of the object is believed",
        file="source.py",
        text="if declared is not None and before is not None and declared.is_older_than(before):",
        replacement="if False:",
        by=FLEET,
    ),
    Mutant(
        name="an answer of what was there before is believed of what was created since",
        file="declared.py",
        text="counted = self.version.isdecimal()",
        replacement="counted = self.uid == other.uid and self.version.isdecimal()",
        by=FLEET,
    ),
    Mutant(
        name="who waits for a way back that does not come goes in circles",
        file="source.py",
        text="goes_back = published and ",
        replacement="goes_back = published or ",
    ),
    Mutant(
        name="a folder that cannot be filled is tried again at once",
        file="source.py",
        text=" or is_fill_due(draft.state, newest)\n",
        replacement="\n",
    ),
    Mutant(
        name="the first content is not proven late",
        file="proof.py",
        text="loaded=loaded, restart_pending=False)",
        replacement="loaded=loaded)",
    ),
    Mutant(
        name="a process is waited for that dies of files which the last good would replace",
        file="source.py",
        text="elif not attempt.repairs and is_repair_due(draft.state):",
        replacement="elif False:",
    ),
    Mutant(
        name="an outdated candidate goes on",
        file="source.py",
        text="if not attempt.beside or not awaited:",
        replacement="if attempt.beside and not awaited:",
        by=FLEET,
    ),
    Mutant(
        name="a holder that is gone is waited for",
        file="marks.py",
        text="        return undecided and find_turn(state, api, declared).move is not "
        "Move.GIVE_UP\n",
        replacement="        return True\n",
        by=FLEET,
    ),
    Mutant(
        name="what others have proven after all is not followed",
        file="content.py",
        text="        or is_overruled(state)\n",
        replacement="",
        by=FLEET,
    ),
    Mutant(
        name="another workload's annotations are overwritten",
        file="workload.py",
        text='    return "" if name_workload(holder) == name_workload(bridge.pod) else target\n',
        replacement='    return ""\n',
        by=FLEET,
    ),
    Mutant(
        name="another workload's words are heeded",
        file="source.py",
        text="        declared = replace(declared, marks=keep_wishes(declared.marks))\n",
        replacement="        pass\n",
    ),
    Mutant(
        name="among another workload's annotations a turn is waited for",
        file="claim.py",
        text="or api.stranger or goes_alone:",
        replacement="or goes_alone:",
        by=FLEET,
    ),
    Mutant(
        name="a question that was not answered is not asked again",
        file="machine.py",
        text="    source.ask_again(draft)\n",
        replacement="",
        by=FLEET,
    ),
    Mutant(
        name="a claim that nobody answers is waited for",
        file="claim.py",
        text="or api.stranger or goes_alone:",
        replacement="or api.stranger:",
    ),
    Mutant(
        name="a lost answer is an answer",
        file="claim.py",
        text="    elif refused:\n        if refused != api.refused:",
        replacement="    elif lost:\n"
        '        api = replace(api, write_from_s=float("inf"))\n'
        "    elif refused:\n"
        "        if refused != api.refused:",
        by=FLEET,
    ),
)


def main() -> int:
    """Run all mutants; 0 if every one was caught."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tests", nargs="+", default=["tests/core"])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="mutants whose name holds this word")
    parser.add_argument("--by", default="", help="mutants that are shown to these: tests, sim")
    arguments = parser.parse_args()
    chosen = [m for m in MUTANTS if arguments.only in m.name and arguments.by in {"", m.by[0]}]
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        court = Court(Path(scratch), arguments.tests)
        with ThreadPoolExecutor(arguments.jobs) as pool:
            caught = sum(pool.map(court.judge, range(len(chosen)), chosen))
    say(f"{len(chosen)} mutants, {caught} caught")
    return 0 if caught == len(chosen) else 1


def say(line: str) -> None:
    """At once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _copy(folder: Path) -> Path:
    """A checkout of its own: the package, the tests, and how they are run."""
    ignore = shutil.ignore_patterns("__pycache__", ".hypothesis")
    for part in ("sidecar", "tests", "docs"):
        shutil.copytree(ROOT / part, folder / part, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


class Court:
    """Shows mutants to those who may notice: they are believed if a clean copy pleases them."""

    def __init__(self, scratch: Path, tests: list[str]) -> None:
        self._scratch = scratch
        self._tests = tests
        self._lock = Lock()
        self._clean: dict[str, str] = {}

    def judge(self, number: int, mutant: Mutant) -> bool:
        """Whether somebody notices."""
        folder = _copy(self._scratch / str(number))
        path = folder / "sidecar" / "core" / mutant.file
        text = path.read_text()
        if text.count(mutant.text) != 1:
            say(f"STALE   {mutant.name}: its text is not in {mutant.file} exactly once")
            return False
        path.write_text(text.replace(mutant.text, mutant.replacement))
        started_s = time.monotonic()
        noticed = next((by for by in mutant.by if self._notices(folder, by)), "")
        took_s = time.monotonic() - started_s
        shutil.rmtree(folder)
        say(f"{f'caught by {noticed}' if noticed else 'MISSED':<17} {mutant.name} ({took_s:.1f} s)")
        return bool(noticed)

    def _notices(self, folder: Path, by: str) -> bool:
        if not _show(folder, by, self._tests):
            return False
        with self._lock:
            if by not in self._clean:
                clean = _copy(self._scratch / f"clean-{by}")
                self._clean[by] = _show(clean, by, self._tests)
                if self._clean[by]:
                    say(f"{by} complains without any mutant:\n{self._clean[by]}")
        return not self._clean[by]


def _show(folder: Path, by: str, tests: list[str]) -> str:
    """What they complain of; empty if nothing."""
    python = sys.executable
    commands = {
        "tests": [python, "-m", "pytest", *tests, "-x", "-q", "-p", "no:cacheprovider"],
        "sim": [python, "-m", "tests.sim", "--seeds", str(SEEDS), "--jobs", "1", "--stop"],
        "worlds": [python, "-m", "tests.sim.worlds", "--most", str(STATES), "--stop"],
    }
    environment = {**os.environ, "SUREHUP_HISTORIES": "mutants", "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONPATH", None)
    try:
        done = subprocess.run(
            commands[by],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=MOST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no end within {MOST_S} s"
    return done.stdout + done.stderr if done.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
