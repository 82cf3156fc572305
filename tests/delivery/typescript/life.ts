// Plays one session through the generated client and prints what each step answered; the tests compare.
import { BadArgumentError, Keys, Operations, bucket, encodeId, type Id } from "./redis-plan-client.js";
import { connect } from "./connect.js";

const [address = "", form = "function", scripts = "", hostile = "[]"] = process.argv.slice(2);
const { client, close } = await connect(address);
const keys = new Keys("test");
const o = new Operations(client, keys, form as "function" | "eval", scripts);
const say: Record<string, unknown> = {};

say.encoded = (JSON.parse(hostile) as Id[]).map(encodeId);
say.buckets = ["k3v9", "a:b", 17].map((id) => bucket(id));
say.channel = keys.events("k3:}");
say.create = await o.create("s", { epoch: "ab", fields: { owner: "ann" } });
say.again = await o.create("s");
say.join = await o.join("s", "ann", "c1", { name: "Ann" }, { capacity: 1 });
say.full = await o.join("s", "bob", "c1", {}, { capacity: 1 });
say.apply = await o.apply("s", "rename", { to: "x" }, { opId: "1", expectedVersion: 1, fields: { title: "x" } });
say.duplicate = await o.apply("s", "rename", null, { opId: "1" });
say.conflict = await o.apply("s", "rename", null, { expectedVersion: 9 });
say.record = await o.recordAnswer("s", 1, "ann", "b", { once: true });
say.taken = await o.recordAnswer("s", 1, "ann", "c", { once: true });
say.score = await o.recordScore("s", "ann", 2.5);
say.delta = await o.catchUp("s", "ab", 3);
say.snapshot = await o.catchUp("s", "", 0);
say.heartbeat = await o.heartbeat("s", "ann", "c1");
const own = keys.state("s").replace(/state$/, "own");
say.named = o.all("s", [keys.answer("s", 8), own, keys.answer("s", 8), keys.score("s")]).slice(-2);
say.swept = await o.sweep("s");
say.leave = await o.leave("s", "ann", { connection: "c1" });
say.ended = [await o.end("s"), await o.end("s")];
say.early = await o.remove("s");
say.handed = await o.handOver("s", "row 1");
say.removed = await o.remove("s");
say.gone = await o.catchUp("s", "ab", 5);
say.allowed = await o.hitRate("join", "u", 1, 1);
say.refused = await o.hitRate("join", "u", 1, 1);
const wins = await Promise.all(
  Array.from({ length: 200 }, async (_, n) => {
    if (n === 0) await o.create("race");
    return (await o.apply("race", "set", {}, { opId: "same" })).status;
  }),
);
say.wins = wins.filter((status) => status === "ok").length;
try {
  await o.apply("s", "x".repeat(2000), null);
} catch (error) {
  say.typed = error instanceof BadArgumentError ? error.message : String(error);
}
try {
  await o.apply("s", "x", { n: NaN });
} catch (error) {
  say.nan = error instanceof RangeError;
}
try {
  keys.state("");
} catch (error) {
  say.empty = error instanceof RangeError;
}
console.log(JSON.stringify(say));
await close();
