"""A stand-in for Slant: real HTTP, its own storage, its own process; shares nothing with the application.

From the inside out, each room importing only the ones before it:

    store.py     what the stand-in remembers; cheap to copy        ledger.py   what it was asked and wrote
    answers.py   answers and refusals, in every error shape        checks.py   reading single values of a body
    shapes.py    rows as the API shows them, pages                 deals.py    opportunities
    household.py households, people, tasks, notes                  fields.py   custom field definitions
    routes.py    which function answers which method and path
    rules.py     sign-in, limits, idempotency: one request from arrival to answer
    faults.py    what each fault means                             control.py  the adjustable side of the world
    sample.py    a fictional firm to begin with

Everything above is pure: no Django, no sockets, no wall clock, no threads. Only these three touch the world:

    http.py      the django-ninja description of the API, its addresses and its OpenAPI document
    server.py    sockets, threads, the machine's clock, and the faults that need them
    __main__.py  `python -m opportunities.sandbox`
"""
