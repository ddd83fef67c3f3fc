"""``python -m unlabeled`` is the command ``unlabeled``."""

from __future__ import annotations

from unlabeled.cli.main import main

if __name__ == "__main__":
    main()
