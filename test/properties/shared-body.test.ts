/**
 * A shared body under any order of readers, pauses, leaves, chunks, ends and failures: what a client got is the beginning of
 * what the service sent, and all of it exactly if it ended well; each client ends once; all memory goes back. A reader that
 * joins without what came before it must fail.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BodyStream, through } from '../../gateway/answer.ts'
import { CollectingRoom } from '../../gateway/cache/collecting-room.ts'
import { type Collected, SharedBody } from '../../gateway/cache/shared-body.ts'
import { PlantedClient, PlantedSource } from '../gateway/cache/planted-body.ts'

const event = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('reader' as const), takes: fc.constantFrom(1, 2, 1_000) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('read' as const), which: fc.nat() }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('write' as const), bytes: fc.nat({ max: 40 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('drain' as const), which: fc.nat() }) },
  fc.record({ kind: fc.constant('cancel' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('start' as const) }),
  fc.record({ kind: fc.constant('reconsider' as const) }),
  fc.record({ kind: fc.constant('close' as const) }),
  fc.record({ kind: fc.constant('want' as const), wanted: fc.boolean() }),
)

const history = fc.record({
  events: fc.array(event, { maxLength: 60 }),
  /** Of the body: none stated, the right one, or a lie. */
  length: fc.constantFrom('unknown' as const, 'right' as const, 'short' as const, 'long' as const),
  ends: fc.constantFrom('whole' as const, 'trailers' as const, 'failed' as const),
  maxBytes: fc.constantFrom(50, 100, 10_000),
  roomBytes: fc.constantFrom(60, 10_000),
})
type History = typeof history extends fc.Arbitrary<infer H> ? H : never

const letters = 'abcdefghijklmnopqrstuvwxyz'

/** `latecomers`: what a reader that comes later is given. All of it is ours, the rest what a plain tee would give. */
function run(
  { events, length: lengthKind, ends, maxBytes, roomBytes }: History,
  latecomers: 'all' | 'rest' = 'all',
): void {
  const total = events.reduce((sum, happening) => sum + (happening.kind === 'write' ? happening.bytes : 0), 0)
  const length = { unknown: undefined, right: total, short: Math.max(0, total - 1), long: total + 1 }[lengthKind]
  const source = new PlantedSource()
  const room = new CollectingRoom(2 * roomBytes)
  const collected: Collected[] = []
  let wanted = false
  const tell = (outcome: Collected) => void collected.push(outcome)
  const service = 'orders'
  const shared = SharedBody.open({ source, length, maxBytes, room, service, wanted: () => wanted, collected: tell })
  if (shared === undefined) {
    expect(length ?? 0).toBeGreaterThan(Math.min(maxBytes, roomBytes))
    return
  }

  const clients: { readonly client: PlantedClient; reading: boolean }[] = []
  const queue: Buffer[] = []
  let sent = ''
  const one = (which: number) => clients[which % clients.length]
  const read = (which: number) => {
    const entry = one(which)
    if (entry === undefined || entry.reading) return
    entry.reading = true
    entry.client.read(entry.client.body)
  }
  const flush = () => {
    // A source that was asked to hold back does: what it has stays in the queue.
    while (source.flowing && !source.heldBack) {
      const chunk = queue.shift()
      if (chunk === undefined) break
      sent += chunk.toString('latin1')
      source.write(chunk)
    }
  }
  for (const happening of events) {
    if (happening.kind === 'reader') {
      const client = new PlantedClient(happening.takes)
      const body = shared.reader()
      if (body === undefined) continue
      client.body = latecomers === 'all' ? body : withoutFirst(body, sent.length)
      clients.push({ client, reading: false })
    } else if (happening.kind === 'read') read(happening.which)
    else if (happening.kind === 'write')
      queue.push(Buffer.from(letters.repeat(2).slice(queue.length % 20, (queue.length % 20) + happening.bytes)))
    else if (happening.kind === 'drain') one(happening.which)?.client.drain()
    else if (happening.kind === 'cancel') one(happening.which)?.client.body?.cancel(new Error('gone'))
    else if (happening.kind === 'want') wanted = happening.wanted
    else shared[happening.kind]()
    flush()
  }
  // In the end all read, the source says its last word, and everybody takes what there is.
  shared.start()
  clients.forEach((_, which) => void read(which))
  const drain = () => {
    for (let turn = 0; turn <= events.length; turn++) {
      flush()
      for (const { client } of clients) client.drain()
    }
  }
  drain()
  if (ends === 'failed') source.fail(new Error('planted'))
  else source.end(undefined, ends === 'trailers' ? ['x-sum', '1'] : undefined)
  drain()
  shared.close()

  const outcome = collected[0]
  expect(collected).toHaveLength(1)
  for (const { client } of clients) {
    expect(client.ends).toHaveLength(1)
    expect(sent.startsWith(client.text)).toBe(true)
    if (client.ends[0] === 'ended') {
      expect(client.text).toBe(sent)
      expect(ends).not.toBe('failed')
    }
    if (outcome?.kind === 'failed') expect(client.ends).toEqual(['failed'])
  }
  if (outcome?.kind === 'whole') {
    expect(outcome.body.toString('latin1')).toBe(sent)
    expect(ends).toBe('whole')
    if (length !== undefined) expect(sent.length).toBe(length)
    expect(outcome.body.length).toBeLessThanOrEqual(maxBytes)
  }
  expect(room.takenBytes).toBe(0)
}

function withoutFirst(body: BodyStream, bytes: number): BodyStream {
  let left = bytes
  const rest = (chunk: Buffer): Buffer => {
    const skipped = Math.min(left, chunk.length)
    left -= skipped
    return chunk.subarray(skipped)
  }
  return through(body, (sink) => ({
    write: (chunk) => sink.write(rest(chunk)),
    end: (last, trailers) => sink.end(last && rest(last), trailers),
    fail: (cause) => sink.fail(cause),
  }))
}

describe('a shared body', () => {
  it('Cache W2: in any order of events each client ends once, with the beginning of the body, or all of it if it ended well', () => {
    fc.assert(
      fc.property(history, (given) => run(given)),
      { numRuns: 3_000 },
    )
  })

  it('were a latecomer given only the rest, the same histories would tell', () => {
    expect(
      fc.check(
        fc.property(history, (given) => run(given, 'rest')),
        { numRuns: 3_000 },
      ).failed,
    ).toBe(true)
  })
})
