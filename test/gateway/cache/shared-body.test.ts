import { describe, expect, it } from 'vitest'
import { CollectingRoom } from '../../../gateway/cache/collecting-room.ts'
import { type Collected, SharedBody } from '../../../gateway/cache/shared-body.ts'
import { PlantedClient, PlantedSource } from './planted-body.ts'

interface Given {
  readonly length?: number
  readonly maxBytes?: number
  readonly roomBytes?: number
  readonly wanted?: () => boolean
}

function bed({ length, maxBytes = 1_000, roomBytes = 10_000, wanted = () => false }: Given = {}) {
  const source = new PlantedSource()
  const room = new CollectingRoom(2 * roomBytes)
  const collected: Collected[] = []
  const tell = (outcome: Collected) => void collected.push(outcome)
  const open = () => SharedBody.open({ source, length, maxBytes, room, service: 'orders', wanted, collected: tell })
  return { source, room, collected, open, shared: open() as SharedBody }
}

describe('a shared body', () => {
  it('Cache W2: every client gets all of it, whether it came before the first byte, between two, or after the last', () => {
    const { source, shared, collected } = bed()
    const first = new PlantedClient().read(shared.reader())
    source.write('ab')
    const second = new PlantedClient().read(shared.reader())
    source.write('cd')
    source.end('ef')
    const third = new PlantedClient().read(shared.reader())

    for (const client of [first, second, third]) {
      expect(client.text).toBe('abcdef')
      expect(client.ends).toEqual(['ended'])
    }
    expect(collected).toEqual([{ kind: 'whole', body: Buffer.from('abcdef') }])
  })

  it('a small answer leaves in one piece, with its end', () => {
    const { source, shared } = bed({ length: 5 })
    shared.start()
    source.end('hello')

    const client = new PlantedClient().read(shared.reader())

    expect(client.chunks).toEqual(['hello'])
  })

  it('an empty body ends', () => {
    const { source, shared, collected } = bed({ length: 0 })
    const client = new PlantedClient().read(shared.reader())

    source.end()

    expect(client.ends).toEqual(['ended'])
    expect(collected).toEqual([{ kind: 'whole', body: Buffer.alloc(0) }])
  })

  it('Cache W2: a slow client holds back neither the others nor the source while the body is collected', () => {
    const { source, shared } = bed()
    const slow = new PlantedClient(1).read(shared.reader())
    const fast = new PlantedClient().read(shared.reader())

    for (const text of ['a', 'b', 'c']) source.write(text)
    expect(source.heldBack).toBe(false)
    source.end()

    expect(fast.text).toBe('abc')
    expect(slow.text).toBe('a')
    for (const _ of [1, 2, 3]) slow.drain()
    expect([slow.text, slow.ends]).toEqual(['abc', ['ended']])
  })

  it('a body flows without anybody reading it, into the store', () => {
    const { source, shared, collected } = bed()

    shared.start()
    source.write('ab')
    source.end()

    expect(collected).toEqual([{ kind: 'whole', body: Buffer.from('ab') }])
  })

  it('Cache S2: a body that breaks off fails for each of its clients, and nothing of it is stored', () => {
    const { source, shared, collected, room } = bed()
    const flowing = new PlantedClient().read(shared.reader())
    const waiting = new PlantedClient()
    const body = shared.reader()
    source.write('ab')
    const cause = new Error('planted')

    source.fail(cause)
    waiting.read(body)

    expect([flowing.ends, waiting.ends]).toEqual([['failed'], ['failed']])
    expect(collected).toEqual([{ kind: 'failed', cause }])
    expect(shared.reader()).toBeUndefined()
    expect(room.takenBytes).toBe(0)
  })

  it('Cache S2: a body shorter than its length is no whole', () => {
    const { source, shared, collected } = bed({ length: 5 })
    const client = new PlantedClient().read(shared.reader())
    source.write('abcd')

    source.end()

    expect(client.ends).toEqual(['failed'])
    expect(collected).toMatchObject([{ kind: 'failed', cause: { code: 'upstream-invalid' } }])
  })

  it('Cache S2: a body longer than its length is no whole, and no byte beyond it is passed on', () => {
    const { source, shared, collected } = bed({ length: 3 })
    const client = new PlantedClient().read(shared.reader())
    source.write('ab')

    source.write('cd')

    expect([client.text, client.ends]).toEqual(['ab', ['failed']])
    expect(collected).toMatchObject([{ kind: 'failed' }])
    expect(source.cancelled).toHaveLength(1)
  })

  it('Cache S3: a body over the bound is given up, and goes to its client all the same, at the client’s own pace', () => {
    const { source, shared, collected, room } = bed({ maxBytes: 100 })
    const leader = new PlantedClient(1).read(shared.reader())
    source.write('x'.repeat(60))
    source.write('y'.repeat(60))

    expect(collected).toEqual([{ kind: 'given-up', because: 'too-large' }])
    expect(shared.reader()).toBeUndefined()
    source.write('z'.repeat(70_000))
    expect(source.heldBack).toBe(true)
    leader.drain()
    leader.drain()
    expect(source.resumed).toBe(1)
    source.end()
    leader.drain()

    expect(leader.text.length).toBe(70_120)
    expect(leader.ends).toEqual(['ended'])
    expect(room.takenBytes).toBe(0)
  })

  it('Cache S3: of a body that is given up nothing stays that its client has', () => {
    const { source, shared, room } = bed({ maxBytes: 100 })
    new PlantedClient().read(shared.reader())
    source.write('x'.repeat(90))
    expect(room.takenBytes).toBe(90)

    source.write('y'.repeat(90))

    expect(room.takenBytes).toBe(0)
  })

  it('Cache S3: of a body that is given up nobody gets the end alone', () => {
    const { source, shared } = bed({ maxBytes: 3 })
    const leader = new PlantedClient().read(shared.reader())
    source.write('ab')
    source.write('cd')

    source.end('ef')

    expect(leader.text).toBe('abcdef')
    expect(shared.reader()).toBeUndefined()
  })

  it('its source is read once, whoever starts it', () => {
    const { source, shared } = bed()
    shared.start()
    shared.start()
    new PlantedClient().read(shared.reader())

    expect(source.flows).toBe(1)
  })

  it('a body without readers that turns out to have trailers is over', () => {
    const { source, shared, collected } = bed({ wanted: () => true })
    shared.start()

    source.end('ab', ['x-sum', '1'])

    expect(collected).toEqual([{ kind: 'given-up', because: 'trailers' }])
    expect(shared.reader()).toBeUndefined()
  })

  it('Cache S3: a body over the bound that nobody reads is cancelled', () => {
    const { source, shared, collected } = bed({ maxBytes: 3, wanted: () => true })
    shared.start()

    source.write('abcd')

    expect(source.cancelled).toHaveLength(1)
    expect(collected).toEqual([{ kind: 'given-up', because: 'too-large' }])
  })

  it('Cache S3: a body with trailers is not stored, and its client gets them', () => {
    const { source, shared, collected } = bed()
    const leader = new PlantedClient().read(shared.reader())
    source.write('ab')

    source.end('c', ['x-sum', '1'])

    expect([leader.text, leader.trailers]).toEqual(['abc', ['x-sum', '1']])
    expect(collected).toEqual([{ kind: 'given-up', because: 'trailers' }])
  })

  it('what bodies take of the process is bounded: one whose length is known is not shared without room for all of it', () => {
    const { room, open } = bed({ length: 60, roomBytes: 100 })

    expect(room.takenBytes).toBe(60)
    expect(open()).toBeUndefined()
    expect(room.takenBytes).toBe(60)
  })

  it('what bodies take of the process is bounded: one of unknown length is given up when there is no more room', () => {
    const { source, shared, collected } = bed({ roomBytes: 5 })
    const leader = new PlantedClient().read(shared.reader())

    for (const text of ['abc', 'def', 'ghi']) source.write(text)
    source.end()

    expect(collected).toEqual([{ kind: 'given-up', because: 'busy' }])
    expect([leader.text, leader.ends]).toEqual(['abcdefghi', ['ended']])
  })

  it('memory goes back when the flight has ended and the last client has its bytes', () => {
    const { source, shared, room } = bed()
    const slow = new PlantedClient(1).read(shared.reader())
    for (const text of ['ab', 'cd']) source.write(text)
    source.end()
    expect(room.takenBytes).toBe(4)

    shared.close()
    expect(room.takenBytes).toBe(2)
    slow.drain()

    expect(room.takenBytes).toBe(0)
    expect([slow.text, slow.ends]).toEqual(['abcd', ['ended']])
    expect(shared.reader()).toBeUndefined()
  })

  it('a client that leaves does not stop the others', () => {
    const { source, shared } = bed()
    const leaving = new PlantedClient().read(shared.reader())
    const staying = new PlantedClient().read(shared.reader())
    source.write('ab')

    leaving.body?.cancel(new Error('gone'))
    source.write('cd')
    source.end()

    expect([leaving.text, leaving.ends]).toEqual(['ab', ['failed']])
    expect([staying.text, staying.ends]).toEqual(['abcd', ['ended']])
    expect(source.cancelled).toEqual([])
  })

  it('Cache W5: when all are gone and nobody waits, the service is not asked for the rest', () => {
    const { source, shared, collected, room } = bed({ length: 10 })
    const client = new PlantedClient().read(shared.reader())
    source.write('ab')

    client.body?.cancel(new Error('gone'))

    expect(source.cancelled).toHaveLength(1)
    expect(collected).toEqual([{ kind: 'cancelled' }])
    expect(room.takenBytes).toBe(0)
  })

  it('Cache W5: when all are gone and somebody waits, it flows on until that one leaves, too', () => {
    let waiting = true
    const { source, shared, collected } = bed({ wanted: () => waiting })
    const client = new PlantedClient().read(shared.reader())
    client.body?.cancel(new Error('gone'))
    source.write('ab')
    expect(source.cancelled).toEqual([])

    waiting = false
    shared.reconsider()

    expect(source.cancelled).toHaveLength(1)
    expect(collected).toEqual([{ kind: 'cancelled' }])
  })

  it('a client that leaves before its first byte is told nothing more', () => {
    const { source, shared } = bed({ wanted: () => true })
    const body = shared.reader()
    shared.start()
    body?.cancel(new Error('gone'))
    source.write('ab')
    source.end()

    const client = new PlantedClient().read(body)

    expect([client.text, client.ends]).toEqual(['', ['failed']])
  })
})
