"""The worker: rounds of everything that is due, and the queue that starts them.

| module  | what it does                                                                                 |
| ------- | -------------------------------------------------------------------------------------------- |
| `tick`  | one round: sends, settles, syncs, sweeps and checks the trail, for production and simulation |
| `tasks` | what huey runs: wakes and schedules rounds, and nothing else                                 |

A round uses `delivery`, `mirror` and `trail`, so this room lies above them. What keeps several workers apart
is `runtime`, which lies below.
"""
