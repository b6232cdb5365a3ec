"""Checks a deployment before it serves (`manage.py doctor`).

* `diagnosis`: the result of one check, and its severity
* `database`: role, migrations, rights, connections, clock
* `machine`: static files, secrets, checkpoints, disk, proxies
* `others`: the mail server, the sign-on provider, Slant
* `examination`: all checks, in order

Nothing is changed, except that the call to Slant counts in the hour's budget.
"""
