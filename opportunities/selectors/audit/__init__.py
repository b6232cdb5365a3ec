"""What the trail's pages show: events as sentences, each with everything that was recorded.

These selectors return nothing to a person who may not read the trail.

| room | holds |
| --- | --- |
| `page` | a page of the trail, or the trail of one submission or deal |
| `parts` | the values a page consists of |
| `subjects` | what the events are about, fetched once for a page |
| `sentences` | an event as a sentence |
| `opened` | everything else that was recorded of an event |
"""
