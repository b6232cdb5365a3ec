"""The only code that speaks Slant's HTTP.

Start at `client.py`: its docstring is the contract. `types.py` says what comes back, `errors.py` what is
raised instead. `asking.py` checks what may leave, `transport.py` is the one place that touches sockets,
`reading.py` the pure function from an answer to a type or an error. `complaints.py` reads error bodies,
`comparing.py` holds a written record against what was sent, `secret.py` wraps the token.
"""
