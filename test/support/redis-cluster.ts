/** A Redis Cluster of three masters: a slot can be moved from one to another, key by key, and one of them can die. */

import type { Redis } from 'ioredis';
import { freePort } from '../../src/runtime/free-port.ts';
import { eventually } from './eventually.ts';
import { RealRedis } from './redis-server.ts';
import { quiet } from './redis.ts';

const slots = 16_384;
const masters = 3;
const migrateTimeoutMs = 5000;

interface Node {
  readonly server: RealRedis;
  readonly client: Redis;
  readonly id: string;
}

export class RedisCluster implements AsyncDisposable {
  /** The masters, and then what was added. */
  private readonly nodes: Node[];

  private constructor(nodes: Node[]) {
    this.nodes = nodes;
  }

  static async start(): Promise<RedisCluster> {
    const cluster = new RedisCluster(await Promise.all(Array.from({ length: masters }, startNode)));
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
    await Promise.all(
      this.nodes.map(async ({ client }, at) => {
        const from = Math.floor((slots * at) / masters);
        const to = Math.floor((slots * (at + 1)) / masters) - 1;
        await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
        await client.call('CLUSTER', 'SET-CONFIG-EPOCH', at + 1);
      }),
    );
    await this.meetFirst(this.nodes.slice(1));
    await this.known();
  }

  private async meetFirst(others: readonly Node[]): Promise<void> {
    const { server, client } = this.at(0);
    const busPort = String(await client.call('CONFIG', 'GET', 'cluster-port')).split(',')[1] ?? '';
    for (const other of others) await other.client.call('CLUSTER', 'MEET', '127.0.0.1', server.port, busPort);
  }

  private async known(): Promise<void> {
    const all = new RegExp(`cluster_state:ok[^]*cluster_known_nodes:${this.nodes.length}\\b`);
    await eventually(
      'the nodes to be a cluster',
      () => Promise.all(this.nodes.map(({ client }) => client.call('CLUSTER', 'INFO'))),
      (infos) => infos.every((info) => all.test(String(info))),
    );
  }

  /** The master of this name's slot gets a replica, which has all that it has. */
  async addReplicaOf(key: string): Promise<ReplicatedMaster> {
    const [, master] = await this.ownerOf(key);
    const replica = await startNode();
    this.nodes.push(replica);
    await this.meetFirst([replica]);
    await this.known();
    await replica.client.call('CLUSTER', 'REPLICATE', master.id);
    await follows(replica);
    return new ReplicatedMaster(master, replica);
  }

  private async ownerOf(key: string): Promise<readonly [slot: number, owner: Node, next: Node]> {
    const slot = Number(await this.at(0).client.call('CLUSTER', 'KEYSLOT', key));
    const index = Math.floor((slot * masters) / slots);
    return [slot, this.at(index), this.at((index + 1) % masters)];
  }

  /** All keys of this name's slot go to another node while they are used. `onTheWay` is called with half of them moved. */
  async moveSlotOf(key: string, onTheWay: () => Promise<void>): Promise<number> {
    const [slot, from, to] = await this.ownerOf(key);
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

/** A master that can die, for there is another to take its place. */
export class ReplicatedMaster {
  private readonly master: Node;
  private readonly replica: Node;

  constructor(master: Node, replica: Node) {
    this.master = master;
    this.replica = replica;
  }

  /** Resolves when all that was written so far is at the replica. */
  async replicated(): Promise<void> {
    await eventually(
      'the replica to have all',
      () => Promise.all([this.master, this.replica].map(({ client }) => client.info('replication'))),
      (infos) => new Set(infos.map((info) => /master_repl_offset:(\d+)/.exec(info)?.[1])).size === 1,
    );
  }

  /** Gone at once. */
  async kill(): Promise<void> {
    await this.master.server.kill();
  }

  async succeeded(): Promise<void> {
    const { client } = this.replica;
    await eventually(
      'the replica to take its place',
      async () => `${await client.info('replication')} ${String(await client.call('CLUSTER', 'INFO'))}`,
      (info) => info.includes('role:master') && info.includes('cluster_state:ok'),
      { withinMs: 60_000 },
    );
  }

  /** Comes back, and follows its successor. */
  async comeBack(): Promise<void> {
    await this.master.server.up();
    await follows(this.master);
  }
}

async function follows({ client }: Node): Promise<void> {
  await eventually(
    'a node to follow its master',
    () => client.info('replication'),
    (info) => info.includes('role:slave') && info.includes('master_link_status:up'),
    { withinMs: 60_000 },
  );
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
