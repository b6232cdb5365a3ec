"""How stages are drawn: Slant sends neither a meaning nor a colour, so both follow from name, probability and order."""

from collections.abc import Sequence

from opportunities.models import Stage
from opportunities.offer import StageChoice

OPEN, WON, LOST, ARCHIVED = "open", "won", "lost", "archived"
PIES = (20, 25, 40, 50, 60, 75, 80)
GLYPHS = {WON: "won", LOST: "lost", ARCHIVED: "archive-fill"}


def meaning(stage: Stage) -> str:
    """What a stage most likely means, until a manager says otherwise."""
    name = stage.name.lower()
    if "archiv" in name:
        return ARCHIVED
    if "lost" in name.split():
        return LOST
    if "won" in name.split() or stage.default_probability == 100:
        return WON
    if not stage.visible and stage.default_probability == 0:
        return ARCHIVED
    return OPEN


def drawn(stages: Sequence[Stage]) -> tuple[StageChoice, ...]:
    """`stages` of one pipeline in their order, each with the glyph and colour slot of its place among the open ones."""
    meanings = [meaning(stage) for stage in stages]
    open_count = meanings.count(OPEN)
    choices, place = [], 0
    for stage, what in zip(stages, meanings, strict=True):
        if what == OPEN:
            place += 1
            share = 100 * place / (open_count + 1)
            # A sixth open stage starts again at the second colour: the name still tells them apart.
            slot = str(place if place <= 5 else (place - 6) % 4 + 2)
            glyph = f"pie-{min(PIES, key=lambda pie: abs(pie - share))}"
        else:
            slot, glyph = what, GLYPHS[what]
        choices.append(
            StageChoice(
                id=stage.pk,
                name=stage.name,
                probability=stage.default_probability,
                visible=stage.visible,
                meaning=what,
                slot=slot,
                glyph=glyph,
            )
        )
    return tuple(choices)
