/** A Redis Cluster of three masters, of which a slot can be moved from one to another, key by key. */

import type { Redis } from 'ioredis';
import { freePort } from '../../src/runtime/free-port.ts';
import { eventually } from './eventually.ts';
import { RealRedis } from './redis-server.ts';
import { quiet } from './redis.ts';

const slots = 16_384;
const migrateTimeoutMs = 5000;

interface Node {
  readonly server: RealRedis;
  readonly client: Redis;
  readonly id: string;
}

export class RedisCluster implements AsyncDisposable {
  private readonly nodes: readonly Node[];

  private constructor(nodes: readonly Node[]) {
    this.nodes = nodes;
  }

  static async start(): Promise<RedisCluster> {
    const cluster = new RedisCluster(await Promise.all([startNode(), startNode(), startNode()]));
    try {
      await cluster.meet();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  get url(): string {
    return `redis+cluster://${this.nodes.map(({ server }) => `127.0.0.1:${server.port}`).join(',')}`;
  }

  private async meet(): Promise<void> {
    const [first] = this.nodes;
    await Promise.all(
      this.nodes.map(async ({ client }, at) => {
        const from = Math.floor((slots * at) / this.nodes.length);
        const to = Math.floor((slots * (at + 1)) / this.nodes.length) - 1;
        await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
        await client.call('CLUSTER', 'SET-CONFIG-EPOCH', at + 1);
      }),
    );
    const busPort = String(await first?.client.call('CONFIG', 'GET', 'cluster-port')).split(',')[1] ?? '';
    for (const { client } of this.nodes.slice(1))
      await client.call('CLUSTER', 'MEET', '127.0.0.1', first?.server.port ?? 0, busPort);
    await eventually(
      'the nodes to be a cluster',
      () => Promise.all(this.nodes.map(({ client }) => client.call('CLUSTER', 'INFO'))),
      (infos) => infos.every((info) => /cluster_state:ok[^]*cluster_known_nodes:3/.test(String(info))),
    );
  }

  /** All keys of this name's slot go to another node while they are used. `onTheWay` is called with half of them moved. */
  async moveSlotOf(key: string, onTheWay: () => Promise<void>): Promise<number> {
    const slot = Number(await this.nodes[0]?.client.call('CLUSTER', 'KEYSLOT', key));
    const at = Math.floor((slot * this.nodes.length) / slots);
    const from = this.at(at);
    const to = this.at((at + 1) % this.nodes.length);
    await to.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
    await from.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
    const half = Number(await from.client.call('CLUSTER', 'COUNTKEYSINSLOT', slot)) / 2;
    let moved = 0;
    for (let told = false; ;) {
      const keys = await from.client.call('CLUSTER', 'GETKEYSINSLOT', slot, 20);
      if (!Array.isArray(keys) || keys.length === 0) break;
      const target = ['127.0.0.1', to.server.port, '', 0, migrateTimeoutMs];
      await from.client.call('MIGRATE', ...target, 'KEYS', ...keys.map(String));
      moved += keys.length;
      if (told || moved < half) continue;
      told = true;
      await onTheWay();
    }
    for (const node of [to, from, ...this.nodes])
      await node.client.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
    return moved;
  }

  private at(index: number): Node {
    const node = this.nodes[index];
    if (node === undefined) throw new Error('No such node.');
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.nodes.map(async ({ server, client }) => {
        client.disconnect();
        await server[Symbol.asyncDispose]();
      }),
    );
  }
}

async function startNode(): Promise<Node> {
  const server = await RealRedis.start({
    'cluster-enabled': 'yes',
    'cluster-node-timeout': '3000',
    // The default is ours and 10,000, which may be no port.
    'cluster-port': String(await freePort()),
  });
  const client = quiet(server.url);
  return { server, client, id: String(await client.call('CLUSTER', 'MYID')) };
}
