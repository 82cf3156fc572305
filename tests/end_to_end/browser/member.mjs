// A page in headless Chromium as a member: its own WebSocket, and the delivered rule as it is compiled for browsers.
// node member.mjs CHROMIUM redis-plan-sync.js; each line on stdin is {n, do, …}, the answer on stdout has the same n.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [executablePath, rule] = process.argv.slice(2);

// runs in the page, behind the rule
const page = `
const copy = new SyncClient(), asked = new Map(), closes = [], refused = [], texts = [];
let view = {}, socket, over = false, attempt = 0;
const say = (words) => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify(words));
const step = (what) => what === "catch up" && say({ t: "at", e: copy.epoch, v: copy.version, ts: copy.changedAt });

function hear(text) {
  attempt = 0;
  texts.push(text);
  const said = JSON.parse(text);
  if (!said.t.startsWith("~")) return step(copy.receive(text));
  if (said.t === "~snapshot") step(copy.caughtUp({ kind: "snapshot", version: said.v, epoch: said.e, state: said.d }));
  if (said.t === "~delta") step(copy.caughtUp({ kind: "delta", version: said.v, events: said.events }));
  if (said.t === "~at") step(copy.beacon(said.e, said.v));
  if (said.t === "~view") view = said;
  if (said.t === "~refused") refused.push(said.why);
  if (said.t === "~done") asked.get(said.op)?.(said.status);
}

function come(url, hello) {
  socket = new WebSocket(url);
  socket.onopen = () => (copy.disconnected(), say({ ...hello, e: copy.epoch, v: copy.version, ts: copy.changedAt }));
  socket.onmessage = ({ data }) => hear(data);
  socket.onclose = ({ code }) => {
    copy.disconnected();
    closes.push(String(code));
    if (!over) setTimeout(() => come(url, hello), Math.random() * Math.min(1000, 50 * 2 ** ++attempt));
  };
}

window.member = {
  come: ({ url, hello }) => come(url, hello),
  ask: ({ op, kind, about }) => new Promise((resolve) => {
    const send = () => say({ t: "act", op, k: kind, d: about });
    const again = setInterval(send, 1000); // the same operation until its outcome is known
    asked.set(op, (status) => (clearInterval(again), resolve({ status })));
    send();
  }),
  look: () => ({ mode: copy.mode, version: copy.version, state: copy.state, view, closes, refused, texts }),
  stop: () => ((over = true), socket.close()),
};
`;

const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath, args: quiet });
const tab = await browser.newPage();
await tab.addScriptTag({ type: "module", content: `${readFileSync(rule, "utf-8")}\n${page}` });
await tab.waitForFunction("window.member !== undefined");
for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line);
  void tab.evaluate((told) => window.member[told.do](told), given).then((found) => console.log(JSON.stringify({ n: given.n, ...found })));
}
await browser.close();
process.exit(0);
