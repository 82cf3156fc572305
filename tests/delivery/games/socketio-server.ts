/**
 * The sample's game on Socket.IO 4, written against the delivered files alone: node socketio-server.js PORT.
 *
 * No Redis adapter: the design's channel carries each event once, from the atomic step to every process, which passes it on
 * to its own sockets (`io.local`). REDIS_URL has the server, GATEWAY_SECRET signs the tickets.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { Server, type Socket } from "socket.io";
import { Actions, type Snapshot } from "./redis-plan-actions.js";
import { Keys, Operations, type Versioned } from "./redis-plan-client.js";
import { HEARTBEAT_MS, TIMING } from "./redis-plan-periods.js";
import { Link, SyncDriver, persist } from "./redis-plan-sync-driver.js";
import { seenBy, type Event, type SyncClient } from "./redis-plan-sync.js";

/** Whom a socket speaks for, as its ticket says; without a seat it watches, or leads. */
interface Player {
  readonly session: string;
  readonly member: string;
  readonly role: string;
  readonly connection: string;
  readonly name: string;
  readonly seat: boolean;
}

type Told = { readonly to?: string; readonly taken?: string[]; readonly target?: string; readonly m?: string; readonly why?: string };
type Done = { readonly status: string; readonly version?: number; readonly why?: string };

interface FromClient {
  act: (kind: string, about: Record<string, unknown>, op: string, done: (told: Done) => void) => void;
  look: (answer: (screen: Snapshot | null) => void) => void;
}

interface ToClient {
  event: (text: string) => void;
  screen: (screen: Snapshot) => void;
  at: (epoch: string, version: number) => void;
  bye: (word: string) => void;
}

type Seat = Socket<FromClient, ToClient, Record<string, never>, { player: Player }>;

const LEADERS = ["host", "cohost", "moderator"];
const [port = "8080"] = process.argv.slice(2);
const keys = new Keys("prod");
const link = new Link([process.env["REDIS_URL"] ?? ""], TIMING);
const operations = new Operations(link, keys);
const actions = new Actions(operations);
const driver = new SyncDriver(link, (id, e, v) => operations.catchUp(id, e, v), keys, TIMING, {
  probe: keys.probe(port),
  renew: operations.renew.bind(operations),
});
const copies = new Map<string, SyncClient>();
const http = createServer();
const io = new Server<FromClient, ToClient, Record<string, never>, { player: Player }>(http, { transports: ["websocket"] });

const patiently = <T>(send: () => Promise<T>): Promise<T> => persist(send, TIMING, 20);
const leads = (copy: SyncClient, member: string): boolean =>
  copy.state["owner"] === member || LEADERS.includes(String(copy.state[`role:${member}`]));
const here = (session: string): Seat[] =>
  [...(io.of("/").adapter.rooms.get(session) ?? [])].flatMap((id) => (io.of("/").sockets.get(id) as Seat | undefined) ?? []);

/** Says why, then closes: there are no close codes, and the client does not come back by itself after it. */
function bye(socket: Seat, word: string): void {
  socket.emit("bye", word);
  socket.disconnect(true);
}

io.use((socket, next) => {
  const given = socket.handshake.auth as Record<string, unknown>;
  const [session, member, role] = [String(given["s"]), String(given["m"]), String(given["r"])];
  const ticket = createHmac("sha256", process.env["GATEWAY_SECRET"] ?? "").update([session, member, role].join("\n")).digest("hex");
  const shown = Buffer.from(String(given["k"]).padEnd(64).slice(0, 64));
  if (!timingSafeEqual(Buffer.from(ticket), shown)) return next(new Error("removed"));
  const word = (name: string): string => String(given[name] ?? member);
  socket.data.player = {
    session, member, role, connection: word("c"), name: word("name"), seat: given["seat"] !== false,
  };
  next();
});

async function enter(p: Player): Promise<Versioned<string>> {
  if (!p.seat && LEADERS.includes(p.role)) return actions.attend(p.session, p.member, p.connection);
  if (!p.seat) return actions.watch(p.session, p.member, p.connection, p.member);
  return actions.join(p.session, p.member, p.connection, p.member, p.name);
}

/** The whole screen as this member may see it; a client catches up by it, whatever it missed. */
async function screenOf(p: Player): Promise<Snapshot | undefined> {
  const round = decodeURIComponent(String(copies.get(p.session)?.state["round"] ?? "none"));
  return patiently(() => actions.snapshotOf(p.session, p.member, round));
}

async function show(socket: Seat): Promise<void> {
  const screen = await screenOf(socket.data.player);
  if (screen === undefined) bye(socket, "gone");
  else socket.emit("screen", screen);
}

/** Passes an event on, to each as it may see it. */
function heard(session: string, copy: SyncClient, text: string | undefined): void {
  if (text === undefined) {
    if (copy.mode !== "catching up") for (const socket of here(session)) void show(socket).catch(() => {});
    return;
  }
  const event = JSON.parse(text) as Event;
  const about = (event.d ?? {}) as Told;
  if (about.to === undefined) io.local.to(session).emit("event", text);
  else for (const socket of here(session)) socket.emit("event", seenBy(text, leads(copy, socket.data.player.member), socket.data.player.member));
  for (const socket of event.t === "join" || event.t === "leave" ? here(session) : []) {
    const { member, connection } = socket.data.player;
    if (event.t === "join" && about.taken?.includes(`${member}#${connection}`)) bye(socket, "taken over");
    if (event.t !== "leave" || (about.target ?? about.m) !== member) continue;
    if (about.why === "lease") enter(socket.data.player).catch(() => {}); // its heartbeats came too late, and it is still here
    else bye(socket, "removed");
  }
}

async function act(p: Player, kind: string, about: Record<string, unknown>, op: string): Promise<Done> {
  return patiently(() => actions.asked(kind, p.session, p.member, about, `${p.member}:${op}`));
}

io.on("connection", (socket) => {
  const p = socket.data.player;
  // listeners first: what the client sends while it comes in is not lost
  socket.on("act", (kind, about, op, done) => {
    act(p, kind, about, op).then(done, (error: unknown) => {
      if (error instanceof TypeError) done({ status: "refused", why: error.message });
    }); // no acknowledgement where the outcome is not known: the client's timeout sends the same operation again
  });
  socket.on("look", (answer) => void screenOf(p).then((screen) => answer(screen ?? null), () => {}));
  void (async () => {
    if (!copies.has(p.session)) copies.set(p.session, await driver.follow(p.session, heard));
    const { status } = await patiently(() => enter(p));
    if (status === "ok" || status === "duplicate" || status === "ended") {
      await socket.join(p.session);
      await show(socket);
    } else bye(socket, status === "banned" ? "removed" : status);
  })().catch(() => socket.conn.close()); // a lost transport: the client comes back by itself
});

setInterval(() => {
  for (const socket of io.of("/").sockets.values()) {
    const p = (socket as Seat).data.player;
    const copy = copies.get(p.session);
    const beat = operations.heartbeat(p.session, p.member, p.connection);
    beat.then((lease) => (lease === "lapsed" ? enter(p) : undefined)).catch(() => {});
    if (copy?.mode === "live") socket.emit("at", copy.epoch, copy.version);
  }
}, HEARTBEAT_MS);

http.listen(Number(port), "127.0.0.1");
