"""Static files under names with a hash of their content, so that browsers may keep them for ever."""

from collections.abc import Iterable, Iterator

from whitenoise.storage import CompressedManifestStaticFilesStorage

# Only whole lines match, so that no comment or string is mistaken for an import.
IMPORT = r"""(?m)^(?P<matched>import (?P<names>[^"']*)"(?P<url>\./[^"]+|\.\./[^"]+)";)$"""


class HashedFiles(CompressedManifestStaticFilesStorage):
    """Imports between our scripts are rewritten to these names too.

    Django's own way (`support_js_module_import_aggregation`) reads every script, and fails on one of htmx's.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("js/*.js", ((IMPORT, 'import %(names)s"%(url)s";'),)),
    )
    # A name is final when the names of all its imports are. That takes one pass for each link of the longest
    # chain, and one more.
    max_post_process_passes = 20

    def compress_files(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Compress what pages name. The plain copies are only compared with their sources."""
        yield from super().compress_files(set(paths) & set(self.hashed_files.values()))

    def stored_name(self, name: str) -> str:
        """The hashed name; before the first `collectstatic` the plain one, because the page that reports this
        must still render.
        """
        stored: str = super().stored_name(name) if self.hashed_files else name
        return stored
