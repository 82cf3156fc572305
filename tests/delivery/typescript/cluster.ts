// Follows sessions on a cluster; each line on stdin asks for what their copies are and where they are followed, or, drivers, of how many primaries.
// node cluster.js PORT '["s1", …]' sharded|plain
import { createInterface } from "node:readline";
import { Keys, Operations } from "./redis-plan-client.js";
import { TIMING } from "./redis-plan-periods.js";
import { ClusterDriver } from "./redis-plan-sync-cluster.js";
import type { SyncClient } from "./redis-plan-sync.js";
import { connectCluster } from "./connect.js";

const [port = "", named = "[]", form = ""] = process.argv.slice(2);
const keys = new Keys();
const url = (host: string, at: number): string => `redis://${host}:${at}`;
const { client, close } = await connectCluster(Number(port));
const operations = new Operations(client, keys);
// a beacon every 20 ms: some meet a slot on its way
const timing = { ...TIMING, commandMs: 1000, beaconMs: 20, probeMs: 1000, backoffMs: 50, backoffCapMs: 200 };
const cluster = new ClusterDriver([url("127.0.0.1", Number(port))], url, (id, e, v) => operations.catchUp(id, e, v), keys, timing, {
  sharded: form === "sharded",
  warn: () => {},
  signals: [(session) => `${keys.events(session)}-signals`],
});
const heard = new Map<string, string>();
const twice = new Set<string>(); // each signal is sent once
function hear(session: string, _: SyncClient, message: string | undefined): void {
  const event = message === undefined ? undefined : (JSON.parse(message) as { t: string; d: string });
  if (event?.t !== "~beat") return;
  if (heard.get(session) === event.d) twice.add(session);
  heard.set(session, event.d);
}
const copies = new Map<string, SyncClient>();
for (const session of JSON.parse(named) as string[]) copies.set(session, await cluster.follow(session, hear));
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "drivers") {
    console.log(cluster.drivers.size);
    continue;
  }
  const has = [...copies].map(([s, { mode, epoch, version, state }]) => [
    s,
    { mode, epoch, version, n: state.n, at: cluster.placeOf(s), heard: heard.get(s), twice: twice.has(s) },
  ]);
  console.log(JSON.stringify(Object.fromEntries(has)));
}
cluster.close();
await close();
