/**
 * What feeds the copies of a gateway: the connection of commands to the primary, and the one that subscribes, for node-redis.
 *
 * Written by redis-plan: the next build writes it again and keeps an edited one aside.
 *
 *     const link = new Link(["redis://app:PASSWORD@HOST:6379"], TIMING);
 *     const operations = new Operations(link, keys, "auto");
 *     const driver = new SyncDriver(link, (id, e, v) => operations.catchUp(id, e, v), keys, TIMING, { probe: keys.probe("gw-1") });
 *     const room = await driver.follow("k3v9", (id, copy, message) => console.log(id, copy.version, message));
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ErrorReply, createClient } from "redis";
import { PassingError, RefusedError } from "./redis-plan-client.js";
import { SyncClient, isSignal, patch, type Answer, type Fold } from "./redis-plan-sync.js";

/** Periods in milliseconds; redis-plan-periods.ts has those of the project, each with its reason. */
export interface Timing {
  readonly commandMs: number;
  readonly beaconMs: number;
  readonly probeMs: number;
  readonly backoffMs: number;
  readonly backoffCapMs: number;
}

/** How long to wait before the next attempt: full jitter below a bound that doubles up to the cap. */
function waitMs(timing: Timing, attempt: number): number {
  return Math.random() * Math.min(timing.backoffCapMs, timing.backoffMs * 2 ** Math.min(attempt, 30));
}

/** Channels of one SUBSCRIBE, and catch-ups under way at once: a reconnect must not be a burst. */
const BATCH = 512;
const ADMITTED = 64;

/** There is no answer: the command may have been done, so repeat it by its operation id. */
export class LostError extends Error {
  override name = "LostError";
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LostError(`no answer within ${ms} ms`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** One connection. A lost one never comes back by itself: whoever holds it opens another, to whatever is the primary then. */
class Wire {
  private hear: (channel: string, message: string) => void = () => {};

  private constructor(private readonly client: ReturnType<typeof Wire.client>) {}

  private static client(url: string, timing: Timing) {
    const socket = { connectTimeout: timing.commandMs, reconnectStrategy: false as const };
    return createClient({ url, disableOfflineQueue: true, pingInterval: timing.probeMs, socket });
  }

  static async open(url: string, timing: Timing, lost: (error: Error) => void): Promise<Wire> {
    const client = Wire.client(url, timing);
    client.on("error", lost); // without a listener an idle disconnect ends the process
    client.on("sharded-channel-moved", (channel) => lost(new LostError(`the slot of ${String(channel)} has moved`)));
    await within(client.connect(), 2 * timing.commandMs).catch((error: unknown) => {
      if (client.isOpen) client.destroy();
      throw error;
    });
    return new Wire(client);
  }

  call(words: readonly string[]): Promise<unknown> {
    return this.client.sendCommand([...words]);
  }

  heard(hear: (channel: string, message: string) => void): void {
    this.hear = hear;
  }

  async subscribe(channels: readonly string[], sharded: boolean): Promise<void> {
    const hear = (message: string, channel: string): void => this.hear(channel, message);
    await (sharded ? this.client.sSubscribe([...channels], hear) : this.client.subscribe([...channels], hear));
  }

  async unsubscribe(channels: readonly string[], sharded: boolean): Promise<void> {
    await (sharded ? this.client.sUnsubscribe([...channels]) : this.client.unsubscribe([...channels]));
  }

  close(): void {
    if (this.client.isOpen) this.client.destroy();
  }

  static isReply(error: unknown): boolean {
    return error instanceof ErrorReply;
  }
}

/**
 * Sends a call again whose answer was lost, or which was refused for now, by its operation id and never a new one.
 *
 *     await persist(() => operations.apply("k3v9", "rename", data, { opId: "01JD…" }), TIMING); // duplicate is success
 */
export async function persist<T>(send: () => Promise<T>, timing: Timing, tries = 2): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send();
    } catch (error) {
      const known = error instanceof RefusedError || Wire.isReply(error);
      if (attempt >= tries || (known && !(error instanceof PassingError))) throw error;
      await sleep(waitMs(timing, attempt));
    }
  }
}

/**
 * The commands' connection to the primary among urls, for Operations; it never repeats a command by itself.
 *
 * A lost connection, a late answer or a primary that became a replica reject at once, and the next command looks for the
 * primary again, with growing waits in between. Of several that say to be the primary it takes the one that has replicas: one
 * that was cut off goes on saying so.
 */
export class Link {
  readonly counts = { lost: 0, notFound: 0 };
  private wire: Wire | undefined;
  private finding: Promise<Wire> | undefined;
  private url = "";
  private attempt = 0;
  private notBefore = 0;
  private foundAt = 0;

  constructor(readonly urls: readonly string[], private readonly timing: Timing) {}

  /** Sends one command to the primary. */
  async call(...words: string[]): Promise<unknown> {
    const wire = await this.primary();
    try {
      return await within(wire.call(words), this.timing.commandMs);
    } catch (error) {
      const cutOff = Date.now() - this.foundAt > this.timing.backoffCapMs ? /^(READONLY|NOREPLICAS)/ : /^READONLY/;
      if (!Wire.isReply(error) || cutOff.test((error as Error).message)) this.drop(wire);
      throw error;
    }
  }

  fCall(name: string, given: { keys: string[]; arguments: string[] }): Promise<unknown> {
    return this.call("FCALL", name, String(given.keys.length), ...given.keys, ...given.arguments);
  }

  evalSha(sha: string, given: { keys: string[]; arguments: string[] }): Promise<unknown> {
    return this.call("EVALSHA", sha, String(given.keys.length), ...given.keys, ...given.arguments);
  }

  eval(script: string, given: { keys: string[]; arguments: string[] }): Promise<unknown> {
    return this.call("EVAL", script, String(given.keys.length), ...given.keys, ...given.arguments);
  }

  /** Opens a further connection to the primary, for subscriptions. */
  async subscriber(lost: (error: Error) => void): Promise<Wire> {
    await this.primary();
    return Wire.open(this.url, this.timing, lost);
  }

  private async primary(): Promise<Wire> {
    if (this.wire !== undefined) return this.wire;
    this.finding ??= this.find().finally(() => (this.finding = undefined));
    return this.finding;
  }

  /** For how long it will not look for a primary yet; 0 where it has one or looks with the next command. */
  awayMs(): number {
    return this.wire === undefined ? Math.max(0, this.notBefore - Date.now()) : 0;
  }

  private async find(): Promise<Wire> {
    if (Date.now() < this.notBefore) throw new LostError("no primary yet, and it is too early to look again");
    let failed: unknown = new LostError("no server was named");
    const alone = new Map<string, Wire>();
    for (const url of this.urls) {
      let wire: Wire | undefined;
      try {
        wire = await Wire.open(url, this.timing, () => this.drop(wire));
        const only = this.urls.length === 1;
        const [role, , replicas] = only ? ["master"] : ((await within(wire.call(["ROLE"]), this.timing.commandMs)) as unknown[]);
        if (String(role) !== "master") throw new LostError("this one is a replica");
        await within(wire.call(["PING"]), this.timing.commandMs); // LOADING is no primary yet
        alone.set(url, wire);
        if (only || (replicas as unknown[]).length > 0) return this.take(url, alone);
      } catch (error) {
        failed = error;
        wire?.close();
      }
    }
    const [first] = alone.keys();
    if (first !== undefined) return this.take(alone.has(this.url) ? this.url : first, alone);
    this.counts.notFound += 1;
    this.notBefore = Date.now() + waitMs(this.timing, this.attempt);
    this.attempt += 1;
    throw new LostError(`no primary: ${String(failed)}`);
  }

  /** Takes one of those that say to be the primary, and closes the others. */
  private take(url: string, found: Map<string, Wire>): Wire {
    [this.attempt, this.url, this.foundAt] = [0, url, Date.now()];
    this.wire = found.get(url) as Wire;
    found.delete(url);
    for (const other of found.values()) other.close();
    return this.wire;
  }

  /** Closes the connection; the next command looks for the primary again. */
  drop(wire: Wire | undefined = this.wire): void {
    if (wire === undefined || wire !== this.wire) return;
    this.wire = undefined;
    this.counts.lost += 1;
    wire.close();
  }
}

/** Gets the session, its copy and the envelope that came, undefined where the copy moved by a catch-up; it must not block. */
export type Listener = (sessionId: string, copy: SyncClient, message: string | undefined) => void;

/** Reads what a copy at a position misses, as the operation catchUp does. */
export type Ask = (sessionId: string, epoch: string, version: number) => Promise<Answer>;

/** What is needed of Keys. */
export interface Names {
  events(sessionId: string): string;
  state(sessionId: string): string;
}

/** Gives a session another epoch in place, as the operation renew does. */
export type Renew = (sessionId: string, given: { epoch: string }) => Promise<unknown>;

/** The epoch that follows one whose history the server lost: every gateway that sees it gives the same. */
function after(epoch: string): string {
  return createHash("sha256").update(`after ${epoch}`).digest("hex").slice(0, 16);
}

/**
 * elsewhere is told where sessions may have moved to another node: after a life of the connection, and a beacon that failed.
 * renew is the operation: by it a session whose server lost changes gets another epoch, so that nobody goes on from them.
 * signals are further channels of a session: of what comes there, only what has a t with "~" in front is heard.
 */
export interface Options {
  readonly probe?: string;
  readonly sharded?: boolean;
  readonly fold?: Fold;
  readonly warn?: (text: string) => void;
  readonly elsewhere?: (driver: SyncDriver) => Promise<void>;
  readonly renew?: Renew;
  readonly signals?: readonly ((sessionId: string) => string)[];
}

export interface Followed {
  readonly sessionId: string;
  readonly copy: SyncClient;
  readonly listeners: Listener[];
  readonly channels: readonly string[]; // that of the events in front
}

/** One subscriber connection of a process, and the copies of the sessions that it follows. */
export class SyncDriver {
  readonly counts = { lost: 0, confirmed: 0 };
  private readonly followed = new Map<string, Followed>(); // by the channel of its events
  private readonly heardOn = new Map<string, Followed>(); // by each of its channels
  private readonly catching = new Map<Followed, number>();
  private readonly lostEpochs = new Map<string, string>();
  private readonly beaconTimer: NodeJS.Timeout;
  private wire: Wire | undefined;
  private life = 0;
  private end: (error: Error) => void = () => {};
  private closed = false;

  constructor(
    private readonly link: Link,
    private readonly ask: Ask,
    private readonly keys: Names,
    private readonly timing: Timing,
    private readonly options: Options = {},
  ) {
    this.beaconTimer = setInterval(() => void this.compare().catch((error) => this.missed("beacon", error)), timing.beaconMs);
    void this.subscribeForEver();
  }

  /** Ends the subscription; the link stays open. */
  close(): void {
    this.closed = true;
    clearInterval(this.beaconTimer);
    this.end(new LostError("closed"));
  }

  /** The copy of a session, which becomes live once the subscription is confirmed and the state is read. */
  async follow(sessionId: string, listener?: Listener): Promise<SyncClient> {
    const channel = this.keys.events(sessionId);
    let followed = this.followed.get(channel);
    if (followed === undefined) {
      const channels = [channel, ...(this.options.signals ?? []).map((of) => of(sessionId))];
      followed = { sessionId, copy: new SyncClient(this.options.fold ?? patch), listeners: listener ? [listener] : [], channels };
      this.followed.set(channel, followed); // the listener before the subscription: the copy may be live at once
      // where the connection is lost meanwhile, its next life subscribes to it
      await this.subscribeNow(followed);
    } else if (listener !== undefined) followed.listeners.push(listener);
    return followed.copy;
  }

  /** Forgets a session and its listeners. */
  async unfollow(sessionId: string): Promise<void> {
    const channels = this.followed.get(this.keys.events(sessionId))?.channels ?? [];
    for (const channel of channels) for (const known of [this.followed, this.heardOn]) known.delete(channel);
    const wire = this.wire;
    if (channels.length === 0 || wire === undefined) return;
    await wire.unsubscribe(channels, this.options.sharded ?? false).catch((error) => this.failed(wire, "unfollow", error));
  }

  /** The sessions that are followed. */
  get sessions(): readonly Followed[] {
    return [...this.followed.values()];
  }

  /** Lets go of a session that another driver takes; false where it was handed on or forgotten before. */
  give(followed: Followed): boolean {
    const ours = this.follows(followed);
    if (ours) void this.unfollow(followed.sessionId);
    return ours;
  }

  /** Goes on with a session that another driver gave: its copy catches up once the subscription is confirmed. */
  async take(followed: Followed): Promise<void> {
    this.followed.set(this.keys.events(followed.sessionId), followed);
    followed.copy.disconnected();
    await this.subscribeNow(followed);
  }

  /** Subscribes where there is a connection; where that fails, whatever it is, the next life of the connection does. */
  private async subscribeNow(followed: Followed): Promise<void> {
    const wire = this.wire;
    if (wire !== undefined) await this.subscribe(wire, [followed]).catch((error) => this.failed(wire, "follow", error));
  }

  /** Ends a life of the connection in which a channel may be subscribed for its client and not for the server: it would stay so. */
  private failed(wire: Wire, what: string, error: unknown): void {
    if (this.wire !== wire) return; // it has ended
    this.warn(what, error);
    this.end(error as Error);
  }

  private async missed(what: string, error: unknown): Promise<void> {
    this.warn(what, error);
    if (!this.closed) await this.options.elsewhere?.(this).catch((failed) => this.warn("topology", failed));
  }

  private async subscribeForEver(): Promise<void> {
    for (let attempt = 0; !this.closed; attempt += 1) {
      const before = this.counts.confirmed;
      try {
        await this.live();
      } catch (error) {
        if (!this.closed) await this.missed("subscription", error);
      }
      if (this.link.awayMs() > 0 || this.counts.confirmed > before) attempt = 0;
      this.counts.lost += 1;
      this.life += 1; // what a catch-up reads now was read before the next subscription
      for (const { copy } of this.followed.values()) copy.disconnected();
      if (!this.closed) await sleep(this.link.awayMs() || waitMs(this.timing, attempt)); // not longer than the link waits
    }
  }

  /** One life of the connection: a confirmed subscription lets its copies catch up, so the order is never reversed. */
  private async live(): Promise<never> {
    let heard = Date.now();
    const ended = new Promise<never>((_, reject) => (this.end = reject));
    ended.catch(() => {});
    const wire = await this.link.subscriber((error) => this.end(error));
    wire.heard((channel, message) => {
      heard = Date.now();
      const followed = this.heardOn.get(channel);
      if (followed === undefined) return;
      if (channel === followed.channels[0]) this.receive(followed, message);
      else if (isSignal(message)) this.tell(followed, message); // whoever may publish there makes no events
    });
    const probe = this.options.probe ?? "";
    const watch = setInterval(() => {
      if (Date.now() - heard > this.timing.probeMs) this.end(new LostError("no message of our own came back"));
      else if (probe !== "") this.link.call("PUBLISH", probe, "").catch((error) => this.warn("probe", error));
      else wire.call(["PING"]).then(() => (heard = Date.now()), (error) => this.end(error as Error));
    }, this.timing.probeMs / 2);
    try {
      if (probe !== "") await Promise.race([ended, wire.subscribe([probe], false)]);
      const these = this.sessions;
      for (let at = 0; at < these.length; at += BATCH) {
        await Promise.race([ended, this.subscribe(wire, these.slice(at, at + BATCH))]);
      }
      this.wire = wire;
      const late = this.sessions.filter((followed) => !these.includes(followed));
      if (late.length > 0) await Promise.race([ended, this.subscribe(wire, late)]);
      return await ended;
    } finally {
      clearInterval(watch);
      this.wire = undefined;
      wire.close();
    }
  }

  private async subscribe(wire: Wire, these: readonly Followed[]): Promise<void> {
    const sharded = this.options.sharded ?? false;
    const life = this.life;
    const known = these.filter((followed) => this.follows(followed)); // without those forgotten since
    if (known.length === 0) return;
    for (const followed of known) for (const channel of followed.channels) this.heardOn.set(channel, followed);
    // one slot a command where it is sharded
    if (sharded) for (const { channels } of known) await wire.subscribe(channels, true);
    else await wire.subscribe(known.flatMap(({ channels }) => channels), false); // prettier-ignore
    if (life !== this.life) return;
    this.counts.confirmed += 1;
    for (const followed of known) {
      if (!this.follows(followed)) continue; // forgotten meanwhile
      followed.copy.disconnected();
      void this.catchUp(followed);
    }
  }

  private follows(followed: Followed): boolean {
    return this.followed.get(this.keys.events(followed.sessionId)) === followed;
  }

  /** Takes an envelope of a session that is followed. */
  private receive(followed: Followed, message: string): void {
    const step = followed.copy.receive(message);
    if (step === "catch up") void this.catchUp(followed);
    else if (step === "applied" || step === "signal") this.tell(followed, message);
  }

  private tell(followed: Followed, message: string | undefined): void {
    for (const listener of followed.listeners) {
      try {
        listener(followed.sessionId, followed.copy, message);
      } catch (error) {
        this.warn(`a listener of session ${followed.sessionId}`, error); // its fault is not the others'
      }
    }
  }

  private async catchUp(followed: Followed): Promise<void> {
    const { sessionId, copy } = followed;
    const life = this.life;
    if (this.catching.get(followed) === life) return; // single flight: one catch-up a session
    this.catching.set(followed, life);
    const goesOn = (): boolean => life === this.life && this.follows(followed);
    for (let attempt = 0; goesOn() && (copy.mode === "catching up" || this.lostEpochs.has(sessionId)); ) {
      const [known, rolledBack] = [copy.epoch, copy.counts["rolled back"] ?? 0];
      try {
        const lost = this.lostEpochs.get(sessionId);
        if (lost !== undefined) {
          await this.beginEpoch(sessionId, after(lost));
          this.lostEpochs.delete(sessionId);
          copy.disconnected(); // what it has was read before
        }
        while (this.asking >= ADMITTED) await sleep(waitMs(this.timing, 0));
        this.asking += 1;
        const answer = await this.ask(sessionId, copy.epoch, copy.version).finally(() => (this.asking -= 1));
        if (!goesOn()) break;
        copy.caughtUp(answer);
        if ((copy.counts["rolled back"] ?? 0) > rolledBack) this.lostEpochs.set(sessionId, known);
        this.tell(followed, undefined);
      } catch (error) {
        this.warn(`catch-up of session ${sessionId}`, error);
        await sleep(waitMs(this.timing, attempt));
        attempt += 1;
      }
    }
    if (this.catching.get(followed) === life) this.catching.delete(followed);
  }

  /** Gives a session whose server lost changes another epoch; where that is refused, this copy is right all the same. */
  private async beginEpoch(sessionId: string, epoch: string): Promise<void> {
    await this.options.renew?.(sessionId, { epoch }).catch((error: unknown) => {
      if (!(error instanceof RefusedError || Wire.isReply(error))) throw error;
      this.warn(`another epoch of session ${sessionId}`, error);
    });
  }

  private asking = 0;

  /** Compares the copies with the server's positions. */
  private async compare(): Promise<void> {
    const watched = [...this.followed.values()].filter(({ copy }) => copy.mode !== "catching up");
    const late: { followed: Followed; epoch: string; version: number }[] = [];
    for (let at = 0; at < watched.length; at += BATCH) {
      const batch = watched.slice(at, at + BATCH).map((followed) => ({ followed, epoch: followed.copy.epoch, version: followed.copy.version }));
      const read = batch.map(({ followed }) => this.link.call("HMGET", this.keys.state(followed.sessionId), "epoch", "version"));
      for (const [n, position] of (await Promise.all(read)).entries()) {
        const [first, second] = position as (string | null)[];
        const { followed, ...known } = batch[n] as (typeof batch)[number];
        const epoch = first ?? "", version = Number(second ?? 0);
        if (epoch === known.epoch && version >= known.version) late.push({ followed, epoch, version }); // so far, or further
        else if (followed.copy.beacon(epoch, version) === "catch up") void this.catchUp(followed);
      }
    }
    await sleep(this.timing.beaconMs / 4); // an event on its way is not a lost one
    for (const { followed, epoch, version } of late) {
      const behind = followed.copy.epoch === epoch && followed.copy.version < version;
      if (behind && followed.copy.beacon(epoch, version) === "catch up") void this.catchUp(followed);
    }
  }

  private warn(what: string, error: unknown): void {
    (this.options.warn ?? console.warn)(`redis-plan: ${what}: ${String(error)}`);
  }
}
