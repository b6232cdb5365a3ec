"""The trail: an append-only chain of events, its signed checkpoints, and exports that can be verified without
the database.

| module | what it does |
| --- | --- |
| `audit` | `record()`, the only writer of events |
| `query` | which events a page, an export or a command asks for |
| `event_macs` | the MAC of each event, by the web or by a worker |
| `proving` | which events their MACs prove to be ours |
| `checkpoints` | signed statements of where the trail stood, kept outside the database |
| `checkpoint_rounds` | when a worker writes the next checkpoint, and the alerts about it |
| `signing_keys` | the key that signs them, and the public keys that are trusted |
| `witness` | copies of the checkpoints on another machine |
| `witness_mail` | the newest checkpoint by mail, once an hour at most |
| `export_requests`, `export_signing` | the page asks a worker to sign an export, and the worker does |
| `head_file` | the file outside the database that remembers where the trail stood |
| `export` | exports as a stream or a folder, and moving older events to files |
| `export_contents` | the events, proofs and manifest of an export |
| `verify/` | whether the trail is unaltered |
| `verifier` | checks exports: one file of the standard library that an auditor runs without the application |

docs/audit.md says what each module promises.
"""
