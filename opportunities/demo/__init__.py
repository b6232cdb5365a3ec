"""The demo: what `make run` starts, and the switches that make its sandbox misbehave.

| module | what it does |
| --- | --- |
| `supervisor` | starts sandbox, worker and web, watches them, and ends them together |
| `child` | one of these processes, its log and its end |
| `ports` | which ports are free, and where the sandbox's switches listen |
| `preparation` | migrations, static files, readiness |
| `make_parent` | whether the `make` that started the demo was interrupted |
| `sandbox_control` | ways the sandbox can misbehave, and how to ask for them |
"""
