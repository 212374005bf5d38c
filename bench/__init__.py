"""Measurements: `python -m bench` prints one table, `python -m bench.accept_engine` judges the engine against its bars.

engine              exactness, determinism, speed and memory of the stream engine
reference_events    the events they run on
oracle_duckdb       the same features by SQL: the independent oracle and the DuckDB baseline
python_twin         the same features in plain Python: the speed baseline
c_loop              the engine's own kernel as C: the other speed baseline
decide, replay, service, crash, bad_input, handbook, journal
                    the rest of the path; each has `run(...)` that returns plain figures, and the docstring of the bar in
                    `accept_engine` that reads them lists the names it needs
"""
