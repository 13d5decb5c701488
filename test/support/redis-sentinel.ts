/** A master, its replica, and three Sentinels that put the replica in its place. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { freePort } from '../../src/runtime/free-port.ts';
import { type GuardedChild, spawnGuarded } from './children.ts';
import { eventually } from './eventually.ts';
import { quiet } from './redis.ts';
import { RealRedis, redisBinary, type RedisSettings } from './redis-server.ts';

const downAfterMs = 1000;

export class RedisSentinel implements AsyncDisposable {
  readonly master: RealRedis;
  readonly replica: RealRedis;
  private readonly ports: readonly number[];
  private readonly children: readonly GuardedChild[];
  private readonly directory: string;

  private constructor(
    master: RealRedis,
    replica: RealRedis,
    ports: readonly number[],
    children: readonly GuardedChild[],
    directory: string,
  ) {
    this.master = master;
    this.replica = replica;
    this.ports = ports;
    this.children = children;
    this.directory = directory;
  }

  static async start(settings: RedisSettings = {}): Promise<RedisSentinel> {
    const master = await RealRedis.start(settings);
    const replica = await RealRedis.start({ ...settings, replicaof: `127.0.0.1 ${master.port}` });
    const directory = await mkdtemp(join(tmpdir(), 'runfleet-sentinel-'));
    const ports = await Promise.all([freePort(), freePort(), freePort()]);
    const children: GuardedChild[] = [];
    for (const port of ports) {
      const file = join(directory, `${port}.conf`);
      const lines = [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${directory}`,
        `sentinel monitor main 127.0.0.1 ${master.port} 2`,
        `sentinel down-after-milliseconds main ${downAfterMs}`,
        'sentinel failover-timeout main 5000',
      ];
      await writeFile(file, `${lines.join('\n')}\n`);
      children.push(await spawnGuarded(redisBinary ?? 'redis-server', [file, '--sentinel']));
    }
    const started = new RedisSentinel(master, replica, ports, children, directory);
    try {
      await started.agree();
    } catch (error) {
      await started[Symbol.asyncDispose]();
      throw error;
    }
    return started;
  }

  get url(): string {
    return `redis+sentinel://${this.ports.map((port) => `127.0.0.1:${port}`).join(',')}/main`;
  }

  /** Master and replica change places while both are up, as for maintenance. */
  async switchOver(): Promise<void> {
    const sentinels: Redis[] = this.ports.map((port) => quiet(`redis://127.0.0.1:${port}`));
    const old = quiet(this.master.url);
    try {
      await sentinels[0]?.call('SENTINEL', 'FAILOVER', 'main');
      await eventually(
        'all Sentinels to name the new master',
        () =>
          Promise.all(sentinels.map((client) => client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'main'))),
        (found) => found.every((address) => String(address).endsWith(`,${this.replica.port}`)),
      );
      await eventually(
        'the old master to follow',
        () => old.info('replication'),
        (info) => info.includes('role:slave') && info.includes('master_link_status:up'),
      );
    } finally {
      for (const client of [...sentinels, old]) client.disconnect();
    }
  }

  /** Resolves when each Sentinel knows the others, the master and its replica, and the replica has all that the master has. */
  private async agree(): Promise<void> {
    const sentinels: Redis[] = this.ports.map((port) => quiet(`redis://127.0.0.1:${port}`));
    const servers = [this.master, this.replica].map(({ url }) => quiet(url));
    try {
      await eventually(
        'the Sentinels to know each other',
        () => Promise.all(sentinels.map((client) => client.call('INFO', 'sentinel'))),
        (infos) => infos.every((info) => /status=ok,.*slaves=1,sentinels=3/.test(String(info))),
      );
      await eventually(
        'the replica to follow',
        () => Promise.all(servers.map((client) => client.info('replication'))),
        (infos) => infos.some((info) => info.includes('master_link_status:up')),
      );
    } finally {
      for (const client of [...sentinels, ...servers]) client.disconnect();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.children.map((child) => child.end()));
    await Promise.all([this.master[Symbol.asyncDispose](), this.replica[Symbol.asyncDispose]()]);
    await rm(this.directory, { recursive: true, force: true });
  }
}
