"""Where the numbers of a page lead."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.urls import reverse

from opportunities.reports.sheets import Links
from opportunities.selection import LIST, Selection

# What `show` begins with when it names open deals of today by a selection.
DEALS = "deals?"


class PageLinks(Links):
    """Keeps the report's filters on the way to the deals and back."""

    def __init__(self, slug: str, query: Mapping[str, str], stages: Mapping[str, str]) -> None:
        """`stages` are the open ones with their pipelines."""
        self.slug, self.query, self.stages = slug, dict(query), stages

    def deals(self, **selection: object) -> str:
        """In the list, which holds one pipeline and knows no teams; else on the report itself."""
        chosen = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in selection.items()
            if value
        }
        pipeline = self._pipeline(chosen.get("stage"))
        if not pipeline or (self.query.get("team") and "owner" not in chosen):
            if self._all_open(chosen.get("stage")):
                del chosen["stage"]
            return self.show(f"{DEALS}{Selection().query(**chosen)}")
        shared_filters = {name: value for name in ("book", "owner") if (value := self.query.get(name))}
        query = Selection(view=LIST).query(**shared_filters | chosen, pipeline=pipeline)
        return f"{reverse('opportunities:board')}?{query}"

    def _pipeline(self, stages: object) -> str:
        """The one pipeline the deals lie in, empty if they may lie in several."""
        if pipeline := self.query.get("pipeline"):
            return pipeline
        stage_ids = stages if isinstance(stages, tuple) else tuple(self.stages)
        pipelines = {self.stages[stage] for stage in stage_ids if stage in self.stages}
        return pipelines.pop() if len(pipelines) == 1 else ""

    def _all_open(self, stages: object) -> bool:
        return isinstance(stages, tuple) and set(stages) == set(self.stages)

    def show(self, key: str) -> str:
        return f"{self.report(self.slug, show=key)}#behind"

    def deal(self, id: str) -> str:
        return reverse("opportunities:opportunity", args=[id])

    def report(self, slug: str, **changes: object) -> str:
        parameters = self.query | {name: str(value) for name, value in changes.items()}
        if slug != self.slug:
            parameters = {
                name: value
                for name, value in parameters.items()
                if name not in ("by", "day") or name in changes
            }
        query = urlencode({name: value for name, value in parameters.items() if value})
        address = f"{reverse('opportunities:report', args=[slug])}?{query}"
        return f"{address}#behind" if "show" in changes and slug != self.slug else address
