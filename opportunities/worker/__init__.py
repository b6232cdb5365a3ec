"""The worker: rounds of everything that is due, and when they begin.

| module     | what it does                                                                                 |
| ---------- | -------------------------------------------------------------------------------------------- |
| `tick`     | one round: sends, settles, syncs, sweeps and checks the trail, for production and simulation |
| `cleaning` | the hourly removal of sessions, drafts, heartbeats and counts that are over                  |
| `rounds`   | when rounds begin: when woken, when something is due, every few seconds in any case          |
| `hearing`  | hears wake-ups in a thread of its own, and notices when it hears none                        |

A round uses `delivery`, `mirror` and `trail`, so this room lies above them. What keeps several workers apart
is `runtime`, which lies below.
"""
