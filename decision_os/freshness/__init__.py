"""How fresh the data was: a log of load times and an objective in, an exact share of time and its error budget out.

- `instants`: microseconds since 1970, in which elapsed time is counted
- `dbt`: what dbt's freshness artifacts say about load times
- `log`: when each source was loaded, and what makes a value stale
- `share`: the exact share of time, and the stretches it is made of
- `status`: objectives at an instant, with budget, burn rates and alerts
"""

from __future__ import annotations

from decision_os.freshness.log import LoadLog, stale
from decision_os.freshness.share import share_fresh
from decision_os.freshness.status import Burn, FreshnessReport, FreshnessStatus, report

__all__ = ["Burn", "FreshnessReport", "FreshnessStatus", "LoadLog", "report", "share_fresh", "stale"]
