"""The adapter that writes a flag file, in the form that flagd and its OpenFeature providers read."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from decision_os.canonical import parse
from decision_os.errors import DataError, InputError, NotFoundError, nearest
from decision_os.reversal.running import Order, Undone

__all__ = ["FlagFile"]

_MARK: Final = "decisionOsReversal"
_STATES: Final = ("ENABLED", "DISABLED")


class FlagFile:
    """Undoes an action by setting a feature flag back in a file of flag definitions (https://flagd.dev/schema/v0/flags.json).

    The flag of the order gets the variant of the order as its `defaultVariant`, for everybody: it is enabled, and its targeting rules are taken
    out. What it was before goes into the record. The other flags stay as they are. The file is replaced in one step, so that a reader sees the old
    one or the new one; two writers at the same instant are not kept apart.

    Every order that was carried out is marked in the flag's metadata, a line each, and does nothing the second time, whatever came after it. Where the
    flag was set to something else since, that may be a newer decision: it is left alone, and said to be left to do. `replay` is called with the order
    where its plan names a queue to send again; without it that step is left, and the reversal is a partial one. The file is JSON: flagd's YAML files are
    refused.

    >>> import datetime as dt
    >>> from decision_os.record import ReversalKind
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "flags.json"
    >>> _ = path.write_text('{"flags": {"price_card": {"state": "ENABLED", "variants": {"v1": "a", "v2": "b"}, "defaultVariant": "v2"}}}')
    >>> order = Order(
    ...     key="k", kind=ReversalKind.PRICE_CARD, plan="back to v1", steps=("set the flag",), flag="price_card", to="v1", replay="", actions=(),
    ...     node="pricing.change", subject="list-price", deadline=dt.datetime.now(dt.UTC),
    ... )
    >>> FlagFile(path).undo(order).done
    ('flag `price_card` set to `v1`',)
    >>> json.loads(path.read_text())["flags"]["price_card"]["defaultVariant"]
    'v1'
    >>> folder.cleanup()
    """

    def __init__(self, path: str | os.PathLike[str], *, replay: Callable[[Order], None] | None = None) -> None:
        self.path: Final = Path(path)
        self.replay: Final = replay

    def __repr__(self) -> str:
        return f"FlagFile({str(self.path)!r})"

    def undo(self, order: Order) -> Undone:
        """Set the flag back, and send the queue again where the plan says so.

        Raises `InputError` for an order without a flag, `DataError` for a file that is not one of flag definitions, `NotFoundError` where there is no
        such file, flag or variant. Nothing is written then.
        """
        if not order.flag or not order.to:
            raise InputError(f"`{order.plan}` names no flag and variant to set", name="flag", hint="give `flag` and `to` in the playbook's `reversal`")
        done, detail = self._set(order)
        if not done:
            return Undone(done=(), left=(detail,))
        if not order.replay:
            return Undone(done=done, detail=detail)
        if self.replay is None:
            return Undone(done=done, left=(f"replay `{order.replay}`",), detail=detail)
        try:
            self.replay(order)
        except Exception as error:  # noqa: BLE001 - the flag is set: what failed is the rest, and it is said so
            return Undone(done=done, left=(f"replay `{order.replay}`",), detail=f"{detail}; replay: {type(error).__name__}: {error}".removeprefix("; "))
        return Undone(done=(*done, f"replayed `{order.replay}`"), detail=detail)

    def _set(self, order: Order) -> tuple[tuple[str, ...], str]:
        whole = self._read()
        flags: dict[str, Any] = whole["flags"]
        if order.flag not in flags:
            raise NotFoundError(f"no flag `{order.flag}` in `{self.path}` ({nearest(order.flag, flags) or 'known: ' + (', '.join(flags) or 'none')})")
        flag = flags[order.flag]
        metadata = flag.get("metadata", {})
        carried_out = str(metadata.get(_MARK, "")).split("\n")
        if order.key in carried_out:
            stands = {key: flag[key] for key in ("state", "defaultVariant", "targeting") if key in flag}
            if stands != {"state": "ENABLED", "defaultVariant": order.to}:
                now = json.dumps(stands, ensure_ascii=False)
                return (), f"flag `{order.flag}` was set to `{order.to}` by this order before, and since then to {now}: set it by hand, if it should be"
            return (f"flag `{order.flag}` was set to `{order.to}` by this order before",), ""
        variants = flag["variants"]
        if order.to not in variants:
            raise NotFoundError(f"the flag `{order.flag}` has no variant `{order.to}` ({nearest(order.to, variants) or 'known: ' + ', '.join(variants)})")
        before = {key: flag[key] for key in ("state", "defaultVariant", "targeting") if key in flag}
        changed = {key: value for key, value in flag.items() if key != "targeting"}
        flags[order.flag] = {
            **changed,
            "state": "ENABLED",
            "defaultVariant": order.to,
            "metadata": {**metadata, _MARK: "\n".join(filter(None, (*carried_out, order.key)))},
        }
        self._replace(json.dumps(whole, ensure_ascii=False, indent=2) + "\n")
        return (f"flag `{order.flag}` set to `{order.to}`",), f"before: {json.dumps(before, ensure_ascii=False)}"

    def _read(self) -> dict[str, Any]:
        try:
            whole = parse(self.path.read_bytes())
        except FileNotFoundError:
            raise NotFoundError(f"no flag file at `{self.path}`") from None
        except ValueError as error:
            raise DataError(f"`{self.path}` is no flag file: {error}") from None
        wrong = _wrong(whole)
        if wrong:
            raise DataError(f"`{self.path}` is no flag file: {wrong}")
        found: dict[str, Any] = whole
        return found

    def _replace(self, text: str) -> None:
        target = self.path.resolve()  # a link stays a link: what it leads to is replaced
        mode = target.stat().st_mode & 0o777
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(mode)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _wrong(whole: object) -> str:
    """What keeps a text from being flag definitions, as far as this adapter touches them."""
    flags = whole.get("flags") if isinstance(whole, dict) else None
    if not isinstance(flags, dict):
        return "it has no object `flags`"
    for name, flag in flags.items():
        if not isinstance(flag, dict) or flag.get("state") not in _STATES:
            return f"the flag `{name}` has no `state` of {' or '.join(_STATES)}"
        variants = flag.get("variants")
        if not isinstance(variants, dict) or not variants:
            return f"the flag `{name}` has no `variants`"
        if flag.get("defaultVariant") is not None and flag["defaultVariant"] not in variants:
            return f"the `defaultVariant` of the flag `{name}` is none of its variants"
        if not isinstance(flag.get("metadata", {}), dict):
            return f"the `metadata` of the flag `{name}` is no object"
    return ""
