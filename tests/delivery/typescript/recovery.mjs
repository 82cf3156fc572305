// Socket.IO's connection state recovery: what a client has that lost its connection while something was told.
//     node recovery.mjs REDIS_PORT memory|classic|sharded|streams on|off same|other
// Two servers with the adapter on one Redis. The client is on the first, hears "before", loses its connection, "missed" is told by the
// first server, and the client comes back to the same or to the other one; then "after" is told. Prints what it has, as JSON.
import { createServer } from "node:http";
import { createAdapter as classic, createShardedAdapter as sharded } from "@socket.io/redis-adapter";
import { createAdapter as streams } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";
import { io } from "socket.io-client";

const [, , port, way, recovery, back] = process.argv;
const made = [];

async function connected() {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  made.push(client);
  return client.connect();
}

async function adapter() {
  if (way === "memory") return {};
  if (way === "streams") return { adapter: streams(await connected()) };
  const pair = [await connected(), await connected()];
  return { adapter: way === "sharded" ? sharded(...pair) : classic(...pair) };
}

async function served() {
  const http = createServer();
  const kept = recovery === "on" ? { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } } : {};
  const server = new Server(http, { transports: ["websocket"], ...kept, ...(await adapter()) });
  server.on("connection", (socket) => socket.recovered || socket.join("room"));
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  return { server, url: `http://127.0.0.1:${http.address().port}` };
}

const until = async (holds) => {
  for (const end = Date.now() + 10_000; !holds(); await new Promise((done) => setTimeout(done, 10))) {
    if (Date.now() > end) throw new Error("waited 10 s in vain");
  }
};

const [first, second] = [await served(), await served()];
const client = io(first.url, { transports: ["websocket"], reconnectionDelay: 200, reconnectionDelayMax: 200 });
const heard = [];
client.on("told", (what) => heard.push(what));
await until(() => client.connected);
// a server hears through Redis what it tells itself only once it is subscribed
for (let n = 0; !heard.includes("before"); n += 1) {
  first.server.to("room").emit("told", "before");
  await new Promise((done) => setTimeout(done, 100));
}
client.io.engine.close();
if (back === "other") client.io.uri = second.url;
await new Promise((done) => setTimeout(done, 20));
first.server.to("room").emit("told", "missed");
await until(() => client.connected);
const recovered = client.recovered;
await until(() => {
  first.server.to("room").emit("told", "after");
  return heard.includes("after");
});
console.log(JSON.stringify({ recovered, missed: !heard.includes("missed") }));
process.exit(0);
