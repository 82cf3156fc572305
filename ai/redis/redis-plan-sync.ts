/**
 * A copy of a session that gets right again whatever is lost: its rule alone, without I/O, for the browser and the gateway.
 *
 * Written by redis-plan: the next build writes it again and keeps an edited one aside.
 *
 *     const copy = new SyncClient();
 *     socket.on("connect", () => { copy.disconnected(); socket.emit("catch_up", copy.epoch, copy.version); });
 *     socket.on("event", (text) => { if (copy.receive(text) === "catch up") socket.emit("catch_up", copy.epoch, copy.version); });
 *     socket.on("caught_up", (answer) => { if (copy.caughtUp(answer) === "catch up") socket.emit("catch_up", copy.epoch, copy.version); });
 */
export type Step = "applied" | "dropped" | "held" | "signal" | "catch up" | "live" | "gone";

/** A published envelope; one whose t begins with "~" is a signal, without a version. */
export interface Event {
  readonly e: string;
  readonly v: number;
  readonly ts?: number;
  readonly t: string;
  readonly op?: string;
  readonly d?: unknown;
}

export type State = Readonly<Record<string, unknown>>;
export type Fold = (state: State, event: Event) => State;

/** What catchUp answers: a delta without a hole, the whole state, or that there is none. */
export type Answer =
  | { readonly kind: "delta"; readonly version: number; readonly events: readonly string[] }
  | { readonly kind: "snapshot"; readonly version: number; readonly epoch: string; readonly state: Readonly<Record<string, string>> }
  | { readonly kind: "gone" };

/** Events that a copy holds back while it catches up; beyond, it starts over with a snapshot. */
export const MOST_HELD = 1000;

/** What the functions' own events make of the session's status. */
const STATUS: ReadonlyMap<string, string> = new Map([["end", "ended"], ["handed_over", "handed_over"]]);

/** A value as a field of the state has it: text as it is, anything else as JSON. */
const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** Folds an event into the state: d.set is a patch of its fields, d.del names those that went. */
export const patch: Fold = (state, event) => {
  const about = event.d as { set?: unknown; del?: unknown } | null | undefined;
  const gone = about?.del, fields = about?.set, status = STATUS.get(event.t);
  const kept = Array.isArray(gone) ? Object.entries(state).filter(([name]) => !gone.includes(name)) : Object.entries(state);
  const set = typeof fields === "object" && fields !== null && !Array.isArray(fields) ? Object.entries(fields) : [];
  const said: [string, string][] = status === undefined ? [] : [["status", status]];
  return Object.fromEntries([...kept, ...said, ...set.map(([name, value]): [string, string] => [name, shown(value)])]);
};

/**
 * An envelope as one member may see it: whole to whom it is for, to all others its position, d.set and d.del. A gateway
 * sends no other text to a socket, also of a catch-up.
 */
export const seenBy = (message: string, leads: boolean, memberId: string): string => {
  if (!message.includes('"to"') && !message.includes("\\u")) return message; // as nearly every event: not worth its reading
  const event = JSON.parse(message) as Event;
  const { to, target, set, del } = (event.d ?? {}) as { to?: unknown; target?: unknown; set?: unknown; del?: unknown };
  const heard = to === "leaders" ? leads : to === "target" ? target === memberId : to !== "nobody";
  return heard ? message : JSON.stringify({ ...event, d: { set, del } });
};

/**
 * One copy. Its rule: apply version + 1, drop what is older, and ask for everything else.
 * "catch up" as an answer means: ask the server now, with epoch and version, on a connection that has subscribed before.
 * counts["rolled back"]: a server that lost changes (a failover, a restore) has another history than this copy; it is told
 * by the time of the copy's last event where the server's version has come as far again.
 */
export class SyncClient {
  epoch = "";
  version = 0;
  /** When the server dates that version, Unix ms; 0 where it is not known. */
  changedAt = 0;
  state: State = {};
  mode: "catching up" | "live" | "gone" = "catching up";
  readonly counts: Record<string, number> = {};
  private held: string[] = [];

  constructor(private readonly fold: Fold = patch, private readonly mostHeld = MOST_HELD) {}

  /** Notes that events may be missing from here on; epoch and version stay, for the next catch-up. */
  disconnected(): void {
    this.mode = "catching up";
    this.held = [];
  }

  /** Takes one published envelope. */
  receive(message: string): Step {
    const event = parsed(message);
    if (event?.t.startsWith("~")) return "signal";
    if (event === null || typeof event.e !== "string" || !Number.isSafeInteger(event.v)) {
      this.count("unreadable"); // it must not stop the others: the gap that it leaves is found like any other
      return "dropped";
    }
    if (this.mode === "catching up") return this.hold(message);
    if (event.e !== this.epoch) return this.behind("epoch");
    if (event.v <= this.version && !this.rewritten(event)) {
      this.count("dropped");
      return "dropped";
    }
    if (event.v !== this.version + 1) return this.behind("gap");
    if (!this.apply(event)) return this.behind("poison");
    return "applied";
  }

  /** Takes the server's position ("" for none): it shows a lost last message, which no later event would. */
  beacon(epoch: string, version: number): Step {
    if (this.mode === "catching up") return "held";
    const [e, v] = this.mode === "live" ? [this.epoch, this.version] : ["", 0];
    return epoch === e && version === v ? this.mode : this.behind("beacon");
  }

  /** Takes the answer of catchUp, then what was held meanwhile. */
  caughtUp(answer: Answer): Step {
    this.count(answer.kind);
    const held = this.held;
    this.held = [];
    if (answer.kind === "gone") {
      Object.assign(this, { mode: "gone", epoch: "", version: 0, changedAt: 0, state: {} });
      return "gone";
    }
    if (answer.kind === "snapshot") {
      if (answer.epoch === this.epoch && answer.version < this.version) this.count("rolled back");
      Object.assign(this, { version: answer.version, epoch: answer.epoch, state: { ...answer.state } });
      this.changedAt = time(answer.state["updated_at"]);
    } else if (!this.delta(answer.version, answer.events)) {
      this.epoch = ""; // a hole, poison or another history: a snapshot goes around it
      return "catch up";
    }
    this.mode = "live";
    for (const [at, message] of held.entries()) {
      if (this.receive(message) === "catch up") {
        this.held.push(...held.slice(at + 1));
        return "catch up";
      }
    }
    return this.mode;
  }

  private delta(version: number, events: readonly string[]): boolean {
    for (const text of events) {
      const event = parsed(text);
      if (event?.v === this.version && this.changedAt > 0 && time(event.ts) !== this.changedAt) {
        this.count("rolled back");
        return false;
      }
      if (event?.v === this.version + 1 && !this.apply(event)) return false;
    }
    return this.version >= version;
  }

  /** Whether an event that is not newer is dated later than the copy: the server lost it, and wrote it anew. */
  private rewritten(event: Event): boolean {
    return this.changedAt > 0 && time(event.ts) > this.changedAt;
  }

  private apply(event: Event): boolean {
    try {
      this.state = this.fold(this.state, event);
    } catch {
      this.count("poison"); // poison, or an event of a newer release
      this.epoch = "";
      return false;
    }
    [this.version, this.changedAt] = [event.v, time(event.ts)];
    this.count("applied");
    return true;
  }

  private behind(why: string): Step {
    // what shows it is not held: the answer is read after it, and an event that a failover lost would ask for ever
    this.count(why);
    this.mode = "catching up";
    return "catch up";
  }

  private hold(message: string): Step {
    if (this.held.length >= this.mostHeld) {
      this.held = []; // too far behind: the next answer is a snapshot
      this.epoch = "";
      this.count("overflow");
    }
    this.held.push(message);
    return "held";
  }

  private count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
}

/** Whether a published text has a t that begins with "~": it is heard, and changes no state. */
export function isSignal(text: string): boolean {
  return parsed(text)?.t.startsWith("~") ?? false;
}

/** A time in Unix ms, 0 for what is none. */
function time(value: unknown): number {
  const found = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(found) && (found as number) > 0 ? (found as number) : 0;
}

function parsed(text: string): Event | null {
  try {
    const event = JSON.parse(text) as Event | null;
    return typeof event === "object" && typeof event?.t === "string" ? event : null;
  } catch {
    return null;
  }
}
