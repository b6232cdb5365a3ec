"""How the used databases were made (tests/upgrade/used/README.md). Written for commit 0c87b9a and its pages.

Nothing of the suite runs this. A later fixture, of a later version, gets a story of its own.
"""
