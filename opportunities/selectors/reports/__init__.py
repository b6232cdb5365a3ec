"""The rows of each report, for one person and one set of filters.

The database counts: a report costs the same few queries for a hundred deals as for a hundred thousand.
Reports of the past read versions (`history`), those of today the mirror. No row holds what a person may not
see.

| module | holds |
| --- | --- |
| `registry` | which reports there are |
| `scope` | the books, stages and people a person's reports cover |
| `query` | what a report is asked with, and the rows every report is made of |
| `overview` ... `velocity` | the rows of one report |
| `closings`, `undated` | what was won and lost, with Slant's date of it and without |
| `behind`, `lines` | the deals behind a number; deals as lines that people read |
| `history` | changes of deals, from their versions |
| `targets` | what people are to win, for the settings |
"""
