/**
 * The same on a cluster: one SyncDriver a primary, and each session with the one that answers for its slot.
 *
 * Written by redis-plan: the next build writes it again and keeps an edited one aside.
 *
 *     const url = (host: string, port: number) => `redis://app:PASSWORD@${host}:${port}`;
 *     const cluster = new ClusterDriver([url("HOST", 6379)], url, ask, keys, TIMING, { sharded: true });
 *     const room = await cluster.follow("k3v9");
 */
import { bucket } from "./redis-plan-client.js";
import { Link, LostError, SyncDriver, type Ask, type Listener, type Names, type Options, type Timing } from "./redis-plan-sync-driver.js";
import type { SyncClient } from "./redis-plan-sync.js";

const SLOTS = 16384;

interface Range {
  readonly from: number;
  readonly to: number;
  readonly url: string;
}

/**
 * The copies of the sessions that a process follows, whichever primary holds them.
 *
 * A slot that moves, or a primary that fails, ends a life of its driver's connection, or its beacon fails. Then each of its
 * sessions goes to the driver of the node that has its slot now: the copy stays, and catches up there.
 */
export class ClusterDriver {
  readonly drivers = new Map<string, { readonly driver: SyncDriver; readonly link: Link }>();
  private ranges: readonly Range[] = [];

  /** seeds: any nodes of the cluster; url: how this process reaches the node that the cluster names so. */
  constructor(
    private readonly seeds: readonly string[],
    private readonly url: (host: string, port: number) => string,
    private readonly ask: Ask,
    private readonly keys: Names,
    private readonly timing: Timing,
    private readonly options: Options = {},
  ) {}

  /** Returns the copy of a session; see SyncDriver. */
  async follow(sessionId: string, listener?: Listener): Promise<SyncClient> {
    if (this.ranges.length === 0) await this.look();
    return this.driverOf(sessionId).follow(sessionId, listener);
  }

  /** Forgets a session and its listeners. */
  async unfollow(sessionId: string): Promise<void> {
    for (const { driver } of this.drivers.values()) await driver.unfollow(sessionId);
  }

  /** Ends every driver and its connections. */
  close(): void {
    for (const { driver, link } of this.drivers.values()) {
      driver.close();
      link.drop();
    }
  }

  /** Where a session is followed: the URL of the primary, undefined where it is not. */
  placeOf(sessionId: string): string | undefined {
    return [...this.drivers].find(([, { driver }]) => driver.sessions.some((followed) => followed.sessionId === sessionId))?.[0];
  }

  private driverOf(sessionId: string): SyncDriver {
    const slot = Number(bucket(sessionId, SLOTS));
    const url = this.ranges.find(({ from, to }) => from <= slot && slot <= to)?.url;
    if (url === undefined) throw new LostError(`no primary holds the slot of session ${sessionId}`);
    const known = this.drivers.get(url);
    if (known !== undefined) return known.driver;
    const link = new Link([url], this.timing);
    const driver = new SyncDriver(link, this.ask, this.keys, this.timing, {
      ...this.options,
      elsewhere: (from) => this.place(from),
    });
    this.drivers.set(url, { driver, link });
    return driver;
  }

  /** Hands each session of a driver that lost its connection to the one that has its slot now. */
  private async place(from: SyncDriver): Promise<void> {
    await this.look();
    let failed: unknown;
    for (const followed of from.sessions) {
      try {
        const owner = this.driverOf(followed.sessionId);
        if (owner !== from && from.give(followed)) await owner.take(followed); // else somebody handed it on or forgot it meanwhile
      } catch (error) {
        failed ??= error; // nobody holds its slot now: the others go on, and the next beacon tries it again
      }
    }
    for (const [url, { driver, link }] of this.drivers) {
      if (driver.sessions.length > 0 || this.ranges.some((range) => range.url === url)) continue;
      this.drivers.delete(url); // else it looks for a node that has gone for ever
      driver.close();
      link.drop();
    }
    if (failed !== undefined) throw failed;
  }

  /** Reads who has which slot, from the first node that answers. */
  private async look(): Promise<void> {
    let failed: unknown = new LostError("no node was named");
    for (const url of new Set([...this.drivers.keys(), ...this.seeds])) {
      const link = this.drivers.get(url)?.link ?? new Link([url], this.timing);
      try {
        const rows = (await link.call("CLUSTER", "SLOTS")) as [number, number, [string, number]][];
        this.ranges = rows.map(([from, to, [host, port]]) => ({ from, to, url: this.url(String(host), port) }));
        return;
      } catch (error) {
        failed = error;
      } finally {
        if (!this.drivers.has(url)) link.drop();
      }
    }
    throw failed;
  }
}
