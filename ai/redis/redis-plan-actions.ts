/**
 * Buzzroom: what people, devices and timers do, each as one atomic step.
 *
 * Written by redis-plan from the project's documents: the next build writes it again and keeps an edited one aside.
 *
 *     const actions = new Actions(operations);
 *
 * What is refused has written nothing. Ids are encoded as in names of keys (encodeId), also where an event shows them.
 */
import { encodeId, foldName, json, LOG_MAX, TTL, WITH_SEAT } from "./redis-plan-client.js";
import type { Id, Keys, Operations, Versioned } from "./redis-plan-client.js";

export type BuzzResult = "ok" | "duplicate" | "ended" | "gone" | "no seat" | "not now" | "late" | "taken";
export type AttendResult = "ok" | "duplicate" | "ended" | "gone" | "not allowed";
export type GiveRoleResult = "ok" | "duplicate" | "ended" | "gone" | "not allowed" | "unknown" | "full";
export type TakeRoleResult = "ok" | "duplicate" | "ended" | "gone" | "not allowed";
export type PassOnResult = "ok" | "duplicate" | "ended" | "gone" | "not allowed" | "unknown";
export type PauseWithoutHostResult = "ok" | "duplicate" | "ended" | "gone" | "not now" | "early";
export type TakeUpResult = "ok" | "duplicate" | "ended" | "gone" | "not allowed" | "not now";
export type ApproveNicknameResult = "ok" | "duplicate" | "ended" | "gone" | "not allowed" | "unknown" | "not now" | "conflict" | "name taken";
export type RefuseNameResult = "ok" | "duplicate" | "ended" | "gone" | "not allowed" | "not now";
export type StartQuestionResult = "ok" | "duplicate" | "ended" | "gone" | "not allowed" | "bad length" | "not now" | "again";
export type TimeUpResult = "ok" | "duplicate" | "ended" | "gone" | "not now" | "stale" | "early";
export type PauseResult = "ok" | "duplicate" | "ended" | "gone" | "not allowed" | "not now" | "late";
export type ResumeResult = "ok" | "duplicate" | "ended" | "gone" | "not allowed" | "not now";
export type SkipQuestionResult = "ok" | "duplicate" | "ended" | "gone" | "not allowed" | "not now" | "stale";
export type RevealResult = "ok" | "duplicate" | "ended" | "gone" | "not allowed" | "not now" | "stale";
export type RevealNowResult = "ok" | "duplicate" | "ended" | "gone" | "not now" | "stale";
export type MarkAwayResult = "ok" | "duplicate" | "ended" | "gone" | "unknown" | "again" | "early";
export type BackResult = "ok" | "duplicate" | "ended" | "gone" | "not here";
export type AwardResult = "ok" | "duplicate" | "ended" | "gone" | "unknown" | "again";
export type TakeBackResult = "ok" | "duplicate" | "ended" | "gone" | "unknown";
export type JoinResult = "ok" | "duplicate" | "ended" | "gone" | "banned" | "bad name" | "name taken" | "full";
export type KickResult = "ok" | "duplicate" | "ended" | "gone" | "not allowed" | "unknown" | "full";
export type WatchResult = "ok" | "duplicate" | "ended" | "gone" | "banned" | "full";
export type EndGameResult = "ok" | "duplicate" | "ended" | "gone" | "not allowed";
export type EndIdleResult = "ok" | "duplicate" | "ended" | "gone" | "early";
export type RematchResult = "ok" | "duplicate" | "ended" | "gone" | "not allowed" | "not now" | "unnamed";
export type AnswerResult = "ok" | "duplicate" | "ended" | "gone" | "no seat" | "not now" | "stale" | "late" | "again";
export type AllAnsweredResult = "ok" | "duplicate" | "ended" | "gone" | "not now" | "stale" | "waiting";
export type ChooseTeamResult = "ok" | "duplicate" | "ended" | "gone" | "no seat" | "not now" | "full";

/** The events of these actions: their type and their data. What was hidden is in neither. */
export type ActionEvent =
  | { readonly t: "claimed"; readonly d: { member?: string; object?: string; at?: number } }
  | { readonly t: "attends"; readonly d: { member?: string } }
  | { readonly t: "role"; readonly d: { target?: string; role?: string } }
  | { readonly t: "host"; readonly d: { target?: string } }
  | { readonly t: "host_absent"; readonly d: null }
  | { readonly t: "host_back"; readonly d: { member?: string; phase?: number | string | null } }
  | { readonly t: "named"; readonly d: { target?: string; name?: string } }
  | { readonly t: "name_refused"; readonly d: { to?: "target"; target?: string } }
  | { readonly t: "started"; readonly d: { round?: string; phase_until?: number | string | null } }
  | { readonly t: "closed"; readonly d: { round?: string; count?: number } }
  | { readonly t: "paused"; readonly d: { phase_left?: number | string | null } }
  | { readonly t: "resumed"; readonly d: { phase_until?: number | string | null } }
  | { readonly t: "skipped"; readonly d: { round?: string } }
  | { readonly t: "revealed"; readonly d: { round?: string } }
  | { readonly t: "away"; readonly d: { target?: string; at?: number } }
  | { readonly t: "back"; readonly d: { member?: string } }
  | { readonly t: "score"; readonly d: { target?: string; amount?: number } }
  | { readonly t: "score_back"; readonly d: { target?: string; amount?: number } }
  | { readonly t: "join"; readonly d: { m?: string; c?: string; data?: unknown; member?: string; name?: string; connection?: string; taken?: string[] } }
  | { readonly t: "leave"; readonly d: { m?: string; c?: string; why?: string; target?: string } }
  | { readonly t: "watching"; readonly d: { to?: "leaders"; count?: number } }
  | { readonly t: "end"; readonly d: null }
  | { readonly t: "rematch"; readonly d: null }
  | { readonly t: "submitted"; readonly d: { count?: number } }
  | { readonly t: "team"; readonly d: { member?: string; team?: string } };

/** What people ask for by a message: the method, and the arguments that come in it. Who asks is the gateway's to say. */
export const ASKED: Readonly<Record<string, readonly [string, ...string[]]>> = {
  buzz: ["buzz", "object"],
  give_role: ["giveRole", "target", "role"],
  take_role: ["takeRole", "target"],
  pass_on: ["passOn", "target"],
  take_up: ["takeUp"],
  approve_nickname: ["approveNickname", "target", "expected"],
  refuse_name: ["refuseName", "target"],
  start_question: ["startQuestion", "round", "value"],
  pause: ["pause"],
  resume: ["resume"],
  skip_question: ["skipQuestion", "round"],
  reveal: ["reveal", "round", "value"],
  back: ["back"],
  kick: ["kick", "target"],
  end_game: ["endGame"],
  rematch: ["rematch"],
  answer: ["answer", "round", "value"],
  choose_team: ["chooseTeam", "team"],
};

/** Numbers that the message may bring besides, within the bounds of the documents: the word, and the option. */
const CHOSEN: Readonly<Record<string, readonly [string, string]>> = {
  start_question: ["length_ms", "lengthMs"],
};

/** The first places, each a member and its points, and one's own place, from 1 on, and points. */
export interface Ranked {
  readonly top: [string, number][];
  readonly place: number | null;
  readonly points: number | null;
}

/** What nobody may see of others: how many there are, and one's own. */
export interface Hidden {
  readonly count: number;
  readonly own: string | null;
}

/** What a member's screen is drawn from, at one version; what is hidden from its role is not in it. */
export interface Snapshot {
  readonly version: number;
  readonly epoch: string;
  readonly ownRole: string;
  readonly state: Record<string, string>;
  readonly roster: Record<string, string>;
  readonly answer: Hidden;
  readonly score: Ranked;
  readonly buzzer: Record<string, string>;
  readonly name: Record<string, string>;
  readonly team: Record<string, string>;
}

function rows(reply: unknown): Record<string, string> {
  const words = (reply as unknown[]).map(String);
  return Object.fromEntries(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] ?? ""]] : [])));
}

function ranked(reply: unknown): Ranked {
  const [top, place, points] = reply as [unknown[], unknown, unknown];
  const words = top.map(String);
  const listed = words.flatMap((word, i): [string, number][] => (i % 2 === 0 ? [[word, Number(words[i + 1])]] : []));
  return { top: listed, place: place == null ? null : Number(place) + 1, points: points == null ? null : Number(points) };
}

function hidden(reply: unknown): Hidden {
  const [count, own] = reply as [unknown, unknown];
  return { count: Number(count), own: own == null ? null : String(own) };
}

/**
 * Every action as one call, beside the operations of the client. The same word means the same everywhere:
 *
 * ok: applied; the only result that wrote. duplicate: this operation was applied before in this epoch, as
 * the version given. ended: the session has ended. gone: there is no session. member: who does it; from the
 * verified token, never from the message. object: the object that it is about. connection: which socket of
 * the member. target: the member whom it is about. role: cohost, moderator or spectator. expected: version
 * of the object that the client has; 0: it is new. round: the round, question or lot. value: JSON (RFC
 * 8259), at most 256 KiB and 64 levels; empty is null. reason: what the points are for, such as the round:
 * once each. amount: a whole number from 1 to 2^53 - 1, money in minor units. device: the device, by a
 * random id that it keeps; never its address. name: the name that is shown. team: the team.
 */
export class Actions {
  readonly keys: Keys;
  /** A try at a code is counted before the code is looked up; beyond the limit it is not looked up. limit: 5. */
  readonly tryCode: Operations["hitRate"];
  /** The service draws a code for a room and takes it; where it leads to another one already, it draws again. */
  readonly drawCode: Operations["takeCode"];
  /** A player gives the seat back, or one connection of it. */
  readonly leave: Operations["leave"];
  /** A connection renews its lease. */
  readonly heartbeat: Operations["heartbeat"];
  /** A worker frees the seats whose leases have lapsed by the server's clock. */
  readonly sweep: Operations["sweep"];
  /** The host opens a room; opening it twice makes one. */
  readonly createRoom: Operations["create"];
  /** A worker acknowledges that the result is kept in the database; call it after the commit. */
  readonly storeResult: Operations["handOver"];
  /** A worker unlinks every key of a room whose result was handed over. */
  readonly remove: Operations["remove"];
  /** A client gets what it missed, or a snapshot, never a history with holes. */
  readonly catchUp: Operations["catchUp"];
  /** A player sends a signal that may be lost, at most so many in a window. limit: 2. */
  readonly sendReaction: Operations["sendRate"];
  /** A worker takes what is due. */
  readonly claimDue: Operations["claimDue"];

  constructor(readonly operations: Operations) {
    this.keys = operations.keys;
    this.tryCode = operations.hitRate.bind(operations);
    this.drawCode = operations.takeCode.bind(operations);
    this.leave = operations.leave.bind(operations);
    this.heartbeat = operations.heartbeat.bind(operations);
    this.sweep = operations.sweep.bind(operations);
    this.createRoom = operations.create.bind(operations);
    this.storeResult = operations.handOver.bind(operations);
    this.remove = operations.remove.bind(operations);
    this.catchUp = operations.catchUp.bind(operations);
    this.sendReaction = operations.sendRate.bind(operations);
    this.claimDue = operations.claimDue.bind(operations);
  }

  private async act<S>(
    name: string, sessionId: Id, opId: string | undefined, keys: string[], ...args: string[]
  ): Promise<Versioned<S>> {
    const op = opId ?? "";
    const k = this.keys;
    const named = [k.state(sessionId), k.log(sessionId), k.idem(sessionId), ...keys];
    const shared = [this.keys.events(sessionId), op, String(TTL["state"]), LOG_MAX, String(TTL["idem"])];
    const reply = await this.operations.call(name, this.operations.all(sessionId, undefined, ...named), [...shared, ...args]);
    const [version, status] = reply as [number, unknown];
    return { version: Number(version), status: String(status) as S };
  }

  /** Does what a member's message asks for; throws where people don't ask for that, or not so. */
  async asked(
    name: string, sessionId: Id, member: Id, given: Readonly<Record<string, unknown>>, opId: string,
  ): Promise<Versioned<string>> {
    const wanted = Object.hasOwn(ASKED, name) ? ASKED[name] : undefined;
    if (!wanted) throw new TypeError(`nobody asks for that: ${name}`);
    const [method, ...words] = wanted;
    const missing = words.filter((word) => !Object.hasOwn(given, word));
    if (missing.length > 0) throw new TypeError(`${name} needs ${missing.join(", ")}`);
    const act = (this as unknown as Record<string, (...words: unknown[]) => Promise<Versioned<string>>>)[method];
    if (!act) throw new TypeError(`no such action: ${method}`);
    const [word, option] = CHOSEN[name] ?? ["", ""];
    // what no bounds could allow is brought to where they refuse it
    const number = Math.max(1, Math.min(Math.trunc(Number(given[word])) || 1, 1e12));
    const more = option && Object.hasOwn(given, word) ? { [option]: number } : {};
    return act.call(this, sessionId, member, ...words.map((each) => given[each]), { opId, ...more });
  }

  /**
   * Returns what the screen of a member is drawn from, in one step; undefined: there is no session.
   * The role is what the state says, whatever the caller thinks. round: as the state says, decoded.
   */
  async snapshotOf(sessionId: Id, member: Id, round: Id = "none"): Promise<Snapshot | undefined> {
    const k = this.keys;
    const keys = [
      k.state(sessionId), k.roster(sessionId), k.answer(sessionId, round), k.score(sessionId), k.buzzer(sessionId),
      k.name(sessionId), k.team(sessionId),
    ];
    const reply = (await this.operations.call("session_snapshot", keys, [encodeId(member)])) as unknown[];
    if (String(reply[0]) === "gone") return undefined;
    return {
      version: Number(reply[1]), epoch: String(reply[2]), ownRole: String(reply[3]), state: rows(reply[4]),
      roster: rows(reply[5]),
      answer: hidden(reply[6]),
      score: ranked(reply[7]),
      buzzer: rows(reply[8]),
      name: rows(reply[9]),
      team: rows(reply[10]),
    };
  }

  /**
   * The first player has it; everybody else learns that another was first. Serves US-017 (prd.md:106),
   * US-017.1 (prd.md:108).
   *
   * no seat: who calls has no seat here. not now: the phase is another one. late: the time is over by the
   * server's clock. taken: another was first.
   */
  async buzz(sessionId: Id, member: Id, object: Id, options: { opId?: string } = {}): Promise<Versioned<BuzzResult>> {
    return this.act(
      "buzz", sessionId, options.opId, [this.keys.roster(sessionId), this.keys.buzzer(sessionId)], encodeId(member),
      encodeId(object),
    );
  }

  /**
   * The host is there without taking a seat: a lease, renewed by heartbeats. Who plays as well joins instead.
   *
   * not allowed: the role of who calls does not do this.
   */
  async attend(
    sessionId: Id, member: Id, connection: Id, options: { opId?: string; leaseMs?: number } = {},
  ): Promise<Versioned<AttendResult>> {
    return this.act(
      "attend", sessionId, options.opId, [this.keys.presence(sessionId)], encodeId(member), encodeId(connection),
      String(options.leaseMs ?? 90000),
    );
  }

  /**
   * The host makes a player co-host or moderator, of which there are only so many.
   *
   * not allowed: the role of who calls does not do this. unknown: the one whom it is about does not belong
   * here. full: as many have this role as may.
   */
  async giveRole(
    sessionId: Id, member: Id, target: Id, role: string, options: { opId?: string; most?: number } = {},
  ): Promise<Versioned<GiveRoleResult>> {
    return this.act(
      "give_role", sessionId, options.opId, [this.keys.roster(sessionId), this.keys.presence(sessionId)],
      encodeId(member), encodeId(target), role, String(options.most ?? 2),
    );
  }

  /**
   * The host takes a role back.
   *
   * not allowed: the role of who calls does not do this.
   */
  async takeRole(
    sessionId: Id, member: Id, target: Id, options: { opId?: string } = {},
  ): Promise<Versioned<TakeRoleResult>> {
    return this.act("take_role", sessionId, options.opId, [], encodeId(member), encodeId(target));
  }

  /**
   * The host makes another player the host.
   *
   * not allowed: nobody does this to themselves. unknown: the one whom it is about has no seat here.
   */
  async passOn(
    sessionId: Id, member: Id, target: Id, options: { opId?: string } = {},
  ): Promise<Versioned<PassOnResult>> {
    return this.act(
      "pass_on", sessionId, options.opId, [this.keys.roster(sessionId)], encodeId(member), encodeId(target),
    );
  }

  /**
   * A worker pauses a room whose host is away for too long, and everybody is told why. Serves US-021
   * (prd.md:123), US-021.1 (prd.md:125).
   *
   * not now: the phase is another one. early: the owner is there, or was until lately.
   */
  async pauseWithoutHost(
    sessionId: Id, options: { opId?: string; absentMs?: number } = {},
  ): Promise<Versioned<PauseWithoutHostResult>> {
    return this.act("pause_without_host", sessionId, options.opId, [], String(options.absentMs ?? 600000));
  }

  /**
   * The host, back again, takes a room up that was paused without one: it is in the phase again that it was
   * in.
   *
   * not allowed: the role of who calls does not do this. not now: the phase is another one.
   */
  async takeUp(sessionId: Id, member: Id, options: { opId?: string } = {}): Promise<Versioned<TakeUpResult>> {
    return this.act("take_up", sessionId, options.opId, [], encodeId(member));
  }

  /**
   * A moderator approves the name of a player that waits since the join, and everybody sees it; until then the
   * seat shows an empty one, and the state's field checks_names says that names wait. Serves prd.md:33, US-005
   * (prd.md:59).
   *
   * not allowed: the role of who calls does not do this. unknown: the one whom it is about has no seat here.
   * not now: it is in another state. conflict: the object changed meanwhile: read it anew. name taken: another
   * member has this name by now.
   */
  async approveNickname(
    sessionId: Id, member: Id, target: Id, expected: number, options: { opId?: string } = {},
  ): Promise<Versioned<ApproveNicknameResult>> {
    return this.act(
      "approve_nickname", sessionId, options.opId, [this.keys.roster(sessionId), this.keys.name(sessionId)],
      encodeId(member), encodeId(target), String(expected),
    );
  }

  /**
   * A moderator refuses a name that waits; nobody else sees it, and the player takes another one.
   *
   * not allowed: the role of who calls does not do this. not now: it is in another state.
   */
  async refuseName(
    sessionId: Id, member: Id, target: Id, options: { opId?: string } = {},
  ): Promise<Versioned<RefuseNameResult>> {
    return this.act(
      "refuse_name", sessionId, options.opId, [this.keys.name(sessionId)], encodeId(member), encodeId(target),
    );
  }

  /**
   * The host starts the next question for everybody at the same time; its end is set by the server's clock.
   * Its value is in every snapshot at once: what must stay secret, such as the right answer, is never in it.
   * Serves prd.md:7, prd.md:30, US-008 (prd.md:72).
   *
   * not allowed: the role of who calls does not do this. bad length: it is shorter or longer than it may be.
   * not now: the phase is another one. again: it is on already.
   */
  async startQuestion(
    sessionId: Id, member: Id, round: Id, value: unknown,
    options: { opId?: string; lengthMs?: number; lengthLeast?: number; lengthMost?: number } = {},
  ): Promise<Versioned<StartQuestionResult>> {
    return this.act(
      "start_question", sessionId, options.opId, [], encodeId(member), encodeId(round), json(value),
      String(options.lengthMs ?? 20000), String(options.lengthLeast ?? 5000), String(options.lengthMost ?? 60000),
    );
  }

  /**
   * A worker ends the question when its time is over by the server's clock; before that it is refused. Serves
   * US-009.2 (prd.md:79).
   *
   * not now: the phase is another one. stale: it is not the current one any more. early: the time is not over
   * yet.
   */
  async timeUp(sessionId: Id, round: Id, options: { opId?: string } = {}): Promise<Versioned<TimeUpResult>> {
    return this.act("time_up", sessionId, options.opId, [], encodeId(round));
  }

  /**
   * The host pauses; the time that is left is kept. Serves US-014 (prd.md:96).
   *
   * not allowed: the role of who calls does not do this. not now: the phase is another one. late: the time is
   * over by the server's clock.
   */
  async pause(sessionId: Id, member: Id, options: { opId?: string } = {}): Promise<Versioned<PauseResult>> {
    return this.act("pause", sessionId, options.opId, [], encodeId(member));
  }

  /**
   * The host goes on; the time that was left runs from now.
   *
   * not allowed: the role of who calls does not do this. not now: the phase is another one.
   */
  async resume(sessionId: Id, member: Id, options: { opId?: string } = {}): Promise<Versioned<ResumeResult>> {
    return this.act("resume", sessionId, options.opId, [], encodeId(member));
  }

  /**
   * The host skips the question: it does not count. Serves US-015 (prd.md:99).
   *
   * not allowed: the role of who calls does not do this. not now: the phase is another one. stale: it is not
   * the current one any more.
   */
  async skipQuestion(
    sessionId: Id, member: Id, round: Id, options: { opId?: string } = {},
  ): Promise<Versioned<SkipQuestionResult>> {
    return this.act("skip_question", sessionId, options.opId, [], encodeId(member), encodeId(round));
  }

  /**
   * The host, or the service for the host, shows the result of a closed question to everybody at once; the
   * service makes the value from the right answer and what was given, and takes none from a message. Serves
   * US-011 (prd.md:85).
   *
   * not allowed: the role of who calls does not do this. not now: the phase is another one. stale: it is not
   * the current one any more.
   */
  async reveal(
    sessionId: Id, member: Id, round: Id, value: unknown, options: { opId?: string } = {},
  ): Promise<Versioned<RevealResult>> {
    return this.act("reveal", sessionId, options.opId, [], encodeId(member), encodeId(round), json(value));
  }

  /**
   * A worker shows the result of a closed question, without waiting for the host; the service makes the value.
   * Serves US-011 (prd.md:85).
   *
   * not now: the phase is another one. stale: it is not the current one any more.
   */
  async revealNow(
    sessionId: Id, round: Id, value: unknown, options: { opId?: string } = {},
  ): Promise<Versioned<RevealNowResult>> {
    return this.act("reveal_now", sessionId, options.opId, [], encodeId(round), json(value));
  }

  /**
   * A worker marks a player as away who was not heard for the short time; the seat stays. Serves US-022
   * (prd.md:127), US-022.1 (prd.md:129).
   *
   * unknown: the one whom it is about does not belong here. again: it is known already. early: a heartbeat
   * came within that time.
   */
  async markAway(
    sessionId: Id, target: Id, options: { opId?: string; awayMs?: number; leaseMs?: number } = {},
  ): Promise<Versioned<MarkAwayResult>> {
    return this.act(
      "mark_away", sessionId, options.opId, [this.keys.roster(sessionId), this.keys.presence(sessionId)],
      encodeId(target), String(options.awayMs ?? 30000), String(options.leaseMs ?? 90000),
    );
  }

  /**
   * A player, or who leads without a seat, is there again and everybody sees it.
   *
   * not here: who calls has neither seat nor lease here.
   */
  async back(sessionId: Id, member: Id, options: { opId?: string } = {}): Promise<Versioned<BackResult>> {
    return this.act(
      "back", sessionId, options.opId, [this.keys.roster(sessionId), this.keys.presence(sessionId)], encodeId(member),
    );
  }

  /**
   * The service gives a player points for a reason, such as a round; given for it again they count once.
   * Serves prd.md:7, US-012 (prd.md:89), US-013 (prd.md:92) and 1 more.
   *
   * unknown: the one whom it is about has no seat here. again: the points for this were given before.
   */
  async award(
    sessionId: Id, target: Id, reason: Id, amount: number, options: { opId?: string } = {},
  ): Promise<Versioned<AwardResult>> {
    return this.act(
      "award", sessionId, options.opId, [this.keys.roster(sessionId), this.keys.score(sessionId)], encodeId(target),
      encodeId(reason), String(amount),
    );
  }

  /**
   * The service takes back what the last award gave for a reason, such as a round that is skipped; how much is
   * recorded. Serves US-015 (prd.md:99).
   *
   * unknown: nothing is known to be given for this.
   */
  async takeBack(
    sessionId: Id, target: Id, reason: Id, options: { opId?: string } = {},
  ): Promise<Versioned<TakeBackResult>> {
    return this.act(
      "take_back", sessionId, options.opId, [this.keys.score(sessionId)], encodeId(target), encodeId(reason),
    );
  }

  /**
   * Somebody takes a seat under a name that nobody else has; who had a seat has it again. Serves prd.md:17,
   * US-002 (prd.md:45), US-002.2 (prd.md:48) and 5 more.
   *
   * banned: this member or device was banned from here. bad name: the name is too short or too long, or is not
   * the one that is compared. name taken: another member has this name. full: no seat is left.
   */
  async join(
    sessionId: Id, member: Id, connection: Id, device: Id, name: string,
    options: { opId?: string; capacity?: number; leaseMs?: number; connections?: number; nameLeast?: number; nameMost?: number } = {},
  ): Promise<Versioned<JoinResult>> {
    return this.act(
      "join", sessionId, options.opId,
      [this.keys.roster(sessionId), this.keys.presence(sessionId), this.keys.name(sessionId)], encodeId(member),
      encodeId(connection), encodeId(device), name, foldName(name), String(options.capacity ?? 60),
      String(options.leaseMs ?? 90000), String(options.connections ?? 1), String(options.nameLeast ?? 2),
      String(options.nameMost ?? 20),
    );
  }

  /**
   * The host removes a player, with points and all that goes with the seat, or one who watches; neither this
   * one nor the device comes back. Serves US-006 (prd.md:62), US-006.1 (prd.md:64).
   *
   * not allowed: nobody does this to the owner. unknown: the one whom it is about is not here. full: as many
   * are banned as may be.
   */
  async kick(
    sessionId: Id, member: Id, target: Id, options: { opId?: string; bans?: number } = {},
  ): Promise<Versioned<KickResult>> {
    return this.act(
      "kick", sessionId, options.opId,
      [this.keys.roster(sessionId), this.keys.presence(sessionId), this.keys.score(sessionId)], encodeId(member),
      encodeId(target), String(options.bans ?? 128), WITH_SEAT,
    );
  }

  /**
   * A spectator follows read-only: no seat, no vote, and not counted against the seats. Serves US-007
   * (prd.md:66), US-007.1 (prd.md:68).
   *
   * banned: this member or device was banned from here. full: as many watch as may.
   */
  async watch(
    sessionId: Id, member: Id, connection: Id, device: Id,
    options: { opId?: string; watchers?: number; leaseMs?: number } = {},
  ): Promise<Versioned<WatchResult>> {
    return this.act(
      "watch", sessionId, options.opId, [this.keys.presence(sessionId)], encodeId(member), encodeId(connection),
      encodeId(device), String(options.watchers ?? 5), String(options.leaseMs ?? 90000),
    );
  }

  /**
   * The host ends the room; it stays readable until its result was handed over. Serves US-023 (prd.md:133).
   *
   * not allowed: the role of who calls does not do this.
   */
  async endGame(sessionId: Id, member: Id, options: { opId?: string } = {}): Promise<Versioned<EndGameResult>> {
    return this.act("end_game", sessionId, options.opId, [], encodeId(member));
  }

  /**
   * A worker ends a room in which nothing happened for the idle time. Serves US-024 (prd.md:137).
   *
   * early: something happened within that time.
   */
  async endIdle(sessionId: Id, options: { opId?: string; idleMs?: number } = {}): Promise<Versioned<EndIdleResult>> {
    return this.act("end_idle", sessionId, options.opId, [], String(options.idleMs ?? 1800000));
  }

  /**
   * The host starts over with everybody who is there: the lobby again, and nothing is left of the rounds and
   * points before. Also after the end, once the result was handed over. Serves US-025 (prd.md:141).
   *
   * not allowed: the role of who calls does not do this. not now: the phase is another one. unnamed: keys of
   * rounds are missing, whose ends of names follow: the client sends them by itself.
   */
  async rematch(sessionId: Id, member: Id, options: { opId?: string } = {}): Promise<Versioned<RematchResult>> {
    return this.act(
      "rematch", sessionId, options.opId, [this.keys.score(sessionId), this.keys.buzzer(sessionId)], encodeId(member),
    );
  }

  /**
   * A player gives one answer, and the first one counts; only how many there are is announced, never whose or
   * what. Serves US-009 (prd.md:76), US-009.1 (prd.md:78), US-009.2 (prd.md:79) and 3 more.
   *
   * no seat: who calls has no seat here. not now: the phase is another one. stale: it is not the current one
   * any more. late: the time is over by the server's clock. again: the member's first one counts, and is
   * there.
   */
  async answer(
    sessionId: Id, member: Id, round: Id, value: unknown, options: { opId?: string } = {},
  ): Promise<Versioned<AnswerResult>> {
    return this.act(
      "answer", sessionId, options.opId, [this.keys.roster(sessionId), this.keys.answer(sessionId, round)],
      encodeId(member), encodeId(round), json(value),
    );
  }

  /**
   * The service ends the round as soon as every player who is there has given one answer; who is marked away
   * is not waited for. Serves US-011.1 (prd.md:87).
   *
   * not now: the phase is another one. stale: it is not the current one any more. waiting: somebody who is
   * there has not yet.
   */
  async allAnswered(sessionId: Id, round: Id, options: { opId?: string } = {}): Promise<Versioned<AllAnsweredResult>> {
    return this.act(
      "all_answered", sessionId, options.opId,
      [this.keys.roster(sessionId), this.keys.presence(sessionId), this.keys.answer(sessionId, round)],
      encodeId(round),
    );
  }

  /**
   * A player goes into a team that has room; the points of a team are those of its members. Serves US-018
   * (prd.md:110).
   *
   * no seat: who calls has no seat here. not now: the phase is another one. full: as many are in it as may.
   */
  async chooseTeam(
    sessionId: Id, member: Id, team: Id, options: { opId?: string; most?: number } = {},
  ): Promise<Versioned<ChooseTeamResult>> {
    return this.act(
      "choose_team", sessionId, options.opId, [this.keys.roster(sessionId), this.keys.team(sessionId)],
      encodeId(member), encodeId(team), String(options.most ?? 6),
    );
  }
}
