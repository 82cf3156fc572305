# One client's copy of a session: apply version + 1, drop what is older, ask for everything else.
# ask(epoch, version) sends {"catch_up": ...} to the gateway; fold(state, event) returns the next state.
class SyncClient:
    def __init__(self, ask, fold, most_held=1000):
        self.ask, self.fold, self.most_held = ask, fold, most_held
        self.epoch, self.version, self.state, self.mode, self.held = "", 0, {}, "catching up", []

    def connected(self):  # first load and every reconnect: the gateway has subscribed before it answers
        if self.mode != "gone":
            self.mode, self.held = "catching up", []
            self.ask(self.epoch, self.version)

    def receive(self, event):  # a published envelope {e, v, ts, t, op, d}
        if self.mode == "gone":
            return
        if self.mode == "catching up":
            self.hold(event)
        elif event["e"] != self.epoch or event["v"] > self.version + 1:  # another epoch, or a gap
            self.mode = "catching up"
            self.hold(event)
            self.ask(self.epoch, self.version)
        elif event["v"] == self.version + 1:  # older ones are dropped
            self.apply(event)

    def beacon(self, e, v):  # every beacon period: the only thing that shows a lost last event
        if self.mode == "live" and (e, v) != (self.epoch, self.version):
            self.mode = "catching up"
            self.ask(self.epoch, self.version)

    def caught_up(self, reply):  # {"kind": "delta", events} | {"kind": "snapshot", version, epoch, state} | {"kind": "gone"}
        if reply["kind"] == "gone":
            self.mode = "gone"
            return
        if reply["kind"] == "snapshot":
            self.version, self.epoch, self.state = reply["version"], reply["epoch"], reply["state"]
        else:
            for event in reply["events"]:
                if event["v"] == self.version + 1 and not self.apply(event):
                    return
        self.mode, held, self.held = "live", self.held, []
        for event in held:  # drops <= version, applies the rest, asks on a gap
            self.receive(event)

    def apply(self, event):
        try:
            self.state = self.fold(self.state, event)
        except Exception:  # poison: go around it by a snapshot
            self.mode, self.epoch = "catching up", ""
            self.ask("", 0)
            return False
        self.version = event["v"]
        if event["t"] == "end":
            self.mode = "gone"
        return True

    def hold(self, event):
        if len(self.held) >= self.most_held:  # too far behind: a snapshot
            self.held, self.epoch = [], ""
        self.held.append(event)
