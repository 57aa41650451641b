"""The graph of the local console is the state machine's own."""

from local.console.graph import draw, read_states

STATES = read_states()


def test_every_state_has_a_box_below_the_one_before() -> None:
    graph = draw(STATES, [], running=False)
    assert [box.name for box in graph.boxes] == list(STATES)
    tops = [box.top for box in graph.boxes]
    assert tops == sorted(set(tops))
    assert tops[-1] < graph.height


def test_every_way_from_a_state_has_one_arrow() -> None:
    states = {
        "a": {"Type": "Task", "Next": "b", "Catch": [{"Next": "d"}, {"Next": "d"}]},
        "b": {"Type": "Choice", "Choices": [{"Next": "a"}, {"Next": "c"}], "Default": "d"},
        "c": {"Type": "Wait", "Next": "d"},
        "d": {"Type": "Succeed"},
    }
    graph = draw(states, ["a", "b", "a"], running=True)
    assert sorted(arrow.kind for arrow in graph.arrows) == ["", "", "", "caught", "taken", "taken"]
    around = [arrow.path for arrow in graph.arrows if " H " in arrow.path]
    assert len(around) == 3
    lanes = [path.split(" H ")[1].split()[0] for path in around]
    assert len(lanes) == len(set(lanes))
    assert max(map(int, lanes)) < graph.width


def test_the_states_of_an_execution_are_counted_and_its_current_one_is_marked() -> None:
    graph = draw(STATES, ["Claim the job", "Poll", "Poll", "Poll"], running=True)
    seen = {box.name: (box.times, box.current) for box in graph.boxes if box.times or box.current}
    assert seen == {"Claim the job": (1, False), "Poll": (3, True)}
