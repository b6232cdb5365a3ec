"""What keeps several processes apart and in step. Knows nothing of submissions or of Slant's records.

| module       | what it holds                                                                       |
| ------------ | ----------------------------------------------------------------------------------- |
| `leases`     | a named right to do something alone for a while                                     |
| `heartbeats` | which workers are alive, and whether a wall clock jumped                            |
| `budget`     | the shared hourly budget of calls to Slant                                          |
| `breaker`    | while Slant is away nobody calls it, but for one probe                              |
| `alerts`     | what managers must know: one open alert a cause                                     |
| `alert_mail` | sends the mails of alerts, as often as it takes                                     |
| `wakeup`     | how a commit starts a round at once, through the database                           |
| `stopping`   | the question whether this process was asked to end                                  |

The rooms that change something (`trail`, `mirror`, `delivery`, `actions`) build on this one, so it lies below
them. What runs them is `worker`, which lies above.
"""
