"""The lines of a table of figures and bounds, which bench.py and gate.py print."""
import statistics

missed = []


def fastest(values):
    """The mean of the fastest third."""
    values = sorted(values)
    return statistics.mean(values[: (len(values) + 2) // 3])


def row(what, value, bound, unit, more="", digits=3):
    """Prints one figure; one over its bound is marked and remembered."""
    over = bound is not None and value > bound
    if over:
        missed.append(what)
    limit = f"<= {bound:.4g} {unit}" if bound is not None else ""
    print(f"{'!' if over else ' '} {what:<44} {value:9.{digits}f} {unit:<5} {limit:<12} {more}".rstrip(), flush=True)
