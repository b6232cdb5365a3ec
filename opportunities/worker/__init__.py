"""The worker: rounds of everything that is due, and when they begin.

| module     | what it does                                                                                 |
| ---------- | -------------------------------------------------------------------------------------------- |
| `tick`     | one round: sends, settles, syncs, sweeps and checks the trail, for production and simulation |
| `cleaning` | the hourly removal of expired sessions, drafts, heartbeats and counts                        |
| `rounds`   | when rounds begin: on a wake-up, when something is due, and every few seconds                |
| `hearing`  | receives wake-ups in a separate thread, and detects when none arrive                         |

A round uses `delivery`, `mirror` and `trail`, so this room lies above them. `runtime`, which coordinates
several workers, lies below.
"""
