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
  "idem": 125,
  "answer": 3600,
  "code": 3600,
  "score": 3600,
  "rate": 120,
  "buzzer": 3600,
  "canary": 60,
  "name": 3600,
  "team": 3600,
} as const;

/** Elements of each key at its bound. */
export const BOUND = {
  "state": 21,
  "roster": 60,
  "presence": 120,
  "log": 200,
  "idem": 501,
  "due": 159,
  "answer": 60,
  "code": 1,
  "score": 60,
  "rate": 1,
  "buzzer": 240,
  "canary": 1,
  "name": 60,
  "team": 60,
} as const;

/** The library of functions.lua: names of functions are the server's, so each begins with it. */
export const LIBRARY = "buzz";

/** Lease of a connection or position: max(reconnect_grace, 3 x heartbeat); prd.md:117; redis_planning_summary.md:17. */
export const LEASE_MS = 90000;

/** Seats of a room: prd.md:17. */
export const CAPACITY = 60;

/** Entries of the log that a reconnecting client can catch up by; stream where the log is one. */
export const LOG_MAX = "200";

/** Types of the first of a session's other keys: in these a member has an entry only as long as the seat. */
export const WITH_SEAT = "hash hash";

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
   * Hash buzz:v1:{<session_id>}:state: one room: epoch, version, status and its own fields.
   */
  state(sessionId: Id): string {
    return `buzz:v1:{${encodeId(sessionId)}}:state`;
  }

  /**
   * Hash buzz:v1:{<session_id>}:roster: players of one room: id → name, role, seat; who only watches takes …
   */
  roster(sessionId: Id): string {
    return `buzz:v1:{${encodeId(sessionId)}}:roster`;
  }

  /**
   * Zset buzz:v1:{<session_id>}:presence: connections of one room: connection → lease deadline (90 s after …
   */
  presence(sessionId: Id): string {
    return `buzz:v1:{${encodeId(sessionId)}}:presence`;
  }

  /**
   * List buzz:v1:{<session_id>}:log: the last events of one room as envelopes, newest last.
   */
  log(sessionId: Id): string {
    return `buzz:v1:{${encodeId(sessionId)}}:log`;
  }

  /**
   * Hash buzz:v1:{<session_id>}:idem: remembered answers: operation → the version that it made.
   */
  idem(sessionId: Id): string {
    return `buzz:v1:{${encodeId(sessionId)}}:idem`;
  }

  /**
   * Channel <env>:buzz:v1:{<session_id>}:events: envelopes of one room, as they are accepted.
   */
  events(sessionId: Id): string {
    return `${this.environment}:buzz:v1:{${encodeId(sessionId)}}:events`;
  }

  /**
   * Zset buzz:v1:due:<bucket>: room id and kind of deadline → when the worker must look at it.
   */
  due(bucket: Id): string {
    return `buzz:v1:due:${encodeId(bucket)}`;
  }

  /**
   * Hash buzz:v1:{<session_id>}:answer:<round_id>: answers of one round: player id → value, hidden until the …
   */
  answer(sessionId: Id, roundId: Id): string {
    return `buzz:v1:{${encodeId(sessionId)}}:answer:${encodeId(roundId)}`;
  }

  /**
   * String buzz:v1:code:<code>: join code → room id.
   */
  code(code: Id): string {
    return `buzz:v1:code:${encodeId(code)}`;
  }

  /**
   * Zset buzz:v1:{<session_id>}:score: scores of one room: player id → points.
   */
  score(sessionId: Id): string {
    return `buzz:v1:{${encodeId(sessionId)}}:score`;
  }

  /**
   * Channel <env>:buzz:v1:{<session_id>}:signals: lossy signals of one room (who types, where a cursor is).
   */
  signals(sessionId: Id): string {
    return `${this.environment}:buzz:v1:{${encodeId(sessionId)}}:signals`;
  }

  /**
   * String buzz:v1:rate:<action>:<subject>:<window>: how often one subject did one action in one window.
   */
  rate(action: Id, subject: Id, window: Id): string {
    return `buzz:v1:rate:${encodeId(action)}:${encodeId(subject)}:${encodeId(window)}`;
  }

  /**
   * Hash buzz:v1:{<session_id>}:buzzer: buzzers of one room: object → player.
   */
  buzzer(sessionId: Id): string {
    return `buzz:v1:{${encodeId(sessionId)}}:buzzer`;
  }

  /**
   * Channel <env>:buzz:v1:probe:<node_id>: a gateway's message to itself, one every 1 s.
   */
  probe(nodeId: Id): string {
    return `${this.environment}:buzz:v1:probe:${encodeId(nodeId)}`;
  }

  /**
   * String buzz:v1:canary:<node_id>: nothing that anybody needs: how long it stays past its end is the lag …
   */
  canary(nodeId: Id): string {
    return `buzz:v1:canary:${encodeId(nodeId)}`;
  }

  /**
   * Hash buzz:v1:{<session_id>}:name: names of one room: player → record.
   */
  name(sessionId: Id): string {
    return `buzz:v1:{${encodeId(sessionId)}}:name`;
  }

  /**
   * Hash buzz:v1:{<session_id>}:team: teams of one room: player → team.
   */
  team(sessionId: Id): string {
    return `buzz:v1:{${encodeId(sessionId)}}:team`;
  }
}

/** What the operations need of a client or a cluster of node-redis. */
export interface Connection {
  fCall(name: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}
export type CreateResult = "created" | "exists";
export type JoinResult = "joined" | "again" | "full" | "banned" | "ended" | "gone";
export type LeaveResult = "left" | "stays" | "absent" | "ended" | "gone";
export type ApplyResult = "ok" | "duplicate" | "conflict" | "ended" | "gone";
export type HeartbeatResult = "renewed" | "lapsed" | "ended" | "gone";
export type RenewResult = "renewed" | "same" | "gone";
export type EndResult = "ended" | "again" | "gone";
export type HandOverResult = "handed_over" | "again" | "open" | "gone";
export type RemoveResult = "removed" | "unnamed" | "open" | "ended";
export type RateHitResult = "allowed" | "refused";
export type SignalSendResult = "sent" | "refused";
export type CodeTakeResult = "taken" | "held";
export type CodeReleaseResult = "released" | "lost";
export type DueDoneResult = "done" | "lost";
export type DueMoveResult = "moved" | "lost";

/** A named result, and the version that belongs to it. */
export type Versioned<S> = { readonly version: number; readonly status: S };

function version<S>(reply: unknown): Versioned<S> {
  const [version, status] = reply as [number, unknown];
  return { version: Number(version), status: String(status) as S };
}

/** A named result, and the used that belongs to it. */
export type Counted<S> = { readonly used: number; readonly status: S };

function used<S>(reply: unknown): Counted<S> {
  const [used, status] = reply as [number, unknown];
  return { used: Number(used), status: String(status) as S };
}

function result<S>(reply: unknown): S {
  return String(reply) as S;
}

function first<S>(reply: unknown): S {
  return String((reply as unknown[])[0]) as S;
}


/** The server refused a call, and nothing was written. */
export class RefusedError extends Error {}

/** Refused for now: the same call, with the same opId, may pass soon. persist of the driver sends it again. */
export class PassingError extends RefusedError {}

/** An argument is missing or out of its range; the message names it. */
export class BadArgumentError extends RefusedError {}

/** The element can't take this change, such as adding to a text. */
export class BadDataError extends RefusedError {}

/** What lies under the key is not ours. */
export class BadStateError extends RefusedError {}

/** The key holds a value of another type; the message names it. */
export class WrongTypeError extends RefusedError {}

/** The user is not logged in or lacks a right; the message names the command. */
export class DeniedError extends RefusedError {}

/** The server is at maxmemory: try later. */
export class MemoryFullError extends RefusedError {}

/** The node is a replica: find the primary, then send the same operation id again. */
export class ReadOnlyError extends PassingError {}

/** The server is reading its file: try again soon. */
export class LoadingError extends PassingError {}

/** The server takes no call for now, for want of replicas, a failing disk or a script that runs on: try later. */
export class UnavailableError extends PassingError {}

/** The slot is elsewhere, on its way or without an owner: use a cluster client, and send the same id again. */
export class ClusterError extends PassingError {}

/** The library functions.lua is not loaded here; form auto sends scripts instead. */
export class LibraryMissingError extends RefusedError {}

const CODES: readonly (readonly [RegExp, new (text: string) => RefusedError])[] = [
  [/^(?:BADARG)\b/, BadArgumentError],
  [/^(?:BADDATA)\b/, BadDataError],
  [/^(?:BADSTATE)\b/, BadStateError],
  [/^(?:WRONGTYPE)\b/, WrongTypeError],
  [/^(?:NOPERM|NOAUTH|WRONGPASS)\b/, DeniedError],
  [/^(?:OOM)\b/, MemoryFullError],
  [/^(?:READONLY)\b/, ReadOnlyError],
  [/^(?:LOADING)\b/, LoadingError],
  [/^(?:MASTERDOWN|NOREPLICAS|MISCONF|BUSY)\b/, UnavailableError],
  [/^(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN|CROSSSLOT)\b/, ClusterError],
  [/^(?:ERR Function not found|Function not found)\b/, LibraryMissingError],
];

/** What the client library raised as one of the classes above; what is none of them comes back as it is. */
export function refused(error: unknown): unknown {
  const text = error instanceof Error ? error.message : "";
  const known = CODES.find(([signs]) => signs.test(text));
  return known ? new known[1](text) : error;
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

function texts(reply: unknown): string[] {
  return (reply as unknown[]).map(String);
}

/** A delta has the client's last event and every later one, a snapshot the whole state. */
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

/** JSON.stringify writes NaN and Infinity as null, which would be another value than was given: they are refused. */
export function json(value: unknown): string {
  return JSON.stringify(value ?? null, (_, part: unknown) => {
    if (typeof part === "number" && !Number.isFinite(part)) throw new RangeError("JSON has no NaN and no Infinity");
    return part;
  });
}

function connectionOf(memberId: Id, connection?: Id): string {
  return connection === undefined ? encodeId(memberId) : `${encodeId(memberId)}#${encodeId(connection)}`;
}

function owned(owner: Id | undefined, fields?: Readonly<Record<string, string | number>>): Record<string, string | number> {
  return { ...(owner === undefined ? {} : { owner: encodeId(owner) }), ...fields };
}

/**
 * The id of the session that an owner opens by an operation: a second click on one button gives the same id. The operation is
 * a random id of at least 60 bits, drawn when the button is shown and not when it is clicked.
 */
export function openedAs(owner: Id, operation: string): string {
  const digest = createHash("sha256").update(`${encodeId(owner)}:${operation}`).digest("hex");
  const number = BigInt(`0x${digest.slice(0, 15)}`);
  const places = Array.from({ length: 12 }, (_, place) => Number((number >> BigInt(5 * place)) & BigInt(31)));
  return places.map((digit) => "0123456789ABCDEFGHJKMNPQRSTVWXYZ".charAt(digit)).join("");
}

/** A name as names are compared: the same here and in every other language of the clients. */
export function foldName(name: string): string {
  return name.normalize("NFKC").toUpperCase().toLowerCase().trim();
}

function pairs(fields: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(fields).flatMap(([field, value]) => [field, String(value)]);
}

/**
 * Every atomic step as one call; form "function" needs functions.lua loaded, "eval" sends the files in scripts, "auto" is
 * the first, and the second where the library is missing. Throws RefusedError, and what node-redis throws for a connection:
 * whether the call arrived is then unknown, so send it again with the same opId. The same word means the same everywhere:
 *
 * epoch: 1 to 32 hex digits that change whenever what clients know must be read anew. fields: fields and their
 * values, at most 1,000 pairs. data: JSON (RFC 8259) of the event, at most 256 KiB and 64 levels; empty is null.
 * capacity: seats, fewer where the field capacity of the state says so; empty: as that field says, else no bound.
 * connectionsMax: connections of one member; one more takes over the lease that ends first. ok: applied; the only
 * result that wrote. duplicate: this operation was applied before in this epoch, as the version given. conflict:
 * expected_version is not the version. ended: the session has ended. gone: there is no session. opId: id of the
 * operation: within an epoch the same one counts once; empty: no idempotency. expectedVersion: refuse unless this is
 * the version; empty: any. type: type of the event; not one of the functions' own (join, leave, epoch, end,
 * handed_over), nor ~…, which is a signal. silentMs: how long ago the last sign of life came, in milliseconds: the
 * lease runs from then. version: version that the client has. overlap: so many events that the client has begin the
 * delta, so that it sees whether its last one is the server's. receipt: what proves that the result is kept
 * elsewhere, such as the id of its row; a field of the state, so that members see it. limit: how many are let
 * through. publishTo: channel, or none. message: what is kept and published. leadsTo: id of the session that it
 * leads to. claimMs: how long the entries are this worker's, from the server's clock. batch: at most so many, up to
 * 1,000. entry: entry of the collection. claimedUntil: as due_claim gave it. atMs: time of the value, Unix
 * milliseconds.
 */
export class Operations {
  private readonly texts = new Map<string, string>();

  constructor(
    readonly client: Connection,
    readonly keys: Keys,
    private readonly form: "function" | "eval" | "auto" = "function",
    private readonly scripts: string = "functions-eval",
  ) {}

  /** Send one call: what the methods below, and those of actions, have in common. */
  async call(name: string, keys: string[], args: string[]): Promise<unknown> {
    const reply = await this.once(name, keys, args);
    const words = Array.isArray(reply) ? (reply as unknown[]) : [];
    const at = name === "session_remove" ? 0 : 1;
    if (String(words[at]) !== "unnamed" || (at === 1 && typeof words[0] !== "number")) return reply;
    const home = String(keys[0]).slice(0, String(keys[0]).lastIndexOf(":")); // the state knows of further keys
    const further = words.slice(at + 1).map((part) => `${home}:${String(part)}`);
    return this.once(name, [...keys, ...further], args);
  }

  private async once(name: string, keys: string[], args: string[]): Promise<unknown> {
    try {
      if (this.form === "eval") return await this.script(name, keys, args);
      try {
        return await this.client.fCall(`${LIBRARY}_${name}`, { keys, arguments: args });
      } catch (error) {
        if (this.form === "function" || !(refused(error) instanceof LibraryMissingError)) throw error;
        return await this.script(name, keys, args);
      }
    } catch (error) {
      throw refused(error);
    }
  }

  private async script(name: string, keys: string[], args: string[]): Promise<unknown> {
    const text = this.texts.get(name) ?? readFileSync(`${this.scripts}/${name}.lua`, "utf8");
    this.texts.set(name, text);
    try {
      const sha = createHash("sha1").update(text).digest("hex");
      return await this.client.evalSha(sha, { keys, arguments: args });
    } catch (error) {
      // a restart, a failover or SCRIPT FLUSH: EVAL loads it again
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return this.client.eval(text, { keys, arguments: args });
    }
  }

  /** KEYS: the named ones, then the session's others, whose TTL the step refreshes, last those with ids. */
  all(sessionId: Id, also: readonly string[] | undefined, ...first: string[]): string[] {
    const others = [
      this.keys.name(sessionId),
      this.keys.team(sessionId),
      this.keys.state(sessionId),
      this.keys.roster(sessionId),
      this.keys.presence(sessionId),
      this.keys.log(sessionId),
      this.keys.score(sessionId),
      this.keys.buzzer(sessionId),
    ];
    const more = [...(also ?? [])].sort((a, b) => a.split(":").length - b.split(":").length);
    return [...first, ...new Set([...others, ...more].filter((key) => !first.includes(key)))];
  }

  /**
   * Make the session; leftovers under its other keys (their state was lost) are unlinked first. Its id is
   * opened_as(owner, operation), so that a double click makes one: who finds no code in it draws one.
   *
   * created: version 0, status open. exists: it is there already, in whatever status; nothing was written.
   */
  async create(
    sessionId: Id,
    options: { epoch?: string; owner?: Id; fields?: Readonly<Record<string, string | number>>; also?: readonly string[] } = {},
  ): Promise<CreateResult> {
    const keys = this.all(
      sessionId, options.also, this.keys.state(sessionId), this.keys.roster(sessionId), this.keys.log(sessionId),
    );
    const args: string[] = [
      options.epoch || randomBytes(8).toString("hex"), String(TTL["state"]),
      ...pairs(owned(options.owner, options.fields)),
    ];
    return result(await this.call("session_create", keys, args));
  }

  /**
   * Take a seat and a lease; a member who has a seat takes no second one.
   *
   * joined: a seat, new data or a taken-over connection, and everybody is told. again: it had the seat and the
   * same data: only the lease is new. full: no seat is left. banned: this member was banned from here.
   */
  async join(
    sessionId: Id, memberId: Id, connection: Id, data: unknown,
    options: { capacity?: number; connectionsMax?: number; also?: readonly string[] } = {},
  ): Promise<Versioned<JoinResult>> {
    const keys = this.all(
      sessionId, options.also, this.keys.state(sessionId), this.keys.roster(sessionId), this.keys.presence(sessionId),
      this.keys.log(sessionId),
    );
    const args: string[] = [
      connectionOf(memberId, connection), json(data), String(options.capacity ?? CAPACITY), String(LEASE_MS),
      String(TTL["state"]), this.keys.events(sessionId), LOG_MAX, String(options.connectionsMax ?? 2),
    ];
    return version(await this.call("session_join", keys, args));
  }

  /**
   * Give back the seat with all connections, or one connection and the seat with the last of them; what a
   * member has only with the seat goes.
   *
   * left: the seat is free and everybody is told. stays: one connection less; the seat stays with the others.
   * absent: it was not there.
   */
  async leave(
    sessionId: Id, memberId: Id, options: { connection?: Id; also?: readonly string[] } = {},
  ): Promise<Versioned<LeaveResult>> {
    const keys = this.all(
      sessionId, options.also, this.keys.state(sessionId), this.keys.roster(sessionId), this.keys.presence(sessionId),
      this.keys.log(sessionId),
    );
    const args: string[] = [
      connectionOf(memberId, options.connection), String(TTL["state"]), this.keys.events(sessionId), LOG_MAX,
      WITH_SEAT,
    ];
    return version(await this.call("session_leave", keys, args));
  }

  /**
   * Change fields of the state by one event.
   */
  async apply(
    sessionId: Id, type: string, data: unknown,
    options: { opId?: string; expectedVersion?: number; fields?: Readonly<Record<string, string | number>>; also?: readonly string[] } = {},
  ): Promise<Versioned<ApplyResult>> {
    const keys = this.all(
      sessionId, options.also, this.keys.state(sessionId), this.keys.log(sessionId), this.keys.idem(sessionId),
    );
    const args: string[] = [
      this.keys.events(sessionId), options.opId ?? "", String(options.expectedVersion ?? ""), type, json(data),
      String(TTL["state"]), LOG_MAX, String(TTL["idem"]), ...pairs(options.fields ?? {}),
    ];
    return version(await this.call("session_apply", keys, args));
  }

  /**
   * Renew a lease.
   *
   * renewed: the lease runs from the last sign of life. lapsed: the lease was swept: join again.
   */
  async heartbeat(
    sessionId: Id, memberId: Id, connection: Id, options: { silentMs?: number; also?: readonly string[] } = {},
  ): Promise<HeartbeatResult> {
    const keys = this.all(sessionId, options.also, this.keys.state(sessionId), this.keys.presence(sessionId));
    const args: string[] = [
      connectionOf(memberId, connection), String(LEASE_MS), String(TTL["state"]), String(options.silentMs ?? 0),
    ];
    return result(await this.call("session_heartbeat", keys, args));
  }

  /**
   * Remove connections whose lease has lapsed by the server's clock, at most 100 a call, and publish the seats
   * that go with them, as session_leave does. An ended session is left alone, no TTL is refreshed, keys whose
   * state is lost are unlinked; its idem ends by its TTL and answers nothing of another epoch.
   */
  async sweep(sessionId: Id, options: { also?: readonly string[] } = {}): Promise<string[]> {
    const keys = this.all(
      sessionId, options.also, this.keys.state(sessionId), this.keys.roster(sessionId), this.keys.presence(sessionId),
      this.keys.log(sessionId),
    );
    const args: string[] = [this.keys.events(sessionId), String(TTL["state"]), LOG_MAX, WITH_SEAT];
    return texts(await this.call("session_sweep", keys, args));
  }

  /**
   * What a client missed; a snapshot, without fields key:… and hidden:…, for another epoch, a client that is
   * ahead, or more than max missed events.
   */
  async catchUp(sessionId: Id, epoch: string, version: number, options: { overlap?: number } = {}): Promise<CaughtUp> {
    const keys = [this.keys.state(sessionId), this.keys.log(sessionId)];
    const args: string[] = [epoch, String(version), LOG_MAX, String(options.overlap ?? 1)];
    return caughtUp(await this.call("session_catch_up", keys, args));
  }

  /**
   * Give the session a new epoch in place, where clients and server no longer agree (after a failover or a
   * restore): nothing else is lost, every client takes a snapshot.
   *
   * renewed: the epoch changed and everybody is told. same: this epoch it had already.
   */
  async renew(
    sessionId: Id, options: { epoch?: string; also?: readonly string[] } = {},
  ): Promise<Versioned<RenewResult>> {
    const keys = this.all(sessionId, options.also, this.keys.state(sessionId), this.keys.log(sessionId));
    const args: string[] = [
      options.epoch || randomBytes(8).toString("hex"), this.keys.events(sessionId), String(TTL["state"]), LOG_MAX,
    ];
    return version(await this.call("session_renew", keys, args));
  }

  /**
   * End the session: it takes no change any more, and stays readable until it was handed over and removed.
   *
   * again: it had ended before.
   */
  async end(sessionId: Id, options: { also?: readonly string[] } = {}): Promise<Versioned<EndResult>> {
    const keys = this.all(sessionId, options.also, this.keys.state(sessionId), this.keys.log(sessionId));
    const args: string[] = [this.keys.events(sessionId), String(TTL["state"]), LOG_MAX];
    return version(await this.call("session_end", keys, args));
  }

  /**
   * Acknowledge that the result of an ended session is kept elsewhere; call it after the commit.
   *
   * handed_over: acknowledged: the session may be removed. again: it was acknowledged before. open: refused:
   * it has not ended.
   */
  async handOver(
    sessionId: Id, receipt: string, options: { also?: readonly string[] } = {},
  ): Promise<Versioned<HandOverResult>> {
    const keys = this.all(sessionId, options.also, this.keys.state(sessionId), this.keys.log(sessionId));
    const args: string[] = [receipt, this.keys.events(sessionId), String(TTL["state"]), LOG_MAX];
    return version(await this.call("session_hand_over", keys, args));
  }

  /**
   * Unlink every key of a session whose result was handed over; an operation that is sent again after it is
   * answered gone.
   *
   * removed: every key is gone, also where it had gone before. unnamed: nothing was done: the state notes
   * further keys of rounds and the like, whose ends of names follow; call again with them. open: refused: it
   * has not ended. ended: refused: its result was not handed over.
   */
  async remove(sessionId: Id, options: { also?: readonly string[] } = {}): Promise<RemoveResult> {
    const keys = this.all(sessionId, options.also, this.keys.state(sessionId), this.keys.idem(sessionId));
    const args: string[] = [];
    return first(await this.call("session_remove", keys, args));
  }

  /**
   * Unlink keys with an id of their own that are done with, such as the last round's; how many there were.
   */
  async dropAnswer(sessionId: Id, roundId: Id): Promise<number> {
    const keys = [this.keys.state(sessionId), this.keys.answer(sessionId, roundId)];
    const args: string[] = [];
    return Number(await this.call("session_drop", keys, args));
  }

  /**
   * Count one use; the counter is made with its TTL, and gets one where it has none (how often one subject did
   * one action in one window).
   *
   * allowed: within the limit. refused: beyond it.
   */
  async hitRate(action: Id, subject: Id, window: Id, limit: number): Promise<Counted<RateHitResult>> {
    const keys = [this.keys.rate(action, subject, window)];
    const args: string[] = [String(limit), String(TTL["rate"])];
    return used(await this.call("rate_hit", keys, args));
  }

  /**
   * Publish a signal that is stored nowhere, where its sender is within the limit of the window (how often one
   * subject did one action in one window).
   *
   * sent: published. refused: beyond the limit: not published.
   */
  async sendRate(
    action: Id, subject: Id, window: Id, limit: number, message: string, options: { publishTo?: string } = {},
  ): Promise<Counted<SignalSendResult>> {
    const keys = [this.keys.rate(action, subject, window)];
    const args: string[] = [String(limit), String(TTL["rate"]), options.publishTo ?? "", message];
    return used(await this.call("signal_send", keys, args));
  }

  /**
   * Take a code, or keep one's own for as long again: an answer that was lost is asked for once more (join
   * code → room id).
   *
   * taken: it leads to this session. held: it leads to another one: draw again.
   */
  async takeCode(code: Id, leadsTo: string): Promise<CodeTakeResult> {
    const keys = [this.keys.code(code)];
    const args: string[] = [leadsTo, String(TTL["code"])];
    return result(await this.call("code_take", keys, args));
  }

  /**
   * Give a code back, unless it leads elsewhere by now (join code → room id).
   *
   * released: it is free. lost: it does not lead to this session any more: nothing was deleted.
   */
  async releaseCode(code: Id, leadsTo: string): Promise<CodeReleaseResult> {
    const keys = [this.keys.code(code)];
    const args: string[] = [leadsTo];
    return result(await this.call("code_release", keys, args));
  }

  /**
   * Take entries that are due by the server's clock; a claimed one is due again when its claim ends, and no
   * two workers get one, whatever deadline it is given meanwhile (room id and kind of deadline → when the
   * worker must look at it).
   */
  async claimDue(bucket: Id, options: { claimMs?: number; batch?: number } = {}): Promise<Claim[]> {
    const keys = [this.keys.due(bucket)];
    const args: string[] = [String(options.claimMs ?? 5000), String(options.batch ?? 100)];
    return claims(await this.call("due_claim", keys, args));
  }

  /**
   * Remove an entry whose work is done (room id and kind of deadline → when the worker must look at it).
   *
   * done: removed. lost: it has another deadline or another worker's claim meanwhile: it stays.
   */
  async doneDue(bucket: Id, entry: string, claimedUntil: number): Promise<DueDoneResult> {
    const keys = [this.keys.due(bucket)];
    const args: string[] = [entry, String(claimedUntil)];
    return result(await this.call("due_done", keys, args));
  }

  /**
   * Give an entry whose work is done its next deadline (room id and kind of deadline → when the worker must
   * look at it).
   *
   * moved: it is due then. lost: it has another deadline or another worker's claim meanwhile: it stays.
   */
  async moveDue(bucket: Id, entry: string, claimedUntil: number, atMs: number): Promise<DueMoveResult> {
    const keys = [this.keys.due(bucket)];
    const args: string[] = [entry, String(claimedUntil), String(atMs)];
    return result(await this.call("due_move", keys, args));
  }
}
