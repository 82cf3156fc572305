// One client's copy of a session: apply version + 1, drop what is older, ask for everything else.
// ask(epoch, version) sends {catch_up: {epoch, version}} to the gateway; fold(state, event) returns the next state.
export class SyncClient {
  epoch = ""; version = 0; state = {}; mode = "catching up"; held = [];
  constructor(ask, fold, mostHeld = 1000) { Object.assign(this, { ask, fold, mostHeld }); }

  connected() {                       // first load and every reconnect: the gateway has subscribed before it answers
    if (this.mode === "gone") return;
    this.mode = "catching up"; this.held = [];
    this.ask(this.epoch, this.version);
  }
  receive(event) {                    // a published envelope {e, v, ts, t, op, d}
    if (this.mode === "gone") return;
    if (this.mode === "catching up") return this.hold(event);
    if (event.e !== this.epoch || event.v > this.version + 1) {   // another epoch, or a gap
      this.mode = "catching up"; this.hold(event);
      return this.ask(this.epoch, this.version);
    }
    if (event.v === this.version + 1) this.apply(event);          // older ones are dropped
  }
  beacon({ e, v }) {                  // every beacon period: the only thing that shows a lost last event
    if (this.mode === "live" && (e !== this.epoch || v !== this.version)) {
      this.mode = "catching up";
      this.ask(this.epoch, this.version);
    }
  }
  caughtUp(reply) {                   // {kind: "delta", events} | {kind: "snapshot", version, epoch, state} | {kind: "gone"}
    if (reply.kind === "gone") { this.mode = "gone"; return; }
    if (reply.kind === "snapshot") {
      this.version = reply.version; this.epoch = reply.epoch; this.state = reply.state;
    } else {
      for (const event of reply.events) if (event.v === this.version + 1 && !this.apply(event)) return;
    }
    this.mode = "live";
    const held = this.held; this.held = [];
    held.forEach((event) => this.receive(event));                 // drops <= version, applies the rest, asks on a gap
  }
  apply(event) {
    try { this.state = this.fold(this.state, event); } catch {      // poison: go around it by a snapshot
      this.mode = "catching up"; this.epoch = "";
      this.ask("", 0);
      return false;
    }
    this.version = event.v;
    if (event.t === "end") this.mode = "gone";
    return true;
  }
  hold(event) {
    if (this.held.length >= this.mostHeld) { this.held = []; this.epoch = ""; }   // too far behind: a snapshot
    this.held.push(event);
  }
}
