"""The canonical text of a request, and its digest."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .jsonio import is_array, is_object


def canonical(body: dict[str, Any]) -> str:
    """The canonical text of a request's wire JSON: sorted, compact, without nulls. Stable across releases."""
    return json.dumps(_without_nulls(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(body: dict[str, Any]) -> str:
    """The versioned digest of a request's wire JSON: the default reference of a booking."""
    return "v1-" + hashlib.sha256(canonical(body).encode()).hexdigest()[:40]


def _without_nulls(value: Any) -> Any:
    if is_object(value):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if is_array(value) else value
