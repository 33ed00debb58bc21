"""Seeds whose histories broke a promise once, with a word why: they are played in every test run.

A seed stands for one history only as long as `nature` and `story` draw alike: who changes them
finds new ones. Each of these bugs is a scenario of `tests/core` as well.
"""

from __future__ import annotations

SEEDS = {
    17: "independent pods wrote over each other's words for ever",
    27: "content that was edited back before anybody wrote counted as unproven",
    39: "two pods that each believed to be alone said the same in turns",
    205: "who asks for another try does not unsay what was proven",
    380: "content was called rolled back and active at once",
    389: "files stayed at content that failed everywhere else, where nothing ran",
    496: "the data was replaced as another pod tried it again",
    823: "a process that had never proven anything was said to have kept it",
    867: "a sidecar that was stopped gave its turn back, and one pod more was given the content",
    953: "a process that ends before a look can find it was waited for for ever",
    1641: "what blocked all pods was never said",
    4108: "another try waited for a process that died of the files it was to load",
    2101: "what runs unchanged was taken for unproven",
    20183: "another pod's later success was not followed",
    6018: "a lost answer was waited for though the watch had told it",
    6027: "the same, alone",
    6251: "doubt was taken for a verdict that others may overrule",
    6628: "the turn of older content was taken for a say on the newer",
    1_000_183: "a folder that could not be read gave a turn back after its signal",
    1026: "a process was never asked what it runs once its folder was right",
    10363: "content that ran as it was edited back counted as unproven, as its process ended then",
    10738: "a process that died where no folder could be read gave a turn back after its signal",
    11652: "a turn of pods that are gone, which nobody could take over, was left without a word",
    11749: "the same as 10738, where the folder was lost first",
    13475: "one pod said what blocked it, and another one unsaid it",
    30292: "another try of what others refused looked for a process that is gone without a pause",
    37878: "a pod forgot what ran there, as others had failed with it and nothing was before it",
    42363: "a process that ends before it can be seen was waited for, and nothing was said of it",
    42567: "the same, and a look met it by chance long after",
    38520: "the restarted sidecar gave a turn back of a process that had died of its content",
    39814: "what was tried before an edit brought it back was taken for that edit's trial",
    47990: "the model's watch brought a deletion after what was created later",
    49765: "a turn was taken up again after the sidecar's restart, although others had decided it",
    10: "a revision that the API did not store was not stored later",
    276: "where a whole fleet had been replaced, nobody stored the revision",
    11828: "one pod stored content anew, and another one's older number stayed",
    449: "content that came back went by its old number",
    54685: "a process was left with what a sidecar that died had given it, and nobody had proven",
    58813: "a pod of the same name took the count back of one that vanished",
    61265: "a way back that had failed was tried again by the sidecar that followed",
    73910: "a process that was gone was said to run what was edited back",
    74849: "what was brought back was what had failed, for ever",
    32042: "content that was paused stayed so after the pause, where who went first was gone",
}
