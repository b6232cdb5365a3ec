"""The only code that calls Slant. It does not use Django.

| module | what it holds |
| --- | --- |
| `client` | one method for each thing the application does; its docstring is the contract |
| `types` | the records that come back |
| `pages` | pages of lists, and whether they prove that a list was read whole |
| `errors` | the errors that calls raise, one family |
| `request_checks` | what is checked before anything is sent |
| `transport` | sockets: one request, one answer, always within its deadline |
| `responses` | from an answer to a record, a page or an error: pure functions |
| `error_bodies` | reading the undocumented bodies of errors |
| `comparison` | comparing a written record with what was sent |
| `secret` | the token, which no log, repr or message shows |
"""
