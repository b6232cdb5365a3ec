"""How several processes coordinate. Nothing here knows submissions or Slant's records.

| module       | what it holds                                                                       |
| ------------ | ----------------------------------------------------------------------------------- |
| `leases`     | a named right to do something alone for a limited time                              |
| `heartbeats` | which workers are alive, and whether a wall clock jumped                            |
| `budget`     | the shared hourly budget of calls to Slant                                          |
| `breaker`    | while Slant is away only one probe calls it                                         |
| `alerts`     | what managers must know: one open alert a cause                                     |
| `alert_mail` | sends the mails of alerts, and retries                                              |
| `event_counts` | how often something happened, for `/metrics`                                        |
| `outcomes`   | which outcome an error of the client is                                             |
| `request_metrics` | how long requests take and how they end, over all web processes                  |
| `wakeup`     | starts a round at once after a commit, through the database                         |
| `stopping`   | the question whether this process was asked to end                                  |

The rooms that change something (`trail`, `mirror`, `delivery`, `actions`) build on this one, so it lies below
them. `worker`, which runs them, lies above.
"""
