"""What the page of one deal says: its fields, its time in each stage, what changed, what is on its way.

| room | holds |
| --- | --- |
| `page` | finding the deal, and its page |
| `parts` | what the page is made of, as values |
| `fields` | its fields in words |
| `progress` | its stages, and the time in each |
| `changes` | what changed |
| `pending` | what is on its way |
| `conflicts` | what somebody else changed meanwhile |
"""
