// Forgets sessions and follows some again while a connection subscribes, and prints what their copies came to.
// node again.js PORT
import { Keys, Operations } from "./redis-plan-client.js";
import { TIMING } from "./redis-plan-periods.js";
import { Link, SyncDriver } from "./redis-plan-sync-driver.js";
import { connect } from "./connect.js";

const port = process.argv[2] ?? "";
const { client, close } = await connect(port);
const keys = new Keys();
const operations = new Operations(client, keys);
const timing = { ...TIMING, beaconMs: 60_000, probeMs: 60_000 };
let [reached, letGo] = [(): void => {}, (): void => {}];
const held = new Promise<void>((resolve) => (reached = resolve));
const free = new Promise<void>((resolve) => (letGo = resolve));

/** Its subscriber stays behind its first subscription until it is let go. */
class HeldLink extends Link {
  override async subscriber(lost: (error: Error) => void): ReturnType<Link["subscriber"]> {
    const wire = await super.subscriber(lost);
    const subscribe = wire.subscribe.bind(wire);
    wire.subscribe = async (...given) => {
      await subscribe(...given);
      reached();
      await free;
    };
    return wire;
  }
}

const until = async (so: () => boolean): Promise<void> => {
  while (!so()) await new Promise((resolve) => setTimeout(resolve, 10));
};
const sessions = Array.from({ length: 514 }, (_, n) => `again${n}`); // more than one batch
const [first = "", later = "", forgotten = ""] = [sessions[0], sessions[512], sessions[513]];
for (const session of [first, later, forgotten]) await operations.create(session);
let lost = false;
const signals = (session: string): string => `signals:${session}`;
const told: (string | undefined)[] = [];
const link = new HeldLink([`redis://127.0.0.1:${port}`], timing);
const driver = new SyncDriver(
  link,
  async (id, epoch, version) => {
    if (id === later && !lost) {
      lost = true; // the first answer for this one never comes
      await new Promise(() => {});
    }
    return operations.catchUp(id, epoch, version);
  },
  keys,
  timing,
  { signals: [signals] },
);
await Promise.all(sessions.map((session) => driver.follow(session)));
await held;
for (const session of [first, forgotten]) await driver.unfollow(session);
const again = await driver.follow(first, (_id, _copy, message) => told.push(message));
letGo();
await until(() => lost);
await driver.unfollow(later);
const copies = [again, await driver.follow(later)];
await until(() => copies.every(({ mode }) => mode === "live"));
for (const session of [first, later]) await operations.apply(session, "set", { set: { x: "1" } }, { fields: { x: "1" } });
await until(() => copies.every(({ state }) => state["x"] === "1"));
const { epoch: e, version } = again;
const forged = JSON.stringify({ e, v: version + 1, ts: 1, t: "x", op: "", d: { set: { x: "no" } } });
for (const text of [forged, "~", '{"t":"x"}', '{"t":"~cursor"}']) await link.call("PUBLISH", signals(first), text);
await until(() => told.at(-1) === '{"t":"~cursor"}');
const made = [again.version - version, ...told.filter((text) => text === forged)];
const subscribed = (await link.call("PUBSUB", "NUMSUB", keys.events(forgotten))) as [string, number];
console.log(JSON.stringify({ snapshots: copies.map(({ counts }) => counts.snapshot), forgotten: subscribed[1], made }));
driver.close();
link.drop();
await close();
process.exit(0); // the answer that never comes
