"""What an auditor runs without the application: `verifier.py`, one file, standard library only
(docs/audit.md).
"""
