import { createClient, createCluster } from "redis";
import type { Connection } from "./redis-plan-client.js";

type Connected = { client: Connection; close: () => Promise<void> };

/** Connects to a socket's path or a port. */
export async function connect(address: string): Promise<Connected> {
  const to = /^\d+$/.test(address) ? { host: "127.0.0.1", port: Number(address) } : { path: address, tls: false as const };
  const client = createClient({ socket: to });
  client.on("error", () => {});
  await client.connect();
  return {
    client,
    close: async () => {
      client.destroy();
    },
  };
}

export async function connectCluster(port: number): Promise<Connected> {
  const client = createCluster({ rootNodes: [{ socket: { host: "127.0.0.1", port } }] });
  client.on("error", () => {});
  await client.connect();
  return {
    client,
    close: async () => {
      client.destroy();
    },
  };
}
