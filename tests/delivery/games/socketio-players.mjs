// Players with the stock client of Socket.IO; the rule is the delivered one, compiled beside this file.
// Each line on stdin is {n, do, name, …}; the answer on stdout has the same n.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";
import { SyncClient } from "./redis-plan-sync.js";

const players = new Map();

function come({ name, url, hello }) {
  const p = { copy: new SyncClient(), closes: [], texts: [], view: {}, refused: [] };
  const catchUp = async () => {
    const screen = await p.socket.timeout(3000).emitWithAck("look").catch(() => null);
    if (screen) take(screen);
    else if (p.socket.connected) setTimeout(catchUp, 100);
  };
  const step = (what) => what === "catch up" && void catchUp();
  const take = ({ version, epoch, ownRole, state, ...d }) => {
    p.view = { v: version, role: ownRole, d };
    p.texts.push(JSON.stringify(d));
    step(p.copy.caughtUp({ kind: "snapshot", version, epoch, state }));
  };
  p.catchUp = catchUp;
  p.socket = io(url, { auth: hello, transports: ["websocket"], forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 500 });
  p.socket.on("connect", () => p.copy.disconnected()); // the server sends the screen at each connection
  p.socket.on("screen", take);
  p.socket.on("event", (text) => (p.texts.push(text), step(p.copy.receive(text))));
  p.socket.on("at", (epoch, version) => step(p.copy.beacon(epoch, version)));
  p.socket.on("bye", (word) => p.closes.push(word));
  p.socket.on("connect_error", (error) => error.message === "removed" && p.closes.push("removed"));
  players.set(name, p);
}

async function ask({ socket }, { op, kind, about }) {
  for (;;) {
    if (!socket.connected) await new Promise((resolve) => setTimeout(resolve, 50));
    else {
      const done = await socket.timeout(3000).emitWithAck("act", kind, about, op).catch(() => null);
      if (done) return done.status;
    }
  }
}

async function answer(given) {
  const p = players.get(given.name);
  if (given.do === "come") come(given);
  if (given.do === "ask") return { status: await ask(p, given) };
  if (given.do === "lose") p.socket.io.engine.close(); // as a network does it: the client comes back by itself
  if (given.do === "stop") p.socket.disconnect();
  if (given.do !== "look") return {};
  if (given.anew) await p.catchUp();
  const { mode, version, state } = p.copy;
  return { mode, version, state, view: p.view, closes: p.closes, refused: p.refused, texts: given.texts ? p.texts : [] };
}

for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line);
  void answer(given).then((found) => process.stdout.write(JSON.stringify({ n: given.n, ...found }) + "\n"));
}
process.exit(0);
