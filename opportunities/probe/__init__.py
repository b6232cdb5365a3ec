"""The probe: asking a real Slant, before going live, what its documents leave open (Slant API 10).

It reads only, unless it is told to write. Then it makes one clearly named test deal in one book and moves it
to the archived stage at the end. The report states what was seen and never guesses; what Slant did not show
is said so, with the reason. An answer that is missing, late or unreadable costs one finding, never the rest.
No payload comes out: only counts, statuses, and names of fields, headers and codes.

The probe uses the client's transport, token and call count, but not its judgement of answers, because that
judgement is what it checks.

| module | what it does |
| --- | --- |
| `audited` | one probe with the shared call budget and its events in the trail |
| `questionnaire` | every question in order, and the report |
| `prober` | asks Slant and keeps the answer as it came |
| `questions` | the list of questions, and the findings |
| `facts` | what the reads learned for later questions |
| `reads`, `listing` | questions that reading answers |
| `writes`, `making`, `changing` | questions that need the test deal |
"""

from opportunities.probe.prober import CannotAsk, NotAsked, Prober
from opportunities.probe.questionnaire import ProbeOptions, ProbeReport, run_probe
from opportunities.probe.questions import Finding

__all__ = ["CannotAsk", "Finding", "NotAsked", "ProbeOptions", "ProbeReport", "Prober", "run_probe"]
