"""A stand-in for Slant: real HTTP, its own storage, its own process; shares nothing with the application.

From the inside out, each room importing only the ones before it:

    answers.py    answers and refusals, in every error shape
    faults.py     what each fault means
    ledger.py     the requests it received and the rows it wrote
    store.py      its state; cheap to copy
    checks.py     reading single values of a body
    shapes.py     rows as the API shows them, pages
    calls.py      one request, as the endpoints see it
    directory.py  me, books, pipelines             fields.py      custom fields
    deals.py      opportunities                    households.py  households, people, tasks, notes
    routes.py     which function answers which method and path
    rules.py      sign-in, limits, idempotency: one request from arrival to answer
    control.py    the switches of the sandbox: `/_control` (removing.py: what prevents a deletion)
    names.py, sample.py   a fictional firm to begin with
    past.py       how its deals came to be what they are

Everything above is pure: no Django, no sockets, no wall clock, no threads (rules.py tells how to drive it
in-process). Only these do input and output:

    world.py      the rules behind a lock, the machine's clock, waiting
    describe.py, answer_shapes.py   the shapes of the OpenAPI document
    http.py       the django-ninja API: addresses, document, `/_control`, `/_ledger`
    listener.py   a listening port, which can be closed and reopened
    server.py     sockets, threads and the faults that need them; the ways of being down
    __main__.py   `python -m opportunities.sandbox`
"""
