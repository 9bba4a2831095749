import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/free-port.ts'
import { startMemcached } from '../../support/servers.ts'
import { placementSet, route, service, structure } from '../../support/tables.ts'
import { openBed } from '../bed.ts'
import { openPort, RawClient } from './open-port.ts'
import { testKeys, wireCommand } from './random-commands.ts'

const oracleVersion = '1.6.18'

describe('the port beside a real Memcached', () => {
  it('Store P4: answers any pipelined commands as Memcached does, good and bad ones, in any slicing', async () => {
    await using port = await openPort()

    await compare(port.port, 100, 4_000)
  }, 60_000)

  it('Store P1: does so over real zones as well', async () => {
    await using bed = await openBed()
    const [near, far, free] = await Promise.all([startMemcached(), startMemcached(), freePort()])
    await using _servers = { [Symbol.asyncDispose]: async () => void (await Promise.all([near.stop(), far.stop()])) }
    const table = await bed.writeTable(
      'table',
      structure([route('/v1/**')], { services: [service('orders')] }),
      placementSet([]),
    )
    await using _gateway = await bed.start('onprem', {
      table: { file: table },
      cache: {
        zones: [near, far].map(({ address }, at) => ({ name: `zone-${at}`, driver: 'memcached', nodes: [address] })),
        memory: { alone: true },
        readDeadline: '2s',
        ports: [{ listen: `127.0.0.1:${free}`, namespace: 'legacy' }],
      },
    })

    await begin(free)
    await compare(free, 12, 200)
  }, 120_000)
})

/** The first values of a namespace that empty zones get at the same time may be misses: one comes before them. */
async function begin(port: number): Promise<void> {
  await using client = await RawClient.open(port)
  await eventually(async () => (await client.ask('set begun 0 0 1\r\na\r\nget begun\r\n')).endsWith('a\r\nEND\r\n'))
}

async function compare(port: number, runs: number, atLeast: number): Promise<void> {
  // Whether a number that became shorter is padded depends on whether somebody holds the item: here that is nobody's thread.
  await using memcached = await startMemcached(['-o', 'no_lru_maintainer'])
  let commands = 0
  const steps = fc.array(fc.array(wireCommand, { minLength: 5, maxLength: 60, size: 'max' }), {
    minLength: 1,
    maxLength: 3,
    size: 'max',
  })
  const slices = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(steps, slices, async (all, sizes) => {
      await using theirs = await RawClient.open(memcached.port)
      await using ours = await RawClient.open(port)
      await Promise.all([theirs.ask(forget), ours.ask(forget)])
      for (const step of all) {
        commands += step.length
        const [expected, answered] = await Promise.all([oneByOne(theirs, step), pipelined(ours, step, sizes)])
        expect(answered).toEqual(expected)
      }
    }),
    {
      numRuns: runs,
      seed: 20_261_122,
      ...(process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) }),
    },
  )
  expect(commands).toBeGreaterThan(atLeast)
}

const forget = testKeys.map((key) => `delete ${key}\r\n`).join('')

/**
 * Memcached itself depends on what is pipelined: a value that an answer not yet sent still holds is not counted in place, and
 * some faults drop the answers before them. One by one it does what its document says.
 */
async function oneByOne(client: RawClient, step: readonly string[]): Promise<string[]> {
  const uniques = await uniquesOf(client)
  let answers = ''
  for (const command of step) answers += await client.ask(withUniques(command, uniques))
  return lines(answers)
}

async function pipelined(client: RawClient, step: readonly string[], sizes: readonly number[]): Promise<string[]> {
  const bytes = Buffer.from(withUniques(step.join(''), await uniquesOf(client)), 'latin1')
  for (let at = 0, slice = 0; at < bytes.length; slice++) {
    const size = sizes[slice % sizes.length] ?? 1
    client.send(bytes.subarray(at, at + size))
    at += size
  }
  return lines(await client.ask(''))
}

async function uniquesOf(client: RawClient): Promise<ReadonlyMap<string, string>> {
  const uniques = new Map<string, string>()
  const known = await client.ask(testKeys.map((key) => `gets ${key}\r\n`).join(''))
  for (const [, key = '', unique = ''] of known.matchAll(/VALUE (\S+) \d+ \d+ (\d+)\r\n/g)) uniques.set(key, unique)
  return uniques
}

const withUniques = (text: string, uniques: ReadonlyMap<string, string>): string =>
  text.replaceAll(/@([^@ ]+)@/g, (_, key: string) => uniques.get(key) ?? '18446744073709551000')

/** Uniques are each server's own, and a second may have begun between the two. */
function lines(answer: string): string[] {
  return answer.split('\r\n').map((line) =>
    line
      .replace(`VERSION ${oracleVersion}-tidegate`, `VERSION ${oracleVersion}`)
      .replace(/^(VALUE \S+ \d+ \d+) \d+$/, '$1 U')
      .replace(/^((?:HD|VA).*) c\d+/, '$1 cU')
      .replace(/^((?:HD|VA).*) t(\d+)/, (_, start: string, left: string) => `${start} t~${roughly(Number(left))}`),
  )
}

const roughly = (seconds: number): string => (seconds > 2_600_000 ? 'far' : `${Math.round(seconds / 20)}`)
