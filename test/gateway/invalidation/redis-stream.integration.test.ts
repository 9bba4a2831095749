import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import type { EventSink, GapReason, Message, Verdict } from '../../../gateway/invalidation/event-source.ts'
import { type RedisStreamOptions, RedisStreamSource } from '../../../gateway/invalidation/redis-stream.ts'
import { eventually } from '../../support/eventually.ts'
import { startRedis, type TestServer } from '../../support/servers.ts'

let server: TestServer
let redis: Redis
let site = ''
let home = ''
let names = 0
const opened: RedisStreamSource[] = []

beforeAll(async () => {
  server = await startRedis()
  redis = new Redis(server.port)
  home = await mkdtemp(join(tmpdir(), 'events-'))
})
beforeEach(() => {
  site = `site-${names++}`
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((source) => source.close()))
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
  await rm(home, { recursive: true })
})

const key = () => `tidegate:{${site}}:events`
const add = (text: string) => redis.xadd(key(), '*', 'event', text) as Promise<string>
const applied: Verdict = { kind: 'applied' }

class TestSink implements EventSink {
  readonly taken: Message[] = []
  readonly gaps: GapReason[] = []
  verdict: (message: Message) => Promise<Verdict> = async () => applied

  async take(message: Message): Promise<Verdict> {
    this.taken.push(message)
    return this.verdict(message)
  }

  async missed(because: GapReason): Promise<void> {
    this.gaps.push(because)
  }

  get texts(): readonly string[] {
    return this.taken.map(({ text }) => text)
  }
}

function open(sink: EventSink, more: Partial<RedisStreamOptions> = {}) {
  const clock = systemClock
  const source = new RedisStreamSource({
    ...{ url: `redis://${server.address}`, site, clock, log: silentLog, consumer: `process-${names++}` },
    background: new Background(silentLog),
    lifeFile: join(home, site),
    ...more,
  })
  opened.push(source)
  source.start(sink)
  return source
}

async function reading(more: Partial<RedisStreamOptions> = {}) {
  const sink = new TestSink()
  const source = open(sink, more)
  await eventually(() => source.status().state === 'reading')
  return { sink, source }
}
const pending = async () => ((await redis.xpending(key(), 'gateways')) as [number])[0]

describe('events from a Redis stream', () => {
  it('Store V1: each event goes to one process of a site, in no more than its time', async () => {
    const one = await reading()
    const two = await reading()
    const texts = Array.from({ length: 300 }, (_, at) => `event ${at}`)
    for (const text of texts) await add(text)

    await eventually(() => one.sink.taken.length + two.sink.taken.length === 300)
    expect([...one.sink.texts, ...two.sink.texts].toSorted()).toEqual(texts.toSorted())
    expect([...one.sink.gaps, ...two.sink.gaps]).toEqual([])
    await eventually(async () => (await pending()) === 0)
  })

  it('Store V2: is acknowledged only after it was applied, and comes again to the process that died with it', async () => {
    const { sink, source } = await reading({ consumer: 'mortal' })
    const never = Promise.withResolvers<Verdict>()
    sink.verdict = () => never.promise
    await add('first')
    await eventually(() => sink.taken.length === 1)
    expect(await pending()).toBe(1)

    // The same name, as after a crash and a restart.
    const { sink: again } = await reading({ consumer: 'mortal' })
    await eventually(() => again.texts.includes('first'))
    await eventually(async () => (await pending()) === 0)
    never.resolve(applied)
    await source.close()
  })

  it('Store V2: what a process that is gone had in its hands is taken over by another', async () => {
    const { sink } = await reading()
    await redis.xadd(key(), '*', 'event', 'left')
    await eventually(() => sink.taken.length === 1)
    await redis.xadd(key(), '*', 'event', 'lost')
    await redis.xgroup('CREATECONSUMER', key(), 'gateways', 'dead')
    await redis.xreadgroup('GROUP', 'gateways', 'dead', 'STREAMS', key(), '>')
    const late = await reading({ idleMs: 50 })

    await eventually(async () => (await pending()) === 0)
    expect([...sink.texts, ...late.sink.texts].toSorted()).toEqual(['left', 'lost'])
  })

  it('Store V2: an event that cannot be applied now stays in hand until it can, and is no delivery more', async () => {
    const { sink } = await reading()
    let open = false
    sink.verdict = async () => (open ? applied : { kind: 'later', because: 'no zone' })
    await add('patient')
    await eventually(() => sink.taken.length >= 3)
    const [[, , , deliveries]] = (await redis.xpending(key(), 'gateways', '-', '+', 10)) as [
      [string, string, number, number],
    ]
    open = true

    await eventually(async () => (await pending()) === 0)
    expect(deliveries).toBe(1)
  })

  it('Store V3: what was brought five times, and never finished, is a dead letter, and can be sent again', async () => {
    const { sink, source } = await reading({ idleMs: 20 })
    let isMended = false
    sink.verdict = async () => {
      if (!isMended) throw new Error('a fault of ours')
      return applied
    }
    await add('poison')
    await eventually(async () => (await source.dead(10)).length === 1, { deadlineMs: 20_000 })

    const [letter] = await source.dead(10)
    expect(letter).toMatchObject({ text: 'poison', deliveries: 5, because: expect.stringContaining('5 times') })
    expect(sink.taken).toHaveLength(5)
    isMended = true
    expect(await source.retry(letter?.id ?? '')).toBe('queued')
    await eventually(() => sink.taken.length === 6)
    expect(await source.dead(10)).toEqual([])
    expect(await source.retry('1-1')).toBe('unknown')
  })

  it('Store V3: what does not validate is a dead letter at once, with its reason', async () => {
    const { sink, source } = await reading()
    sink.verdict = async () => ({ kind: 'dead', because: 'it is not JSON' })
    const id = await add('{')
    await redis.xadd(key(), '*', 'something', 'else')

    await eventually(async () => (await source.dead(10)).length === 2)
    const letters = await source.dead(10)
    expect(letters.map(({ because }) => because).toSorted()).toEqual([
      'it has no field event, and no field value',
      'it is not JSON',
    ])
    expect(letters.find(({ was }) => was === id)).toMatchObject({ text: '{', deliveries: 1 })
    expect(await pending()).toBe(0)
  })

  it('Store V3: ten thousand dead letters are no danger to the memory of that Redis: a long one is kept without its body', async () => {
    const { sink, source } = await reading()
    sink.verdict = async () => ({ kind: 'dead', because: 'wrong' })
    await add('y'.repeat(100_000))

    await eventually(async () => (await source.dead(10)).length === 1)
    const [letter] = await source.dead(10)
    expect(letter).toMatchObject({ because: 'wrong' })
    expect(letter).not.toHaveProperty('text')
  })

  it('Store V4: unread entries that are gone are told before anything else is read, and once', async () => {
    const { sink: before, source } = await reading()
    await add('read')
    await eventually(() => before.taken.length === 1)
    await source.close()
    for (let at = 0; at < 50; at++) await add(`event ${at}`)
    await redis.xtrim(key(), 'MAXLEN', 10)
    const order: string[] = []
    const sink: EventSink = {
      take: async ({ text }) => {
        order.push(text)
        return applied
      },
      missed: async (because) => void order.push(because),
    }
    open(sink)

    await eventually(() => order.includes('event 49'))
    expect(order[0]).toBe('trimmed')
    expect(order).toHaveLength(11)
    await add('one more')
    await eventually(() => order.includes('one more'))
    expect(order.filter((word) => word === 'trimmed')).toHaveLength(1)
    // Nor is it one for a process that begins now.
    const next = new TestSink()
    const begun = open(next)
    await eventually(() => begun.status().state === 'reading')
    expect(next.gaps).toEqual([])
  })

  it('Store V4: a gap that could not be dealt with is told again, and nothing is read before', async () => {
    const { source } = await reading()
    await source.close()
    for (let at = 0; at < 5; at++) await add(`event ${at}`)
    await redis.xtrim(key(), 'MAXLEN', 3)
    const sink = new TestSink()
    let tries = 0
    sink.missed = async (because) => {
      sink.gaps.push(because)
      if (++tries < 3) throw new Error('no zone takes it')
      expect(sink.taken).toEqual([])
    }
    open(sink)

    await eventually(() => sink.taken.length === 3)
    expect(sink.gaps).toEqual(['trimmed', 'trimmed', 'trimmed'])
  })

  it('Store V4: an entry in hand whose body is gone is a gap', async () => {
    const { source } = await reading()
    await source.close()
    await add('gone')
    await redis.xgroup('CREATECONSUMER', key(), 'gateways', 'dead')
    await redis.xreadgroup('GROUP', 'gateways', 'dead', 'STREAMS', key(), '>')
    await redis.xtrim(key(), 'MAXLEN', 0)
    const sink = new TestSink()
    open(sink, { idleMs: 20 })

    await eventually(() => sink.gaps.includes('body-gone'))
    await eventually(async () => (await pending()) === 0)
    expect(sink.taken).toEqual([])
  })

  it('Store V4: a stream that was begun anew, or a group that is not there, is a gap; what is there is read', async () => {
    const { sink } = await reading()
    await add('before')
    await eventually(() => sink.taken.length === 1)
    await redis.multi().del(key()).xadd(key(), '*', 'event', 'after').exec()

    await eventually(() => sink.texts.includes('after'))
    expect(sink.gaps).toEqual(['group-missing'])
  })

  it('Store V4: a site that never read events has lost none, and reads what was there before it', async () => {
    await add('early')
    const { sink } = await reading()

    await eventually(() => sink.texts.includes('early'))
    expect(sink.gaps).toEqual([])
  })

  it('Store V4: what was removed before a site ever read is a gap', async () => {
    await add('removed')
    await add('early')
    await redis.xtrim(key(), 'MAXLEN', 1)
    const { sink } = await reading()

    await eventually(() => sink.texts.includes('early'))
    expect(sink.gaps).toEqual(['group-missing'])
  })

  it.each([
    ['the stream', () => redis.del(key(), `${key()}:life`)],
    ['the group', () => redis.xgroup('DESTROY', key(), 'gateways')],
  ])('Store V4: %s that vanished while nobody read is a gap', async (_, vanish) => {
    const { source } = await reading()
    await source.close()
    await vanish()

    expect((await reading()).sink.gaps).toEqual(['group-missing'])
    expect((await reading()).sink.gaps).toEqual([])
  })

  it('Store V4: a group that was there is known to a home that is new', async () => {
    const { source } = await reading()
    await source.close()
    await redis.xgroup('DESTROY', key(), 'gateways')

    expect((await reading({ lifeFile: join(home, `${site}-new`) })).sink.gaps).toEqual(['group-missing'])
  })

  it('Store V4: a stream that a new home began anew is a gap for those that read the one before', async () => {
    const { source } = await reading()
    await source.close()
    await redis.del(key(), `${key()}:life`)
    const { sink } = await reading({ lifeFile: join(home, `${site}-new`) })
    await add('later than all that was read')

    expect(sink.gaps).toEqual([])
    expect((await reading()).sink.gaps).toEqual(['group-missing'])
  })

  it('Store V4: a stream that knows less than it did is a gap', async () => {
    const { sink } = await reading()
    await add('before')
    await eventually(() => sink.taken.length === 1)
    // As a replica that had not heard of it, and has become the master: the group is there, the newest entry is not.
    const replaced = redis.multi().del(key())
    replaced.xadd(key(), '1-1', 'event', 'older').xgroup('CREATE', key(), 'gateways', '0')
    await replaced.exec()

    await eventually(() => sink.texts.includes('older'))
    expect(sink.gaps).toEqual(['rewound'])
  })

  it('Store V4: trims what is done and older than its time, and never what is not finished', async () => {
    const { source } = await reading()
    await source.close()
    // Whole nodes of the stream are removed, of 100 entries each.
    for (let at = 1; at <= 350; at++) await redis.xadd(key(), `${at}-1`, 'event', `event ${at}`)
    await redis.xgroup('CREATECONSUMER', key(), 'gateways', 'dead')
    await redis.xgroup('SETID', key(), 'gateways', '204-1', 'ENTRIESREAD', '204')
    await redis.xreadgroup('GROUP', 'gateways', 'dead', 'COUNT', 1, 'STREAMS', key(), '>')
    const sink = new TestSink()
    open(sink)

    await eventually(() => sink.taken.length === 145)
    await eventually(async () => (await redis.xlen(key())) < 350)
    const [[first]] = (await redis.xrange(key(), '-', '+', 'COUNT', 1)) as [[string, string[]]]
    expect(first).toBe('201-1')
    expect(sink.gaps).toEqual([])
  })

  it('Store V5: tells lag, what is in hand and how old the oldest of it is', async () => {
    const { sink, source } = await reading()
    const never = Promise.withResolvers<Verdict>()
    sink.verdict = () => never.promise
    for (let at = 0; at < 70; at++) await add(`event ${at}`)

    await eventually(() => source.status().pending === 64 && source.status().lag === 6)
    expect(source.status()).toMatchObject({ state: 'reading', length: 70, dead: 0 })
    expect(source.status().oldestPendingMs).toBeGreaterThan(0)
    never.resolve(applied)
    await eventually(() => source.status().pending === 0 && source.status().lag === 0)
  })

  it('goes on by itself when Redis has been away', async () => {
    await using mortal = await startRedis()
    const sink = new TestSink()
    const source = open(sink, { url: `redis://${mortal.address}` })
    await eventually(() => source.status().state === 'reading')
    await mortal.process.stop('SIGKILL')
    await eventually(() => source.status().state === 'away')
    await expect(source.dead(1)).rejects.toMatchObject({ code: 'events-source-away' })
    await using back = await startRedis([], mortal.port)
    await eventually(() => source.status().state === 'reading', { deadlineMs: 10_000 })
    const again = new Redis(back.port)
    await again.xadd(key(), '*', 'event', 'after')
    await eventually(() => sink.texts.includes('after'))
    again.disconnect()

    // A Redis that keeps nothing over a restart has lost what was told it: nobody knows what.
    expect(sink.gaps).toEqual(['group-missing'])
  })

  it('gives what it took in some time, page by page', async () => {
    const { source } = await reading()
    for (let ms = 1; ms <= 9; ms++) await redis.xadd(key(), `${Date.now() + 60_000 + ms}-1`, 'value', `event ${ms}`)
    const all = await source.range(0, Date.now() + 120_000, 100)
    const from = all[2]?.atMs ?? 0
    const to = all[6]?.atMs ?? 0

    const page = await source.range(from, to, 3)
    const rest = await source.range(from, to, 3, page.at(-1)?.id)
    expect([...page, ...rest].map(({ text }) => text)).toEqual([3, 4, 5, 6, 7].map((at) => `event ${at}`))
  })
})
