"""Write the detector of a config's student with random weights, as a teacher that must do harm.

    python examples/untrained_teacher.py examples/score_agreement.yaml runs/useless.safetensors --seed 2

The search takes it by `--set teachers.useless.weights=runs/useless.safetensors`.
"""

from argparse import ArgumentParser
from pathlib import Path

from search import load_config
from search.comparison.arms_check import save_untrained
from spaces.candidate import ALL_REAL


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("config")
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    asked.file.parent.mkdir(parents=True, exist_ok=True)
    save_untrained(asked.file, load_config(asked.config, [f"seed={asked.seed}"]), ALL_REAL)


if __name__ == "__main__":
    main()
