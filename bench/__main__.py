"""All benchmarks, one after the other, each a process of its own: `python -m bench [NAME ...]`."""

from __future__ import annotations

import argparse
import subprocess
import sys

PROGRAMS = ("end_to_end", "latency", "detectors", "adapters", "entities", "checkpoints")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PROGRAMS))
    names = parser.parse_args().names or PROGRAMS
    if unknown := set(names) - set(PROGRAMS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; {', '.join(PROGRAMS)}")
    codes = []
    for name in names:
        print(f"== {name}", flush=True)
        codes.append(subprocess.run([sys.executable, "-m", f"bench.{name}"]).returncode)
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
