"""The simulator beside Erlang's formula: the mean wait of an M/M/2 queue.

python docs/examples/erlang.py 1.5
"""

import math
import random
import sys

from harness.core.queueing import Station

rate, workers, mean = float(sys.argv[1]), 2, 1.0
offered = rate * mean
waits = offered**workers / math.factorial(workers) * workers / (workers - offered)
waits /= sum(offered**n / math.factorial(n) for n in range(workers)) + waits
print(f"Erlang C: a mean wait of {waits * mean / (workers - offered):.3f} s")

draw = random.Random(1)  # noqa: S311 - a simulation
station: Station[None] = Station(workers, 10**9, lambda in_service: draw.expovariate(1 / mean))
now, departures = 0.0, []
for _ in range(200_000):
    now += draw.expovariate(rate)
    departures += station.depart(now)
    station.arrive(None, now)
waited = [departure.began - departure.arrived for departure in departures]
print(f"simulated: a mean wait of {sum(waited) / len(waited):.3f} s over {len(waited):,} jobs")
