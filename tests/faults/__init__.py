"""A simulation in which any part may fail, and a checker that uses only Slant's ledger.

From the inside out:

    scheduler.py   simulated time and actors that hand over to each other; crashes, freezes
    database.py    databases in memory: restored in a millisecond, and able to fail at every statement
    compiler.py    statements written once and remembered; shortcuts.py: shorter ways to them through the ORM
    chains.py      query sets that are not built; statements.py: how the statement of each is learnt
    network.py     the seam of the Slant client: what becomes of one exchange
    slant.py       the other side: the sandbox's rules, people editing in Slant, servers that commit late
    people.py      browsers, managers, operators: what they do and what they were told
    changing.py    the same for edits and moves, and colleagues who change the same fields in Slant
    workers.py     rounds of `tick`, killed and started again
    plan.py        what a seed means: which troubles a history has
    history.py     one history from seed to verdict
    checker.py     I1-I9 (docs/exactly-once.md), from the ledger and from what browsers were told
    judging.py     the same of edits and moves; looking.py: what was looked through before it was sent again
    mirrored.py    whether the mirror shows what Slant has
    planted.py     bugs put into the real actions, to see that the checker sees them
    run.py         `python -m tests.faults.run --seed 17` replays one history and prints it

The actions are the real ones, unchanged; nothing in them knows that they are simulated.
"""
