"""Static files under names made from what is in them, so that browsers may keep them for good."""

from collections.abc import Iterable, Iterator

from whitenoise.storage import CompressedManifestStaticFilesStorage

# A line of its own, so that no comment and no string is taken for one.
IMPORT = r"""(?m)^(?P<matched>import (?P<names>[^"']*)"(?P<url>\./[^"]+|\.\./[^"]+)";)$"""


class HashedFiles(CompressedManifestStaticFilesStorage):
    """Imports between our scripts are rewritten to such names, too.

    Django's own way (`support_js_module_import_aggregation`) reads every script, and fails on one of htmx's.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("js/*.js", ((IMPORT, 'import %(names)s"%(url)s";'),)),
    )
    # A name is final once all it imports have theirs: a pass for each link of the longest chain, and another.
    max_post_process_passes = 20

    def compress_files(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Compress what pages name. The plain copies are only compared with their sources."""
        yield from super().compress_files(set(paths) & set(self.hashed_files.values()))

    def stored_name(self, name: str) -> str:
        """The plain name before the first `collectstatic`: the page that says so must still render."""
        stored: str = super().stored_name(name) if self.hashed_files else name
        return stored
