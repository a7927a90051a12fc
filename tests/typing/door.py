"""What a type checker must reject; read by mypy, never run. An ignore that nothing needs is an error too."""

import bayes_scaling as bs

runs = bs.load_runs("measured")
fit: bs.Fit = bs.fit(runs, draws=10)
frontier = fit.frontier(compute=[1e13, 1e14], context_length=128)
settled: float = fit.compare_runs([2.312, 2.309], 2.301, 128, "xlstm").probability
figure = frontier.plot(figsize=(3.25, 2.5))
table = bs.frontier(fit, compute=[1e13, 1e14], context_length=128).table()
law: bs.laws.Law = bs.laws.get_law("gamma")
line = bs.classical.isoflop_fit(runs)
model = bs.models.plain_model(runs, bs.ModelSpec(discrepancy="none"))
timings = bs.latency.load_timings("timings.csv")

bs.fit(runs, drws=10)  # type: ignore[call-arg]
bs.fit(runs, backend="numpyr")  # type: ignore[arg-type]
bs.compare_runs(fit, 2.312)  # type: ignore[call-arg]
bs.fit(runs, errors="skew")  # type: ignore[arg-type]
fit.fronteer(1e14)  # type: ignore[attr-defined]
fit.frontier(compute=1e14, contxt=128)  # type: ignore[call-arg]
bs.fronteer(fit)  # type: ignore[attr-defined]
bs.models.plain_modl(runs)  # type: ignore[attr-defined]
bs.data.fetsh("gadre")  # type: ignore[attr-defined]
