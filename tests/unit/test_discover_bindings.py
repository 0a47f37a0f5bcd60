"""What binds a name, found in time that grows with the text and not with its square."""

from __future__ import annotations

from pymodel.discover.bindings import own_nodes
from pymodel.discover.callsites import find_constructor_calls, find_forward_calls
from pymodel.discover.document import parse_document


def test_each_scope_is_gone_through_once() -> None:
    functions = [
        f"def f{n}(width):\n    net = Net(width)\n    net(width)\n    return f{n - 1}({n})\n" for n in range(1, 60)
    ]
    text = "class Net: ...\ndef f0(x):\n    return x\n" + "".join(functions) + "f59(width=4)\n"
    document = parse_document("a.py", text)
    own_nodes.cache_clear()
    calls = find_constructor_calls(document, "Net", "a.py")
    assert len(calls) == 59
    assert calls[-1].prelude == ("width = 4",)
    assert len(find_forward_calls(document, "Net", "a.py")) == 59
    assert own_nodes.cache_info().misses <= 1 + 60
