"""The campaign of faults: every promise about outages, money, kills, disks and clocks, tried many times. `python -m benchmarks.faults`."""
