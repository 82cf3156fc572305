/**
 * Buzzroom: names of keys and channels, and every atomic step, for node-redis.
 *
 * Written by redis-plan from the project's documents: the next build writes it again and keeps an edited one aside.
 *
 *     const operations = new Operations(client, new Keys("prod"));
 *
 * An id that a user supplied never leaves its segment of a name: see encodeId.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

export type Id = string | number;

/** Lifetime of each key in seconds. */
export const TTL = {
  "state": 3600,
  "roster": 3600,
  "presence": 3600,
  "log": 3600,
  "idem": 180,
  "answer": 3600,
  "round": 3600,
  "code": 3600,
  "gateway": 600,
  "score": 3600,
  "rate": 120,
  "buzzer": 3600,
} as const;

/** Elements of each key at its bound. */
export const BOUND = {
  "state": 16,
  "roster": 60,
  "presence": 120,
  "log": 720,
  "idem": 1,
  "due": 94,
  "answer": 60,
  "round": 128,
  "code": 1,
  "gateways": 12,
  "gateway": 500,
  "score": 60,
  "rate": 1,
  "buzzer": 240,
} as const;

/** Lease of a connection or position: max(reconnect_grace, 3 x heartbeat); redis_planning_summary.md:15; redis_planning_summary.md:17. */
export const LEASE_MS = 90000;

/** Seats of a room: prd.md:17. */
export const CAPACITY = 60;

/** Entries of the log that a reconnecting client can catch up by; stream where the log is one. */
export const LOG_MAX = "720";

const SAFE = /^[A-Za-z0-9_.-]$/;
const MAX_ID_BYTES = 64;

/** UTF-8, lone surrogates included, as Python's "surrogatepass" writes it. */
function utf8(text: string): number[] {
  const bytes: number[] = [];
  for (const character of text) {
    const point = character.codePointAt(0) as number;
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 63));
    else if (point < 0x10000) bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
    else bytes.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
  }
  return bytes;
}

/**
 * An id as a segment of a name: percent-encoded UTF-8, a digest where that exceeds 64 bytes.
 * Throws RangeError for an empty id ({} would be no hash tag) and for a number that is no safe integer.
 */
export function encodeId(value: Id): string {
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new RangeError("a number in a key name must be a safe integer");
  const raw = utf8(String(value));
  if (raw.length === 0) throw new RangeError("an id in a key name can't be empty");
  const text = raw
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return SAFE.test(character) ? character : "%" + byte.toString(16).toUpperCase().padStart(2, "0");
    })
    .join("");
  if (text.length <= MAX_ID_BYTES) return text;
  return "~" + createHash("sha256").update(Uint8Array.from(raw)).digest("hex").slice(0, 40);
}

/** CRC16 (XMODEM), by which a cluster finds the slot of a name. */
function crc16(text: string): number {
  let crc = 0;
  for (const byte of utf8(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

/** The bucket of an id in two digits: CRC16 modulo the number of buckets. */
export function bucket(value: Id, buckets = 16): string {
  return String((crc16(encodeId(value)) % 16384) % buckets).padStart(2, "0");
}

/** Builders of every name; channels carry the environment, since database numbers do not separate them. */
export class Keys {
  constructor(readonly environment: string = "prod") {}

  /**
   * Hash buzzroom:v1:{<session_id>}:state: one room: epoch, version, status and its own fields.
   *
   * Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135) and 5 more.
   */
  state(sessionId: Id): string {
    return `buzzroom:v1:{${encodeId(sessionId)}}:state`;
  }

  /**
   * Hash buzzroom:v1:{<session_id>}:roster: players of one room: id → name, role, seat.
   *
   * Serves US-008.1 (prd.md:74), US-010 (prd.md:81), US-013 (prd.md:92) and 5 more.
   */
  roster(sessionId: Id): string {
    return `buzzroom:v1:{${encodeId(sessionId)}}:roster`;
  }

  /**
   * Zset buzzroom:v1:{<session_id>}:presence: connections of one room: connection → lease deadline (90 s
   * after its last heartbeat).
   *
   * Serves US-019 (prd.md:115), US-019.2 (prd.md:118), US-022 (prd.md:127) and 5 more.
   */
  presence(sessionId: Id): string {
    return `buzzroom:v1:{${encodeId(sessionId)}}:presence`;
  }

  /**
   * List buzzroom:v1:{<session_id>}:log: the last events of one room as envelopes, newest last.
   *
   * Serves US-019.2 (prd.md:118), US-004 (prd.md:55), US-010.1 (prd.md:83) and 5 more.
   */
  log(sessionId: Id): string {
    return `buzzroom:v1:{${encodeId(sessionId)}}:log`;
  }

  /**
   * String buzzroom:v1:{<session_id>}:idem:<op_id>: the result of one operation: status and version.
   *
   * Serves US-011 (prd.md:85), US-019 (prd.md:115), US-019.2 (prd.md:118) and 5 more.
   */
  idem(sessionId: Id, opId: Id): string {
    return `buzzroom:v1:{${encodeId(sessionId)}}:idem:${encodeId(opId)}`;
  }

  /**
   * Channel <env>:buzzroom:v1:{<session_id>}:events: envelopes of one room, as they are accepted.
   *
   * Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135) and 5 more.
   */
  events(sessionId: Id): string {
    return `${this.environment}:buzzroom:v1:{${encodeId(sessionId)}}:events`;
  }

  /**
   * Zset buzzroom:v1:due:<bucket>: room id and kind of deadline → when the worker must look at it.
   *
   * Serves US-009.2 (prd.md:79), US-010 (prd.md:81), US-011 (prd.md:85) and 5 more.
   */
  due(bucket: Id): string {
    return `buzzroom:v1:due:${encodeId(bucket)}`;
  }

  /**
   * Hash buzzroom:v1:{<session_id>}:answer:<round_id>: answers of one round: player id → value, hidden
   * until the reveal.
   *
   * Serves US-010.1 (prd.md:83), US-009.2 (prd.md:79), US-011 (prd.md:85) and 5 more.
   */
  answer(sessionId: Id, roundId: Id): string {
    return `buzzroom:v1:{${encodeId(sessionId)}}:answer:${encodeId(roundId)}`;
  }

  /**
   * Hash buzzroom:v1:{<session_id>}:round: rounds of one room: id → number, phase, started_at, ends_at.
   *
   * Serves US-008 (prd.md:72), US-017 (prd.md:106).
   */
  round(sessionId: Id): string {
    return `buzzroom:v1:{${encodeId(sessionId)}}:round`;
  }

  /**
   * String buzzroom:v1:code:<code>: join code → room id.
   *
   * Serves US-001 (prd.md:39), US-001.1 (prd.md:41), US-003.1 (prd.md:53) and 1 more.
   */
  code(code: Id): string {
    return `buzzroom:v1:code:${encodeId(code)}`;
  }

  /**
   * Zset buzzroom:v1:gateways: gateway node → lease deadline.
   *
   * Serves US-019 (prd.md:115), US-019.2 (prd.md:118), US-027 (prd.md:149) and 1 more.
   */
  gateways(): string {
    return "buzzroom:v1:gateways";
  }

  /**
   * Set buzzroom:v1:gateway:<node_id>: ids of the rooms that one gateway node has subscribed to.
   *
   * Serves US-019 (prd.md:115), US-019.2 (prd.md:118), US-027 (prd.md:149) and 1 more.
   */
  gateway(nodeId: Id): string {
    return `buzzroom:v1:gateway:${encodeId(nodeId)}`;
  }

  /**
   * Zset buzzroom:v1:{<session_id>}:score: scores of one room: player id → points.
   *
   * Serves US-013.1 (prd.md:94), US-013 (prd.md:92), US-019 (prd.md:115) and 5 more.
   */
  score(sessionId: Id): string {
    return `buzzroom:v1:{${encodeId(sessionId)}}:score`;
  }

  /**
   * Channel <env>:buzzroom:v1:{<session_id>}:signals: lossy signals of one room (who types, where a
   * cursor is).
   *
   * Serves US-016 (prd.md:102).
   */
  signals(sessionId: Id): string {
    return `${this.environment}:buzzroom:v1:{${encodeId(sessionId)}}:signals`;
  }

  /**
   * String buzzroom:v1:rate:<action>:<subject>:<window>: how often one subject did one action in one
   * window.
   *
   * Serves US-028 (prd.md:152).
   */
  rate(action: Id, subject: Id, window: Id): string {
    return `buzzroom:v1:rate:${encodeId(action)}:${encodeId(subject)}:${encodeId(window)}`;
  }

  /**
   * Hash buzzroom:v1:{<session_id>}:buzzer: buzzers of one room: id → record.
   *
   * Serves US-017 (prd.md:106).
   */
  buzzer(sessionId: Id): string {
    return `buzzroom:v1:{${encodeId(sessionId)}}:buzzer`;
  }

  /**
   * Channel <env>:buzzroom:v1:probe:<node_id>: a gateway's message to itself, one every 1 s.
   *
   * Serves US-002.3 (prd.md:49), US-004 (prd.md:55), US-007 (prd.md:66) and 5 more.
   */
  probe(nodeId: Id): string {
    return `${this.environment}:buzzroom:v1:probe:${encodeId(nodeId)}`;
  }
}

/** What the operations need of a client or a cluster of node-redis. */
export interface Connection {
  fCall(name: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

/** What became of a change: only "ok" wrote. */
export interface Applied {
  readonly version: number;
  readonly status: "ok" | "duplicate" | "conflict" | "gone" | "full" | "taken";
}

function applied(reply: unknown): Applied {
  const [version, status] = reply as [number, string];
  return { version: Number(version), status: String(status) as Applied["status"] };
}

/** How often, and whether this one is let through. */
export interface Counted {
  readonly count: number;
  readonly allowed: boolean;
}

function counted(reply: unknown): Counted {
  const [count, allowed] = reply as [number, number];
  return { count: Number(count), allowed: Number(allowed) === 1 };
}

/** An entry that is ours until the time given, Unix milliseconds. */
export interface Claim {
  readonly entry: string;
  readonly until: number;
}

function claims(reply: unknown): Claim[] {
  const parts = (reply as unknown[]).map(String);
  return parts.flatMap((entry, i) => (i % 2 === 0 ? [{ entry, until: Number(parts[i + 1]) }] : []));
}

function names(reply: unknown): string[] {
  return (reply as unknown[]).map(String);
}

function flag(reply: unknown): boolean {
  return Number(reply) === 1;
}

/** A delta has every event after the client's version, a snapshot the whole state. */
export type CaughtUp =
  | { readonly kind: "delta"; readonly version: number; readonly events: string[] }
  | { readonly kind: "snapshot"; readonly version: number; readonly epoch: string; readonly state: Record<string, string> }
  | { readonly kind: "gone" };

function caughtUp(reply: unknown): CaughtUp {
  const [kind, version, ...rest] = (reply as unknown[]).map(String);
  if (kind === "delta") return { kind, version: Number(version), events: rest };
  if (kind !== "snapshot") return { kind: "gone" };
  const [epoch = "", ...fields] = rest;
  const state = Object.fromEntries(fields.flatMap((field, i) => (i % 2 === 0 ? [[field, fields[i + 1] ?? ""]] : [])));
  return { kind, version: Number(version), epoch, state };
}

function json(value: unknown): string {
  return JSON.stringify(value ?? null);
}

function connectionOf(memberId: Id, connection?: Id): string {
  return connection === undefined ? encodeId(memberId) : `${encodeId(memberId)}#${encodeId(connection)}`;
}

function pairs(fields: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(fields).flatMap(([field, value]) => [field, String(value)]);
}

/** Every atomic step as one call; form "function" needs the library loaded, "eval" sends the files in scripts. */
export class Operations {
  private readonly texts = new Map<string, string>();

  constructor(
    readonly client: Connection,
    readonly keys: Keys,
    private readonly form: "function" | "eval" = "function",
    private readonly scripts: string = "functions-eval",
  ) {}

  private async call(name: string, keys: string[], args: string[]): Promise<unknown> {
    const options = { keys, arguments: args };
    if (this.form === "function") return this.client.fCall(name, options);
    const text = this.texts.get(name) ?? readFileSync(`${this.scripts}/${name}.lua`, "utf8");
    this.texts.set(name, text);
    try {
      const sha = createHash("sha1").update(text).digest("hex");
      return await this.client.evalSha(sha, options);
    } catch (error) {
      // a restart, a failover or SCRIPT FLUSH: EVAL loads it again
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return this.client.eval(text, options);
    }
  }

  /**
   * Answer: 1 created, 0 exists. Leftovers under the other keys (their state was lost) are unlinked
   * first.
   *
   * sessionId: the session.
   * epoch: 16 hex digits that change when the session is made anew.
   * fields: fields and their values.
   * also: names of further keys of the session, such as the current round's.
   *
   * Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 16
   * more.
   */
  async create(
    sessionId: Id,
    options: { epoch?: string; fields?: Readonly<Record<string, string | number>>; also?: readonly string[] } = {},
  ): Promise<boolean> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.roster(sessionId),
      this.keys.log(sessionId),
      this.keys.presence(sessionId),
      this.keys.round(sessionId),
      this.keys.score(sessionId),
      this.keys.buzzer(sessionId),
      ...(options.also ?? []),
    ];
    const args: string[] = [
      options.epoch || randomBytes(8).toString("hex"),
      String(TTL["state"]),
      ...pairs(options.fields ?? {}),
    ];
    return flag(await this.call("session_create", keys, args));
  }

  /**
   * Answer: the version, or -1 no session, -2 full. A re-join takes no second seat, and changes the
   * version only when the member's data changed or its oldest connection was taken over (more than
   * connections_max, default 2).
   *
   * sessionId: the session.
   * memberId: who: the seat belongs to this id.
   * connection: which socket.
   * data: JSON value of the event.
   * capacity: seats.
   * nowMs: Unix milliseconds; none: the server's clock, which is what production uses.
   * connectionsMax: connections of one member; one more takes over the lease that ends first.
   * also: names of further keys of the session, such as the current round's.
   *
   * Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 18
   * more.
   */
  async join(
    sessionId: Id,
    memberId: Id,
    connection: Id,
    data: unknown,
    options: { capacity?: number; nowMs?: number; connectionsMax?: number; also?: readonly string[] } = {},
  ): Promise<number> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.roster(sessionId),
      this.keys.presence(sessionId),
      this.keys.log(sessionId),
      this.keys.round(sessionId),
      this.keys.score(sessionId),
      this.keys.buzzer(sessionId),
      ...(options.also ?? []),
    ];
    const args: string[] = [
      connectionOf(memberId, connection),
      json(data),
      String(options.capacity ?? CAPACITY),
      String(options.nowMs ?? ""),
      String(LEASE_MS),
      String(TTL["state"]),
      this.keys.events(sessionId),
      LOG_MAX,
      String(options.connectionsMax ?? 2),
    ];
    return Number(await this.call("session_join", keys, args));
  }

  /**
   * Answer: the version, 0 was not there, -1 no session. "<member_id>" gives the seat back with all its
   * connections; "<member_id>#<connection>" ends one lease, and gives the seat back with the last of
   * them.
   *
   * sessionId: the session.
   * memberId: who: the seat belongs to this id.
   * connection: this connection only; none: the seat with all its connections.
   * also: names of further keys of the session, such as the current round's.
   *
   * Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 18
   * more.
   */
  async leave(
    sessionId: Id,
    memberId: Id,
    options: { connection?: Id; also?: readonly string[] } = {},
  ): Promise<number> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.roster(sessionId),
      this.keys.presence(sessionId),
      this.keys.log(sessionId),
      this.keys.round(sessionId),
      this.keys.score(sessionId),
      this.keys.buzzer(sessionId),
      ...(options.also ?? []),
    ];
    const args: string[] = [
      connectionOf(memberId, options.connection),
      String(TTL["state"]),
      this.keys.events(sessionId),
      LOG_MAX,
    ];
    return Number(await this.call("session_leave", keys, args));
  }

  /**
   * Answer: {version, status}: "ok", "duplicate" (with the first answer's version), "conflict"
   * (expected_version is not the version; "" is any), "gone". Only "ok" wrote. op_id "" asks for no
   * idempotency.
   *
   * sessionId: the session.
   * opId: id of the operation: the same one counts once; empty: no idempotency.
   * expectedVersion: refuse unless this is the version; none: any.
   * type: type of the event.
   * data: JSON value of the event.
   * fields: fields and their values.
   * also: names of further keys of the session, such as the current round's.
   *
   * Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 24
   * more.
   */
  async apply(
    sessionId: Id,
    type: string,
    data: unknown,
    options: { opId?: string; expectedVersion?: number; fields?: Readonly<Record<string, string | number>>; also?: readonly string[] } = {},
  ): Promise<Applied> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.log(sessionId),
      this.keys.idem(sessionId, options.opId || "none"),
      this.keys.roster(sessionId),
      this.keys.presence(sessionId),
      this.keys.round(sessionId),
      this.keys.score(sessionId),
      this.keys.buzzer(sessionId),
      ...(options.also ?? []),
    ];
    const args: string[] = [
      this.keys.events(sessionId),
      options.opId ?? "",
      String(options.expectedVersion ?? ""),
      type,
      json(data),
      String(TTL["state"]),
      LOG_MAX,
      String(TTL["idem"]),
      ...pairs(options.fields ?? {}),
    ];
    return applied(await this.call("session_apply", keys, args));
  }

  /**
   * Answer: 1, or -1: no session, or the lease was swept, so the connection must join again.
   *
   * sessionId: the session.
   * memberId: who: the seat belongs to this id.
   * connection: which socket.
   * nowMs: Unix milliseconds; none: the server's clock, which is what production uses.
   * also: names of further keys of the session, such as the current round's.
   *
   * Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 23
   * more.
   */
  async heartbeat(
    sessionId: Id,
    memberId: Id,
    connection: Id,
    options: { nowMs?: number; also?: readonly string[] } = {},
  ): Promise<number> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.presence(sessionId),
      this.keys.roster(sessionId),
      this.keys.log(sessionId),
      this.keys.round(sessionId),
      this.keys.score(sessionId),
      this.keys.buzzer(sessionId),
      ...(options.also ?? []),
    ];
    const args: string[] = [
      connectionOf(memberId, connection),
      String(options.nowMs ?? ""),
      String(LEASE_MS),
      String(TTL["state"]),
    ];
    return Number(await this.call("session_heartbeat", keys, args));
  }

  /**
   * Answer: the connections removed, at most 100 a call. A member without a lease left gives the seat
   * back, and that is published. Keys whose state is gone are unlinked. A sweep is no activity: it
   * refreshes no TTL, only sets missing ones.
   *
   * sessionId: the session.
   * nowMs: Unix milliseconds; none: the server's clock, which is what production uses.
   * also: names of further keys of the session, such as the current round's.
   *
   * Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 18
   * more.
   */
  async sweep(
    sessionId: Id,
    options: { nowMs?: number; also?: readonly string[] } = {},
  ): Promise<string[]> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.roster(sessionId),
      this.keys.presence(sessionId),
      this.keys.log(sessionId),
      this.keys.round(sessionId),
      this.keys.score(sessionId),
      this.keys.buzzer(sessionId),
      ...(options.also ?? []),
    ];
    const args: string[] = [
      String(options.nowMs ?? ""),
      this.keys.events(sessionId),
      String(TTL["state"]),
      LOG_MAX,
    ];
    return names(await this.call("session_sweep", keys, args));
  }

  /**
   * Answer: {"delta", version, entries...} without a hole, {"snapshot", version, epoch, field,
   * value...}, or {"gone"}. Another epoch, a client that is ahead, or more than max missed events give a
   * snapshot.
   *
   * sessionId: the session.
   * epoch: epoch that the client has; empty where it has none.
   * version: version that the client has.
   *
   * Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 9
   * more.
   */
  async catchUp(
    sessionId: Id,
    epoch: string,
    version: number,
  ): Promise<CaughtUp> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.log(sessionId),
    ];
    const args: string[] = [
      epoch,
      String(version),
      LOG_MAX,
    ];
    return caughtUp(await this.call("session_catch_up", keys, args));
  }

  /**
   * Answer: 1, also when it has run before; or the parts ("answer:7") of further keys that the state
   * notes and that are not among KEYS: then nothing was done, and the caller runs it again with them.
   * Publishes the terminal event, then unlinks every key given. It must work when memory is full, which
   * a function may only with allow-oom.
   *
   * sessionId: the session.
   * also: names of further keys of the session, such as the current round's.
   *
   * Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 27
   * more.
   */
  async end(
    sessionId: Id,
    options: { also?: readonly string[] } = {},
  ): Promise<void> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.roster(sessionId),
      this.keys.presence(sessionId),
      this.keys.log(sessionId),
      this.keys.round(sessionId),
      this.keys.score(sessionId),
      this.keys.buzzer(sessionId),
      ...(options.also ?? []),
    ];
    for (;;) {
      const reply = await this.call("session_end", keys, [this.keys.events(sessionId)]);
      if (!Array.isArray(reply)) return;
      const home = String(keys[0]).slice(0, String(keys[0]).lastIndexOf(":"));
      keys.push(...reply.map((part) => `${home}:${String(part)}`));
    }
  }

  /**
   * Answers of one round: player id → value, hidden until the reveal. Answer: {version, status}: "ok",
   * "duplicate", "conflict" and "gone" as session_apply; "full"; "taken" (HSETNX of what is there). Only
   * "ok" wrote. The collection is written first: if its command fails, nothing else has happened.
   *
   * sessionId: the session.
   * roundId: which round.
   * element: field or member of the collection.
   * value: what it holds.
   * opId: id of the operation: the same one counts once; empty: no idempotency.
   * expectedVersion: refuse unless this is the version; none: any.
   * event: type of the event.
   * data: JSON value of the event.
   * once: refuse to replace what is there: taken.
   *
   * Serves US-010.1 (prd.md:83), US-009.2 (prd.md:79), US-011 (prd.md:85), US-010 (prd.md:81) and 4
   * more.
   */
  async recordAnswer(
    sessionId: Id,
    roundId: Id,
    element: string,
    value: string,
    options: { opId?: string; expectedVersion?: number; event?: string; data?: unknown; once?: boolean } = {},
  ): Promise<Applied> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.log(sessionId),
      this.keys.idem(sessionId, options.opId || "none"),
      this.keys.answer(sessionId, roundId),
    ];
    const args: string[] = [
      this.keys.events(sessionId),
      options.opId ?? "",
      String(options.expectedVersion ?? ""),
      options.event ?? "answer",
      json(options.data),
      String(TTL["state"]),
      LOG_MAX,
      String(TTL["idem"]),
      options.once ? "HSETNX" : "HSET",
      String(BOUND["answer"]),
      element,
      value,
    ];
    return applied(await this.call("session_record", keys, args));
  }

  /**
   * Answers of one round: player id → value, hidden until the reveal. Answer: {version, status}: "ok",
   * "duplicate", "conflict" and "gone" as session_apply; "full"; "taken" (HSETNX of what is there). Only
   * "ok" wrote. The collection is written first: if its command fails, nothing else has happened.
   *
   * sessionId: the session.
   * roundId: which round.
   * element: field or member of the collection.
   * opId: id of the operation: the same one counts once; empty: no idempotency.
   * expectedVersion: refuse unless this is the version; none: any.
   * event: type of the event.
   * data: JSON value of the event.
   *
   * Serves US-010.1 (prd.md:83), US-009.2 (prd.md:79), US-011 (prd.md:85), US-010 (prd.md:81) and 4
   * more.
   */
  async removeAnswer(
    sessionId: Id,
    roundId: Id,
    element: string,
    options: { opId?: string; expectedVersion?: number; event?: string; data?: unknown } = {},
  ): Promise<Applied> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.log(sessionId),
      this.keys.idem(sessionId, options.opId || "none"),
      this.keys.answer(sessionId, roundId),
    ];
    const args: string[] = [
      this.keys.events(sessionId),
      options.opId ?? "",
      String(options.expectedVersion ?? ""),
      options.event ?? "answer",
      json(options.data),
      String(TTL["state"]),
      LOG_MAX,
      String(TTL["idem"]),
      "HDEL",
      String(BOUND["answer"]),
      element,
    ];
    return applied(await this.call("session_record", keys, args));
  }

  /**
   * Rounds of one room: id → number, phase, started_at, ends_at. Answer: {version, status}: "ok",
   * "duplicate", "conflict" and "gone" as session_apply; "full"; "taken" (HSETNX of what is there). Only
   * "ok" wrote. The collection is written first: if its command fails, nothing else has happened.
   *
   * sessionId: the session.
   * element: field or member of the collection.
   * value: what it holds.
   * opId: id of the operation: the same one counts once; empty: no idempotency.
   * expectedVersion: refuse unless this is the version; none: any.
   * event: type of the event.
   * data: JSON value of the event.
   * once: refuse to replace what is there: taken.
   *
   * Serves US-008 (prd.md:72), US-017 (prd.md:106).
   */
  async recordRound(
    sessionId: Id,
    element: string,
    value: string,
    options: { opId?: string; expectedVersion?: number; event?: string; data?: unknown; once?: boolean } = {},
  ): Promise<Applied> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.log(sessionId),
      this.keys.idem(sessionId, options.opId || "none"),
      this.keys.round(sessionId),
    ];
    const args: string[] = [
      this.keys.events(sessionId),
      options.opId ?? "",
      String(options.expectedVersion ?? ""),
      options.event ?? "round",
      json(options.data),
      String(TTL["state"]),
      LOG_MAX,
      String(TTL["idem"]),
      options.once ? "HSETNX" : "HSET",
      String(BOUND["round"]),
      element,
      value,
    ];
    return applied(await this.call("session_record", keys, args));
  }

  /**
   * Rounds of one room: id → number, phase, started_at, ends_at. Answer: {version, status}: "ok",
   * "duplicate", "conflict" and "gone" as session_apply; "full"; "taken" (HSETNX of what is there). Only
   * "ok" wrote. The collection is written first: if its command fails, nothing else has happened.
   *
   * sessionId: the session.
   * element: field or member of the collection.
   * opId: id of the operation: the same one counts once; empty: no idempotency.
   * expectedVersion: refuse unless this is the version; none: any.
   * event: type of the event.
   * data: JSON value of the event.
   *
   * Serves US-008 (prd.md:72), US-017 (prd.md:106).
   */
  async removeRound(
    sessionId: Id,
    element: string,
    options: { opId?: string; expectedVersion?: number; event?: string; data?: unknown } = {},
  ): Promise<Applied> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.log(sessionId),
      this.keys.idem(sessionId, options.opId || "none"),
      this.keys.round(sessionId),
    ];
    const args: string[] = [
      this.keys.events(sessionId),
      options.opId ?? "",
      String(options.expectedVersion ?? ""),
      options.event ?? "round",
      json(options.data),
      String(TTL["state"]),
      LOG_MAX,
      String(TTL["idem"]),
      "HDEL",
      String(BOUND["round"]),
      element,
    ];
    return applied(await this.call("session_record", keys, args));
  }

  /**
   * Scores of one room: player id → points. Answer: {version, status}: "ok", "duplicate", "conflict" and
   * "gone" as session_apply; "full"; "taken" (HSETNX of what is there). Only "ok" wrote. The collection
   * is written first: if its command fails, nothing else has happened.
   *
   * sessionId: the session.
   * element: field or member of the collection.
   * value: how much it changes by, or its score.
   * opId: id of the operation: the same one counts once; empty: no idempotency.
   * expectedVersion: refuse unless this is the version; none: any.
   * event: type of the event.
   * data: JSON value of the event.
   *
   * Serves US-013.1 (prd.md:94), US-013 (prd.md:92), US-019 (prd.md:115), US-023 (prd.md:133) and 4
   * more.
   */
  async recordScore(
    sessionId: Id,
    element: string,
    value: number,
    options: { opId?: string; expectedVersion?: number; event?: string; data?: unknown } = {},
  ): Promise<Applied> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.log(sessionId),
      this.keys.idem(sessionId, options.opId || "none"),
      this.keys.score(sessionId),
    ];
    const args: string[] = [
      this.keys.events(sessionId),
      options.opId ?? "",
      String(options.expectedVersion ?? ""),
      options.event ?? "score",
      json(options.data),
      String(TTL["state"]),
      LOG_MAX,
      String(TTL["idem"]),
      "ZINCRBY",
      String(BOUND["score"]),
      element,
      String(value),
    ];
    return applied(await this.call("session_record", keys, args));
  }

  /**
   * Scores of one room: player id → points. Answer: {version, status}: "ok", "duplicate", "conflict" and
   * "gone" as session_apply; "full"; "taken" (HSETNX of what is there). Only "ok" wrote. The collection
   * is written first: if its command fails, nothing else has happened.
   *
   * sessionId: the session.
   * element: field or member of the collection.
   * opId: id of the operation: the same one counts once; empty: no idempotency.
   * expectedVersion: refuse unless this is the version; none: any.
   * event: type of the event.
   * data: JSON value of the event.
   *
   * Serves US-013.1 (prd.md:94), US-013 (prd.md:92), US-019 (prd.md:115), US-023 (prd.md:133) and 4
   * more.
   */
  async removeScore(
    sessionId: Id,
    element: string,
    options: { opId?: string; expectedVersion?: number; event?: string; data?: unknown } = {},
  ): Promise<Applied> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.log(sessionId),
      this.keys.idem(sessionId, options.opId || "none"),
      this.keys.score(sessionId),
    ];
    const args: string[] = [
      this.keys.events(sessionId),
      options.opId ?? "",
      String(options.expectedVersion ?? ""),
      options.event ?? "score",
      json(options.data),
      String(TTL["state"]),
      LOG_MAX,
      String(TTL["idem"]),
      "ZREM",
      String(BOUND["score"]),
      element,
    ];
    return applied(await this.call("session_record", keys, args));
  }

  /**
   * Buzzers of one room: id → record. Answer: {version, status}: "ok", "duplicate", "conflict" and
   * "gone" as session_apply; "full"; "taken" (HSETNX of what is there). Only "ok" wrote. The collection
   * is written first: if its command fails, nothing else has happened.
   *
   * sessionId: the session.
   * element: field or member of the collection.
   * value: what it holds.
   * opId: id of the operation: the same one counts once; empty: no idempotency.
   * expectedVersion: refuse unless this is the version; none: any.
   * event: type of the event.
   * data: JSON value of the event.
   * once: refuse to replace what is there: taken.
   *
   * Serves US-017 (prd.md:106).
   */
  async recordBuzzer(
    sessionId: Id,
    element: string,
    value: string,
    options: { opId?: string; expectedVersion?: number; event?: string; data?: unknown; once?: boolean } = {},
  ): Promise<Applied> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.log(sessionId),
      this.keys.idem(sessionId, options.opId || "none"),
      this.keys.buzzer(sessionId),
    ];
    const args: string[] = [
      this.keys.events(sessionId),
      options.opId ?? "",
      String(options.expectedVersion ?? ""),
      options.event ?? "buzzer",
      json(options.data),
      String(TTL["state"]),
      LOG_MAX,
      String(TTL["idem"]),
      options.once ? "HSETNX" : "HSET",
      String(BOUND["buzzer"]),
      element,
      value,
    ];
    return applied(await this.call("session_record", keys, args));
  }

  /**
   * Buzzers of one room: id → record. Answer: {version, status}: "ok", "duplicate", "conflict" and
   * "gone" as session_apply; "full"; "taken" (HSETNX of what is there). Only "ok" wrote. The collection
   * is written first: if its command fails, nothing else has happened.
   *
   * sessionId: the session.
   * element: field or member of the collection.
   * opId: id of the operation: the same one counts once; empty: no idempotency.
   * expectedVersion: refuse unless this is the version; none: any.
   * event: type of the event.
   * data: JSON value of the event.
   *
   * Serves US-017 (prd.md:106).
   */
  async removeBuzzer(
    sessionId: Id,
    element: string,
    options: { opId?: string; expectedVersion?: number; event?: string; data?: unknown } = {},
  ): Promise<Applied> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.log(sessionId),
      this.keys.idem(sessionId, options.opId || "none"),
      this.keys.buzzer(sessionId),
    ];
    const args: string[] = [
      this.keys.events(sessionId),
      options.opId ?? "",
      String(options.expectedVersion ?? ""),
      options.event ?? "buzzer",
      json(options.data),
      String(TTL["state"]),
      LOG_MAX,
      String(TTL["idem"]),
      "HDEL",
      String(BOUND["buzzer"]),
      element,
    ];
    return applied(await this.call("session_record", keys, args));
  }

  /**
   * Answer: how many of the targets were there. For keys with an id of their own that are done with,
   * such as the last round's: unlinked, and no longer noted in the state.
   *
   * sessionId: the session.
   * roundId: which one.
   *
   * Serves US-010.1 (prd.md:83), US-009.2 (prd.md:79), US-011 (prd.md:85), US-010 (prd.md:81) and 4
   * more.
   */
  async dropAnswer(
    sessionId: Id,
    roundId: Id,
  ): Promise<number> {
    const keys: string[] = [
      this.keys.state(sessionId),
      this.keys.answer(sessionId, roundId),
    ];
    const args: string[] = [
    ];
    return Number(await this.call("session_drop", keys, args));
  }

  /**
   * How often one subject did one action in one window. Answer: {count, 1} while the count is within
   * limit, {count, 0} beyond it. The counter is made with its TTL, and gets one where it has none.
   *
   * action: part of the name.
   * subject: part of the name.
   * window: part of the name.
   * limit: how many are let through.
   *
   * Serves US-028 (prd.md:152).
   */
  async hitRate(
    action: Id,
    subject: Id,
    window: Id,
    limit: number,
  ): Promise<Counted> {
    const keys: string[] = [
      this.keys.rate(action, subject, window),
    ];
    const args: string[] = [
      String(limit),
      String(TTL["rate"]),
    ];
    return counted(await this.call("rate_hit", keys, args));
  }

  /**
   * Room id and kind of deadline → when the worker must look at it. Answer: entry, claimed_until, entry,
   * claimed_until … of what is due, at most batch. A claimed entry is due again when its claim ends, so
   * the work of a worker that died is found by the next one; no two workers get one entry.
   *
   * bucket: part of the name.
   * claimMs: how long the entries are this worker's.
   * batch: at most so many.
   *
   * Serves US-009.2 (prd.md:79), US-010 (prd.md:81), US-011 (prd.md:85), US-011.1 (prd.md:87) and 4
   * more.
   */
  async claimDue(
    bucket: Id,
    options: { claimMs?: number; batch?: number } = {},
  ): Promise<Claim[]> {
    const keys: string[] = [
      this.keys.due(bucket),
    ];
    const args: string[] = [
      String(options.claimMs ?? 30000),
      String(options.batch ?? 100),
    ];
    return claims(await this.call("due_claim", keys, args));
  }

  /**
   * Room id and kind of deadline → when the worker must look at it. Answer: 1, or 0 where the entry got
   * another deadline or another worker's claim meanwhile: then it stays.
   *
   * bucket: part of the name.
   * entry: entry of the collection.
   * claimedUntil: as due_claim gave it.
   *
   * Serves US-009.2 (prd.md:79), US-010 (prd.md:81), US-011 (prd.md:85), US-011.1 (prd.md:87) and 4
   * more.
   */
  async doneDue(
    bucket: Id,
    entry: string,
    claimedUntil: number,
  ): Promise<boolean> {
    const keys: string[] = [
      this.keys.due(bucket),
    ];
    const args: string[] = [
      entry,
      String(claimedUntil),
    ];
    return flag(await this.call("due_done", keys, args));
  }

  /**
   * Ids of the rooms that one gateway node has subscribed to. Answer: 1 where the entry is new, else 0.
   * The TTL is set again in the same step.
   *
   * nodeId: part of the name.
   * entry: entry of the collection.
   *
   * Serves US-019 (prd.md:115), US-019.2 (prd.md:118), US-027 (prd.md:149), R-caddd (prd.md:162).
   */
  async addGateway(
    nodeId: Id,
    entry: string,
  ): Promise<boolean> {
    const keys: string[] = [
      this.keys.gateway(nodeId),
    ];
    const args: string[] = [
      entry,
      String(TTL["gateway"]),
    ];
    return flag(await this.call("gateway_add", keys, args));
  }
}
