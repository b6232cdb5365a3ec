"""Is the trail what it was? The whole of it, on demand (`manage.py verify_audit`) and nightly by a worker.

Followed are the chain from its first event, its head, every checkpoint, and every submission with its
attempts: they must be what their events say. What is read is never locked, so events go on being written
meanwhile.

| room | holds |
| --- | --- |
| `whole` | one verification, in steps |
| `report` | what it tells meanwhile and in the end |
| `rows` | events as the chain hashes them |
| `replay` | what every submission must be, as its events tell it |
| `compared` | what it is |
| `nightly` | the verification of each night, and what becomes of a finding |
"""
