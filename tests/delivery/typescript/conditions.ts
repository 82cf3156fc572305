// Sends one change for each line of stdin, "<session> <operation id>", and prints its status or the class of the error.
import { createInterface } from "node:readline";
import { Keys, Operations } from "./redis-plan-client.js";
import { connect, connectCluster } from "./connect.js";

const [address = "", cluster = ""] = process.argv.slice(2);
const { client, close } = cluster ? await connectCluster(Number(address)) : await connect(address);
const operations = new Operations(client, new Keys("test"));
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [session = "", opId = ""] = line.split(" ");
  const said = await operations.apply(session, "set", null, { opId, fields: { by: opId } }).then(
    ({ status }) => status,
    (error: Error) => `${error.constructor.name} ${error.message}`,
  );
  console.log(said);
}
await close();
