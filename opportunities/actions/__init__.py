"""Actions: what people do. Each is a verb with keyword arguments, the last of which is who did it, and is
recorded in the trail.

| module               | what it does                                                                   |
| -------------------- | ------------------------------------------------------------------------------ |
| `submissions`        | creates and changes deals: commits a submission and wakes a worker             |
| `form_tokens`        | signed tokens, by which the same form sent twice is one submission             |
| `duplicate_question` | the question when a deal like this one was entered within 24 hours             |
| `labels`             | the words that a person saw for the ids they sent                              |
| `refusals`           | the parent of all reasons why a submission is not accepted                     |
| `withdrawing`        | withdraws a submission that has surely not reached Slant                       |
| `moving`, `bulk`     | a move with its lost reason and its undo; many deals at once                   |
| `reviewing`          | what a person decides about a submission that the worker cannot                |
| `people`             | sign-in and sign-out, roles, and who a person is in Slant                      |
| `drafts`             | keeps typed values that were not sent, for after the end of a session          |
| `targets`            | the owners' targets for a fiscal quarter                                       |
| `saved_views`        | the board's last state and named selections of a person                        |
| `deal_exports`       | the event of an export of deals                                                |
| `access_log`         | the events of access, refusal and limits                                       |

No action calls Slant: `delivery` brings submissions there. No action knows a request, a form or HTML.
"""
