"""What a playbook promises of raising an input: `improves`, `worsens`, and the `order` of the actions that says what better is."""

from __future__ import annotations

from collections.abc import Mapping

from decision_os.errors import nearest
from decision_os.model import HOLD, Action, HitPolicy, InputUse, Monotonicity
from decision_os.wire.fields import Fields
from decision_os.wire.scope import FEEDS

__all__ = ["read_monotonic"]


def read_monotonic(fields: Fields, inputs: Mapping[str, InputUse], actions: Mapping[str, Action]) -> tuple[Monotonicity, ...]:
    """What `improves` and `worsens` promise, and the `order` of the actions that says what better is."""
    order = _order(fields, actions)
    known = [*inputs, *FEEDS]
    found: dict[str, Monotonicity] = {}
    for key in ("improves", "worsens"):
        for item in fields.items(key):
            name = item.text
            if name not in known:
                fields.report.error("unknown-input", f"`{key}` of {fields.what} names `{name}`, which is no input of it", item.where, nearest(name, known))
            elif name in found:
                fields.report.error("name-twice", f"`{key}` of {fields.what} names `{name}`, which is promised already", item.where, "name each input once")
            else:
                found[name] = Monotonicity(input=name, improves=key == "improves", order=order, where=item.where)
    promised = bool(fields.items("improves") or fields.items("worsens"))
    if "order" in fields and not promised:
        message = f"{fields.what} orders its actions and promises nothing of them"
        fields.report.warning("unused-order", message, fields.key_where("order"), "write `improves` or `worsens`, or leave the order out")
    if promised and not order and "order" not in fields:
        where = fields.key_where("improves" if "improves" in fields else "worsens")
        hint = f"write for example `order: [{', '.join(['hold', *actions])}]`"
        fields.report.error("missing-key", f"{fields.what} has several actions, and no `order` says which of them is better", where, hint)
    return tuple(found.values())


def _order(fields: Fields, actions: Mapping[str, Action]) -> tuple[str, ...]:
    """The actions from the worst to the best, `hold` among them; where there is one action alone and nothing is said, it is better than holding."""
    items = fields.items("order")
    if not items:
        return (HOLD, *actions) if len(actions) == 1 and "order" not in fields else ()
    names = [item.text for item in items]
    for place, item in enumerate(items):
        if item.text not in (HOLD, *actions):
            hint = nearest(item.text, [HOLD, *actions])
            fields.report.error("unknown-action", f"`order` of {fields.what} names `{item.text}`, which is no action of it", item.where, hint)
        elif item.text in names[:place]:
            fields.report.error("name-twice", f"`order` of {fields.what} names `{item.text}` twice", item.where)
    if HOLD not in names:
        hint = "put it where doing nothing stands, as in `[pause_channel, hold, shift_budget]`"
        fields.report.error("missing-value", f"`order` of {fields.what} lacks `hold`", fields.key_where("order"), hint)
    left = [name for name in actions if name not in names]
    if left and fields.text("hit_policy", "first") != HitPolicy.COLLECT.value:
        message = f"`order` of {fields.what} lacks the action `{left[0]}`"
        fields.report.error("missing-value", message, fields.key_where("order"), "one of them is taken: say where it stands")
    return tuple(names)
