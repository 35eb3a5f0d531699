"""The input of a sweep: requests and their accounts."""

from __future__ import annotations

from typing import Any, Union

import attrs

from .._errors import RequestError
from .._models.operation import split_pair
from ..api.logistics import FreightEstimateRequest, FreightPreviewRequest

QuoteRequest = Union[FreightEstimateRequest, FreightPreviewRequest]  # noqa: UP007 - evaluated at run time on 3.10


@attrs.frozen(kw_only=True)
class SweepRequest:
    """One request of a sweep.

    Attributes:
        request: an estimate or a preview.
        reference: the caller's reference; quotes under one reference are for the same order.
        vendors: the names of the accounts to query; None: every session of the sweep.
    """

    request: QuoteRequest
    reference: str | None = None
    vendors: tuple[str, ...] | None = None


def as_sweep_request(item: Any) -> SweepRequest:
    """Normalise a `SweepRequest`, a request, or a pair (reference, request).

    Raises:
        RequestError: it is none of these.
    """
    if isinstance(item, SweepRequest):
        return item
    reference, request = split_pair(item)
    if not isinstance(request, (FreightEstimateRequest, FreightPreviewRequest)):
        wrong = type(request).__name__
        raise RequestError(f"expected an estimate or a preview request, not {wrong}", reference=reference)
    return SweepRequest(request=request, reference=reference)
