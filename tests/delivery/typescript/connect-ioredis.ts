import { Redis } from "ioredis";
import type { Connection } from "./redis-plan-client.js";

export async function connect(address: string): Promise<{ client: Connection; close: () => Promise<void> }> {
  const client = new Redis(address, { maxRetriesPerRequest: 1 });
  return {
    client,
    close: async () => {
      await client.quit();
    },
  };
}
