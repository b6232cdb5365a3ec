"""What the page of one deal shows: its fields, its time in each stage, what changed, and unconfirmed changes.

| room | holds |
| --- | --- |
| `page` | finding the deal, and its page |
| `parts` | the values the page consists of |
| `fields` | its fields in words |
| `progress` | its stages, and the time in each |
| `changes` | what changed |
| `pending` | changes that Slant has not confirmed yet |
| `conflicts` | what somebody else changed meanwhile |
"""
