// A member in Node with a WebSocket client that we did not write; the rule is the delivered one, compiled beside this file.
// node member.mjs '["ws://…"]' '{"t":"join",…}': each line on stdin is a change's fields as JSON, or "report".
import { createInterface } from "node:readline";
import { SyncClient } from "./redis-plan-sync.js";
import WebSocket from "ws";

const [urls, hello] = process.argv.slice(2).map((text) => JSON.parse(text));
const copy = new SyncClient();
const closes = [];
const waiting = new Map(); // changes without an answer, by operation id
let socket, over = false, attempt = 0, number = 0;

const say = (words) => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify(words));
const step = (what) => what === "catch up" && say({ t: "at", e: copy.epoch, v: copy.version, ts: copy.changedAt });
const send = (op) => say({ t: "act", op, k: "count", set: waiting.get(op) });

function hear(text) {
  if (!text.startsWith('{"t":"~')) return step(copy.receive(text));
  const said = JSON.parse(text);
  if (said.t === "~snapshot") step(copy.caughtUp({ kind: "snapshot", version: said.v, epoch: said.e, state: said.d, events: [] }));
  if (said.t === "~delta") step(copy.caughtUp({ kind: "delta", version: said.v, epoch: "", events: said.events }));
  if (said.t === "~snapshot" || said.t === "~delta") for (const op of waiting.keys()) send(op);
  if (said.t === "~at") step(copy.beacon(said.e, said.v));
  if (said.t === "~done" && ["ok", "duplicate"].includes(said.status)) waiting.delete(said.op);
  if (said.t === "~unknown") setTimeout(() => waiting.has(said.op) && send(said.op), 50);
}

function connect() {
  socket = new WebSocket(urls[attempt % urls.length]);
  socket.on("open", () => (copy.disconnected(), say({ ...hello, e: copy.epoch, v: copy.version, ts: copy.changedAt })));
  socket.on("message", (data) => ((attempt = 0), hear(String(data))));
  socket.on("error", () => {});
  socket.on("close", (code) => {
    closes.push(code);
    attempt += 1;
    if (!over) setTimeout(connect, Math.random() * Math.min(1000, 50 * 2 ** attempt));
  });
}

connect();
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== "report") {
    waiting.set(`op-${++number}`, JSON.parse(line));
    send(`op-${number}`);
  }
  const { mode, epoch, version, state } = copy;
  console.log(JSON.stringify({ mode, epoch, version, state, closes, waiting: waiting.size }));
}
over = true;
socket.close();
