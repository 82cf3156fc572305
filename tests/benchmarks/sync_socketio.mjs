// The least Socket.IO 4 server with one of its Redis adapters, as a gateway of tests/benchmarks/sync.py:
//     node sync_socketio.mjs classic|sharded|streams REDIS_PORT
// A client joins the room that its `auth` names. Each line on stdin is answered with the CPU time and when it was so.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// the packages are those of the delivery's tests
const require = createRequire(pathToFileURL(process.env.NODE_PACKAGES + "/"));
const { Server } = require("socket.io");
const { createClient } = require("redis");
const [, , way, port] = process.argv;

async function connected() {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  await client.connect();
  return client;
}

async function adapter() {
  const [first, second] = [await connected(), await connected()];
  if (way === "streams") return require("@socket.io/redis-streams-adapter").createAdapter(first);
  const { createAdapter, createShardedAdapter } = require("@socket.io/redis-adapter");
  return way === "sharded" ? createShardedAdapter(first, second) : createAdapter(first, second);
}

const http = createServer();
const io = new Server(http, { transports: ["websocket"], pingInterval: 600_000, adapter: await adapter() });
io.on("connection", async (socket) => {
  await socket.join(socket.handshake.auth.s);
  socket.emit("e", { t: "~snapshot", e: "ab", v: 0, d: {} });
});
createInterface({ input: process.stdin }).on("line", () => {
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ at_s: Number(process.hrtime.bigint()) / 1e9, cpu_s: (user + system) / 1e6 }));
}).on("close", () => process.exit(0));
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => console.log(`listening on 127.0.0.1:${http.address().port}`));
