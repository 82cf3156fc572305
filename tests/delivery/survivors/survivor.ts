// A process that uses only the delivered files: it follows sessions, changes them, and says on demand what it has.
// node survivor.js FOLDER '["redis://…"]' '["s1", …]'; each line on stdin asks for a report, "pause" and "go on" hold the writer.
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Keys, Operations } from "./redis-plan-client.js";
import { TIMING } from "./redis-plan-periods.js";
import { Link, SyncDriver } from "./redis-plan-sync-driver.js";
import type { SyncClient } from "./redis-plan-sync.js";

const [folder = "", urls = "[]", named = "[]"] = process.argv.slice(2);
const sessions = JSON.parse(named) as string[];
const timing = { ...TIMING, beaconMs: 300, probeMs: 600, commandMs: 500, backoffCapMs: 400 };
const keys = new Keys("test");
const link = new Link(JSON.parse(urls) as string[], timing);
const operations = new Operations(link, keys, "auto", `${folder}/functions-eval`);
const driver = new SyncDriver(link, (id, e, v) => operations.catchUp(id, e, v), keys, timing, {
  probe: keys.probe("survivor"),
  renew: operations.renew.bind(operations),
  warn: () => {},
  signals: [(session) => `${keys.events(session)}-signals`],
});
const copies = new Map<string, SyncClient>();
const heard: Record<string, string> = Object.fromEntries(sessions.map((session) => [session, ""]));
function hear(session: string, _: SyncClient, message: string | undefined): void {
  const event = message === undefined ? undefined : (JSON.parse(message) as { t: string; d: string });
  if (event?.t === "~beat") heard[session] = event.d;
}
for (const session of sessions) copies.set(session, await driver.follow(session, hear));
const acked: Record<string, number> = Object.fromEntries(sessions.map((session) => [session, 0]));
let [going, running, retried] = [true, true, 0];

async function write(): Promise<void> {
  for (let number = 1; running; number += 1) {
    for (const session of sessions) {
      for (let done = false; !done && running; ) {
        if (going) {
          const given = { opId: `op-${number}`, fields: { total: number } };
          done = await operations.apply(session, "count", { set: { total: number } }, given).then(
            () => true,
            () => false, // lost on the way, or refused: the same operation once more
          );
          if (!done) retried += 1;
        }
        if (!done) await sleep(20);
      }
      acked[session] = number;
    }
    await sleep(5);
  }
}

const writing = write();
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "end") break;
  if (line === "pause") {
    going = false;
    await sleep(600);
  } else if (line === "go on") going = true;
  const has = [...copies].map(([s, c]) => [s, { mode: c.mode, epoch: c.epoch, version: c.version, state: c.state }]);
  const counts = { ...link.counts, retried, lives: driver.counts.lost };
  console.log(JSON.stringify({ acked, heard, copies: Object.fromEntries(has), counts }));
}
running = false;
await writing;
driver.close();
link.drop();
