"""What the trail's pages show: events as sentences, each with everything that was recorded.

A person who may not read the trail gets nothing from here.

| room | holds |
| --- | --- |
| `page` | a page of the trail, or the trail of one thing |
| `parts` | what it is made of, as values |
| `subjects` | what the events are about, fetched once for a page |
| `sentences` | an event as a sentence |
| `opened` | everything else that was recorded of it |
"""
