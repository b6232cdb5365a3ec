"""Actions: what people do. Each is a verb with keyword arguments that ends in who did it, and is recorded.

| module               | what it does                                                                   |
| -------------------- | ------------------------------------------------------------------------------ |
| `submissions`        | creates and changes deals: commits a submission and wakes a worker             |
| `form_tokens`        | signed tokens, by which the same form sent twice is one submission             |
| `duplicate_question` | the question when a deal like this one was entered within 24 hours             |
| `labels`             | the words a person saw for the ids they sent                                   |
| `refusals`           | the parent of all reasons why a submission is not accepted                     |
| `withdrawing`        | takes back what has surely not reached Slant                                   |
| `moving`, `bulk`     | a move with its lost reason and its undo; many deals at once                   |
| `reviewing`          | what a person decides about a submission that the worker cannot                |
| `people`             | sign-in and sign-out, roles, and who a person is in Slant                      |
| `drafts`             | what was typed and not sent, for after a session that ended                    |
| `targets`            | what owners aim to win in a fiscal quarter                                     |
| `saved_views`        | what a person keeps of the board                                               |
| `deal_exports`       | the event of deals that leave in a file                                        |
| `access_log`         | the events of what was opened, refused or limited                              |

No action speaks to Slant: bringing a submission there is `delivery`. None knows a request, a form or HTML.
"""
