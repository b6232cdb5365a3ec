"""What the board shows: pipelines as tabs, stages as lanes with totals and cards, and unconfirmed changes.

| room | holds |
| --- | --- |
| `page` | for views: the board, a lane, a card, or only its head |
| `changes` | what changed since a board was drawn |
| `parts` | the values a board consists of |
| `places` | pipelines and stages |
| `totals` | the number and value of the deals in each stage |
| `pending` | changes that Slant has not confirmed yet |
| `windows` | rows of many windows in one statement |
| `cards` | makes cards from rows |
| `lanes` | makes lanes from cards |
"""
