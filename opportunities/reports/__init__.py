"""Reports: pure functions from rows, a period and a now to a result.

| room | what |
| --- | --- |
| `periods`, `rows`, `sums` | calendar days and fiscal quarters; what a selector hands in; how figures add up |
| `overview` ... `velocity` | one report each: the numbers |
| `spread` | what a sum of independent deals may come to |
| `sheets`, `telling` | the numbers as sentences, tables and charts, which page, CSV and XLSX share |

Nothing here knows a request, a model or a database. Money is whole US dollars; what is weighted is kept in
hundredths of a dollar until it is shown, so that sums stay exact.
"""
