"""Reports: pure functions from rows to sheets, which page, CSV and XLSX share.

| module | what |
| --- | --- |
| `measures` | what each figure means, in words and as a function |
| `rows` | what selectors hand in |
| `overview` ... `velocity` | a report each: its numbers (`calculate`) and its sheet (`build_sheet`) |
| `spread`, `quantiles` | what a sum of independent deals may come to; medians and percentiles |
| `sheets`, `deal_tables` | a report as it is shown; tables of deals |
| `context` | what every sheet needs to know besides its numbers |

A new report is a module here, one in `selectors/reports` that fetches its rows, and an entry in
`selectors/reports/registry.py` (docs/adding-things.md, "A report").

Nothing here knows a request, a model or a database. Money is whole US dollars. What is weighted is kept in
hundredths of a dollar until it is shown, so that sums stay exact.
"""
