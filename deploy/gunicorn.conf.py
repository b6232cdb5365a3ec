"""How gunicorn serves the web process: `gunicorn --config deploy/gunicorn.conf.py`.

Options on the command line win over these. docs/operations.md says what stands in front of it.
"""

import os

# Logs and whatever else is written belong to this user alone.
os.umask(0o077)

wsgi_app = "slantweb.wsgi"
# By itself gunicorn takes PORT as an order to listen on every address of the machine.
bind = [f"127.0.0.1:{os.environ.get('PORT') or 8000}"]
worker_class = "slantweb.web_worker.ReadAheadWorker"
threads = 8
# Longer than a balancer keeps an idle connection, so that it is never the one to be cut off in the middle.
keepalive = 75
# No header may name a path, or the part of it that the application is mounted below (SCRIPT_NAME).
forwarder_headers = ""
header_map = "drop"
# A socket by which other processes of this user could steer the server; nothing here uses it.
control_socket_disable = True
