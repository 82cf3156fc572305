import { Cluster, Redis } from "ioredis";
import type { Connection } from "./redis-plan-client.js";

type Connected = { client: Connection; close: () => Promise<void> };

/** Connects to a socket's path or a port; enableReadyCheck off, so that a server that loads is asked and not waited for. */
export async function connect(address: string): Promise<Connected> {
  const to = /^\d+$/.test(address) ? { port: Number(address) } : { path: address };
  const client = new Redis({ ...to, maxRetriesPerRequest: 1, enableReadyCheck: false });
  client.on("error", () => {});
  return {
    client,
    close: async () => {
      client.disconnect();
    },
  };
}

export async function connectCluster(port: number): Promise<Connected> {
  const client = new Cluster([{ host: "127.0.0.1", port }], { maxRedirections: 4, clusterRetryStrategy: () => 50, retryDelayOnClusterDown: 50 });
  client.on("error", () => {});
  return {
    client,
    close: async () => {
      client.disconnect();
    },
  };
}
