"""What the board shows: pipelines as tabs, stages as lanes with totals and cards, and what is on its way.

| room | holds |
| --- | --- |
| `page` | the board, a lane, a card, its head alone: what views ask for |
| `changes` | what moved since a board was drawn |
| `parts` | what a board is made of, as values |
| `places` | pipelines and stages |
| `totals` | what lies in each stage |
| `pending` | changes on their way |
| `windows` | rows of many windows in one statement |
| `cards` | a row becomes a card |
| `lanes` | cards become lanes |
"""
