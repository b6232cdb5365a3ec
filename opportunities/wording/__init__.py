"""The sentences people read that are not fixed in a template, one module for each page.

Rules: plain, short, no blame; say what happened, what it means for the deal, what to do. Write "deal" in
sentences, "opportunity" for the form and the record. Buttons name their result.

| module | what it says |
| --- | --- |
| `formats` | amounts, days, moments, counts |
| `fields` | a deal's fields: labels, and what is wrong with a value |
| `shell` | sentences that any page may show |
| `create`, `deals` | the form for a new deal; the page of a deal and its edit form |
| `board`, `bulk` | the board; the list and bulk changes |
| `states`, `submissions` | the states of a submission; its pages |
| `review`, `sending`, `stages`, `people` | the pages of managers |
| `reports`, `trail` | reports; the audit trail |
| `sign_in` | signing in |
"""
