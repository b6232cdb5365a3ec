"""Whether the trail is unaltered:

on demand (`manage.py verify_audit`) and nightly by a worker. It checks the chain from its first event, the
head, every checkpoint, and whether every submission and attempt matches its events. Nothing is locked, so
events can be written meanwhile.

| module | what it holds |
| --- | --- |
| `whole` | one verification, in steps |
| `report` | its progress and its result |
| `rows` | events as the chain hashes them |
| `macs` | whether each event has a MAC of our web or worker |
| `saved` | whether the trail matches a checkpoint that somebody kept elsewhere |
| `replay` | what every submission must be, replayed from its events |
| `compared` | whether submissions and attempts match the replay |
| `nightly` | the nightly verification, and what follows from its result |
"""
