import { createClient } from "redis";
import type { Connection } from "./redis-plan-client.js";

export async function connect(address: string): Promise<{ client: Connection; close: () => Promise<void> }> {
  const client = createClient({ socket: { path: address, tls: false } });
  await client.connect();
  return {
    client,
    close: async () => {
      await client.close();
    },
  };
}
