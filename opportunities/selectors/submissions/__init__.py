"""What the pages of submissions show: the list of one's own, and one with how far it got.

| room | holds |
| --- | --- |
| `reach` | which submissions a person may open, and which they may correct |
| `listing` | one's own, a page at a time |
| `page` | one with how far it got: its page, also its news |
| `parts` | what that page is made of, as values |
| `words` | a field's value as people say it, and back as they would type it |
"""
