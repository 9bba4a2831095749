/** A flood of unknown tokens at the auth of one gateway, with its real Redis and a peer site that counts its questions. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Redis } from 'ioredis'
import type { Decision } from '#routes/decide.ts'
import type { TokenQuestion } from '#routes/messages.ts'
import { KeyRing } from '#routes/seal.ts'
import { Background } from '#server-kit/background.ts'
import { systemClock } from '#server-kit/clock.ts'
import { createLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import { systemRandom } from '#server-kit/random.ts'
import { keyOf } from '../../gateway/auth/credential-form.ts'
import { type Auth, openAuth } from '../../gateway/auth/open-auth.ts'
import type { Exchange } from '../../gateway/exchange.ts'
import { authYaml } from '../../test/gateway/auth/auth-yaml.ts'
import { exchangeOf } from '../../test/gateway/exchange.ts'
import { eventually } from '../../test/support/eventually.ts'
import { startRedis } from '../../test/support/servers.ts'
import { policy, route } from '../../test/support/tables.ts'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

export interface Flood {
  readonly guesses: number
  /** From how many addresses they come. */
  readonly addresses: number
  /** `tokens.guesses` and `tokens.peerQuestions`; without them the limits are out of reach, as a control. */
  readonly limited: boolean
}

export interface Flooded {
  readonly seconds: number
  /** Answers to guesses by code. */
  readonly answers: Readonly<Record<string, number>>
  readonly redisReads: number
  readonly peerQuestions: number
  /** After a collection of what nobody holds any more. */
  readonly heapGrowthMiB: number
  readonly rssGrowthMiB: number
  readonly remembered: number
  /** Of a token known here, of one known at the peer, both from a quiet address. */
  readonly known: Readonly<Record<string, number>>
  readonly atPeer: Readonly<Record<string, number>>
}

const guessesPerSecond = 50
const questionsPerSecond = 500
const outOfReach = 1_000_000
const together = 200

/**
 * What the limits let through in so many seconds: the burst, then the rate; what was under way together when a limit was
 * met; and a twentieth for the tokens of the quiet address, which are looked up anew every few seconds.
 */
export const readsAllowed = (addresses: number, seconds: number): number =>
  1.05 * addresses * (2 * guessesPerSecond + guessesPerSecond * seconds) + together
export const questionsAllowed = (seconds: number): number => 1.05 * questionsPerSecond * (1 + seconds) + together

export async function flood({ guesses, addresses, limited }: Flood): Promise<Flooded> {
  await using redis = await startRedis()
  const writer = new Redis(redis.port)
  const peer = await countingPeer()
  const auth = await openFlooded(redis.address, peer.url, limited)
  const asking = (token: string, address: string) => outcomeOf(auth, exchangeFor(token, address))
  const { tokens } = authYaml({})
  await writer.set(keyOf({ ...tokens, kind: 'token' }, 'known-here'), JSON.stringify({ consumer: 'shop' }))
  try {
    await eventually(async () => (await asking('known-here', 'quiet')) === 'accepted', { deadlineMs: 10_000 })
    // Who came over from the peer is asked about anew each second, flood or not.
    await eventually(async () => (await asking('known-at-peer', 'quiet')) === 'accepted', { deadlineMs: 10_000 })
    // Warm, so that full memories and what the engine compiles are not taken for growth.
    for (let warm = 0; warm < 20_000; warm += together)
      await Promise.all(
        Array.from({ length: together }, (_, at) => asking(`warm-${warm + at}`, warmAddress(warm + at))),
      )
    await writer.config('RESETSTAT')
    peer.reset()
    collect()
    const before = process.memoryUsage()
    const counts = { answers: {}, known: {}, atPeer: {} } as Record<string, Record<string, number>>
    const count = (of: string, code: string) => {
      const counted = counts[of] as Record<string, number>
      counted[code] = (counted[code] ?? 0) + 1
    }

    const salt = randomBytes(8).toString('hex')
    const startedMs = performance.now()
    for (let first = 0; first < guesses; first += together) {
      const size = Math.min(together, guesses - first)
      const guessed = Array.from({ length: size }, (_, at) =>
        asking(`${salt}-${first + at}`, addressOf((first + at) % addresses)).then((code) => count('answers', code)),
      )
      guessed.push(asking('known-here', 'quiet').then((code) => count('known', code)))
      guessed.push(asking('known-at-peer', 'quiet').then((code) => count('atPeer', code)))
      await Promise.all(guessed)
    }
    const seconds = (performance.now() - startedMs) / 1_000
    collect()
    const after = process.memoryUsage()
    const stats = await writer.info('commandstats')
    return {
      seconds,
      answers: counts['answers'] ?? {},
      known: counts['known'] ?? {},
      atPeer: counts['atPeer'] ?? {},
      redisReads: Number(/cmdstat_get:calls=(\d+)/.exec(stats)?.[1] ?? 0),
      peerQuestions: peer.asked(),
      heapGrowthMiB: (after.heapUsed - before.heapUsed) / 2 ** 20,
      rssGrowthMiB: (after.rss - before.rss) / 2 ** 20,
      remembered: await auth.remembered(),
    }
  } finally {
    writer.disconnect()
    await auth.close()
    peer.close()
  }
}

async function openFlooded(address: string, peerUrl: string, limited: boolean) {
  const log = createLog({ program: 'flood', level: 'silent' })
  const metrics = createMetrics()
  const yaml = authYaml({
    tokens: {
      driver: 'redis',
      url: `redis://${address}`,
      alsoAsk: ['cloud'],
      deadline: '30s',
      peerDeadline: '30s',
      guesses: limited ? guessesPerSecond : outOfReach,
      peerQuestions: limited ? questionsPerSecond : outOfReach,
    },
  })
  const ring = {
    purpose: 'gateway-gateway',
    keys: [{ id: 'k1', secret: randomBytes(32).toString('base64url') }],
  } as const
  const auth = openAuth({
    yaml: { ...yaml, site: 'onprem', peers: { cloud: { public: peerUrl, internal: peerUrl } } },
    path: (file) => file,
    secrets: { password: undefined, sentinelPassword: undefined, ca: undefined, identityKeys: [], digest: '' },
    peerRing: await KeyRing.open(ring),
    clock: systemClock,
    random: systemRandom,
    background: new Background(log),
    log,
    metrics,
  })
  const remembered = async () => {
    const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith('tidegate_auth_remembered'))
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }
  return { authenticate: auth.authenticate, close: () => auth.close(), remembered }
}

async function outcomeOf({ authenticate }: Pick<Auth, 'authenticate'>, x: Exchange): Promise<string> {
  try {
    await authenticate.before?.(x)
    return 'accepted'
  } catch (problem) {
    return (problem as { code: string }).code
  }
}

const guarded = route('/x', { policy: { ...policy, auth: { scopes: [] } } })

function exchangeFor(token: string, address: string): Exchange {
  const x = exchangeOf(['authorization', `Bearer ${token}`])
  x.decision = { route: guarded } as unknown as Decision
  x.client = address
  return x
}

const warmAddress = (one: number): string => `172.16.${one >> 8}.${one & 255}`
const addressOf = (one: number): string => `10.${one >> 16}.${(one >> 8) & 255}.${one & 255}`

/** Knows one token, and counts what it is asked. */
async function countingPeer() {
  let asked = 0
  const server = createServer(async (request, response) => {
    asked++
    let text = ''
    for await (const piece of request) text += piece
    const { token } = JSON.parse(text) as TokenQuestion
    const known = token === 'known-at-peer'
    response.end(JSON.stringify(known ? { known, caller: { consumer: 'peer', scopes: [] } } : { known }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    reset: () => {
      asked = 0
    },
    close: () => void server.close().closeAllConnections(),
  }
}
