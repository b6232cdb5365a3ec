"""What is wrong with a deployment, before it serves (`manage.py doctor`).

* `diagnosis`: what one look found, and how bad it is
* `database`: role, migrations, rights, connections, clock
* `machine`: static files, secrets, checkpoints, disk, proxies
* `others`: the mail server, the sign-on provider, Slant
* `examination`: all looks, in order

Nothing is changed, but that the call to Slant counts in the hour.
"""
