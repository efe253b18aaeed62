"""``python -m model_server``."""

from model_server.launcher import main

raise SystemExit(main())
