/** Several Redis servers that belong together, for one test. */
import { writeFile } from 'node:fs/promises'
import { Redis } from 'ioredis'
import { eventually } from './eventually.ts'
import { freePorts } from './free-port.ts'
import { listens, startProcess } from './process-runner.ts'
import { startRedis, type TestServer } from './servers.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface SentinelSet extends AsyncDisposable {
  readonly name: string
  /** Of the sentinels, `host:port`. */
  readonly nodes: readonly string[]
  readonly master: TestServer
  readonly replica: TestServer
}

/** One master, one replica, and three sentinels that agree within half a second that a master is gone. */
export async function startSentinels(args: readonly string[] = []): Promise<SentinelSet> {
  const master = await startRedis(args)
  const replica = await startRedis([...args, '--replicaof', '127.0.0.1', `${master.port}`])
  const folder = await temporaryFolder()
  const ports = await freePorts(3)
  const sentinels = await Promise.all(
    ports.map(async (port) => {
      const file = folder.file(`sentinel-${port}.conf`)
      const lines = [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${folder.path}`,
        `sentinel monitor tokens 127.0.0.1 ${master.port} 2`,
        'sentinel down-after-milliseconds tokens 500',
        'sentinel failover-timeout tokens 2000',
      ]
      await writeFile(file, `${lines.join('\n')}\n`)
      return startProcess({ command: 'redis-server', args: [file, '--sentinel'], ready: () => listens(port) })
    }),
  )
  // A fail-over needs sentinels that all know one another, and a replica that is whole.
  await Promise.all(ports.map(knowsAll))
  return {
    name: 'tokens',
    nodes: ports.map((one) => `127.0.0.1:${one}`),
    master,
    replica,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...sentinels.map((one) => one.stop()), master.stop(), replica.stop()])
      await folder[Symbol.asyncDispose]()
    },
  }
}

async function knowsAll(port: number): Promise<void> {
  const asked = new Redis(port)
  const fact = (list: string[] | undefined, name: string) => list?.[list.indexOf(name) + 1]
  try {
    await eventually(
      async () => {
        const [facts] = (await asked.call('SENTINEL', 'MASTERS')) as string[][]
        const [other] = (await asked.call('SENTINEL', 'REPLICAS', 'tokens')) as string[][]
        return fact(facts, 'num-other-sentinels') === '2' && fact(other, 'master-link-status') === 'ok'
      },
      { deadlineMs: 20_000, what: 'a sentinel that knows all others' },
    )
  } finally {
    asked.disconnect()
  }
}

export interface ClusterSet extends AsyncDisposable {
  readonly nodes: readonly string[]
  readonly masters: readonly TestServer[]
  /** Of the first master. */
  readonly replica: TestServer
}

/** Three masters that share the slots, and a replica of the first. */
export async function startCluster(): Promise<ClusterSet> {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', '--cluster-replica-validity-factor', '0']
  const servers = await Promise.all(Array.from({ length: 4 }, () => startRedis(args)))
  const replica = servers[3] as TestServer
  const clients = servers.map(({ port }) => new Redis(port))
  const [one, two, three, four] = clients as [Redis, Redis, Redis, Redis]
  for (const [at, client] of clients.entries()) await client.cluster('SET-CONFIG-EPOCH', at + 1)
  await one.cluster('ADDSLOTSRANGE', 0, 5460)
  await two.cluster('ADDSLOTSRANGE', 5461, 10_922)
  await three.cluster('ADDSLOTSRANGE', 10_923, 16_383)
  for (const { port } of servers.slice(1)) await one.call('CLUSTER', 'MEET', '127.0.0.1', port)
  const firstId = (await one.cluster('MYID')) as string
  await eventually(async () => ((await four.call('CLUSTER', 'NODES')) as string).includes(firstId), {
    deadlineMs: 20_000,
  })
  await eventually(async () => (await four.call('CLUSTER', 'REPLICATE', firstId)) === 'OK', { deadlineMs: 20_000 })
  for (const client of clients) {
    await eventually(async () => ((await client.cluster('INFO')) as string).includes('cluster_state:ok'), {
      deadlineMs: 20_000,
      what: 'a cluster that is whole',
    })
  }
  await eventually(async () => (await four.info('replication')).includes('master_link_status:up'), {
    deadlineMs: 20_000,
  })
  for (const client of clients) client.disconnect()
  return {
    nodes: servers.map(({ address }) => address),
    masters: servers.slice(0, 3),
    replica,
    [Symbol.asyncDispose]: async () => void (await Promise.all(servers.map((one) => one.stop()))),
  }
}
