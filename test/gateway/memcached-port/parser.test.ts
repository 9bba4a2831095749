import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Command } from '../../../gateway/memcached-port/command.ts'
import { CommandParser } from '../../../gateway/memcached-port/parser.ts'
import { Room } from '../../../gateway/memcached-port/room.ts'
import { wireCommand } from './random-commands.ts'

const limit = 10_000
const limits = { valueLimitBytes: () => limit, takesLongLines: () => true }

describe('the parser of the port', () => {
  it('Store P4: reads the same commands whatever the slicing, and never throws', () => {
    const noise = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
    const input = fc.array(fc.oneof({ weight: 6, arbitrary: wireCommand }, { weight: 1, arbitrary: noise }), {
      maxLength: 30,
    })
    fc.assert(
      fc.property(input, fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }), (parts, sizes) => {
        const bytes = Buffer.from(parts.join(''), 'latin1')

        expect(parse(bytes, sizes)).toEqual(parse(bytes, [bytes.length + 1]))
      }),
      { numRuns: 1_000 },
    )
  })

  it('Store P4: swallows a value above the limit, and reads on behind it', () => {
    const value = 'x'.repeat(limit + 1)

    const commands = parse(Buffer.from(`set k 0 0 ${value.length}\r\n${value}\r\nget k\r\n`), [777])

    expect(commands).toMatchObject([
      { kind: 'too-large', key: 'k', removes: true, answer: 'SERVER_ERROR object too large for cache' },
      { kind: 'get', keys: ['k'] },
    ])
  })

  it('Store P4: ends a connection with a line above 2,048 bytes, but for a retrieval', () => {
    const keys = Array.from({ length: 5_000 }, (_, at) => `key-${at}`)

    expect(parse(Buffer.from(`get ${keys.join(' ')}\r\nmn\r\n`), [1_000])).toMatchObject([
      { kind: 'get', keys },
      { name: 'mn' },
    ])
    expect(parse(Buffer.from(`incr ${'k'.repeat(2_100)} 1\r\nmn\r\n`), [1_000])).toMatchObject([
      { kind: 'last', answer: 'CLIENT_ERROR line too long' },
    ])
    expect(parse(Buffer.from(`get ${'k '.repeat(600_000)}`), [65_536])).toMatchObject([{ kind: 'last' }])
  })

  it('Store P4: refuses a retrieval of more than 10,000 keys and reads on', () => {
    const commands = parse(Buffer.from(`get ${'k '.repeat(10_001)}\r\nmn\r\n`), [65_536])

    expect(commands).toMatchObject([{ kind: 'said', answer: 'CLIENT_ERROR too many keys' }, { name: 'mn' }])
  })

  it('Store P8: counts all that it holds, however small the pieces, and gives all of it back', () => {
    const room = new Room(1_000_000)
    const parser = new CommandParser({ ...limits, room })

    parser.push(Buffer.from('set k 0 0 1000\r\n'))
    expect(parser.next()).toBeUndefined()
    for (let at = 0; at < 1_001; at++) {
      parser.push(Buffer.from('x'))
      expect(parser.next()).toBeUndefined()
    }

    expect(room.used).toBeGreaterThan(200_000)
    parser.push(Buffer.from('\n'))
    expect(parser.next()).toMatchObject({ answer: 'CLIENT_ERROR bad data chunk' })
    expect(room.used).toBe(0)
  })

  it('Store P8: refuses a value for which there is no room left, and reads on behind it', () => {
    const room = new Room(5_000)
    const parser = new CommandParser({ ...limits, room })
    const value = 'x'.repeat(9_000)

    const commands = feed(parser, Buffer.from(`set k 0 0 9000\r\n${value}\r\nmn\r\n`), [1_000])

    expect(commands).toMatchObject([
      { kind: 'too-large', removes: true, answer: 'SERVER_ERROR out of memory storing object' },
      { name: 'mn' },
    ])
    expect(room.used).toBe(0)
  })

  it('keeps no view of a large chunk for its last few bytes', () => {
    const parser = new CommandParser({ ...limits, room: new Room(10_000) })
    const chunk = Buffer.from(`${'mn\r\n'.repeat(10_000)}set k 0 0 2\r\nab`)

    parser.push(chunk)
    for (let at = 0; at < 10_000; at++) parser.next()
    expect(parser.next()).toBeUndefined()
    chunk.fill('z')
    parser.push(Buffer.from('\r\n'))

    expect(parser.next()).toMatchObject({ kind: 'store', value: Buffer.from('ab') })
  })

  it('answers a binary client once, to its own opcode and opaque, and reads nothing more', () => {
    const head = Buffer.alloc(24)
    head[0] = 0x80
    head[1] = 0x0a
    head.writeUInt32BE(0xcafe, 12)

    const [answer, ...more] = parse(Buffer.concat([head, Buffer.from('get k\r\n')]), [5])

    if (answer?.kind !== 'last' || typeof answer.answer === 'string') throw new Error('no binary answer')
    expect(more).toEqual([])
    expect([answer.answer[0], answer.answer[1], answer.answer.readUInt16BE(6)]).toEqual([0x81, 0x0a, 0x83])
    expect(answer.answer.readUInt32BE(12)).toBe(0xcafe)
    expect(answer.answer.subarray(24).toString()).toContain('binary protocol is not served')
  })

  it('Store P8: spends nothing on a number of a megabyte, which would stop all that the process does', () => {
    const digits = '9'.repeat(1_000_000)
    const made = vi.spyOn(globalThis, 'BigInt')
    try {
      expect(parse(Buffer.from(`gat ${digits} k\r\n`), [65_536])).toMatchObject([
        { kind: 'said', answer: 'CLIENT_ERROR invalid exptime argument' },
      ])
      expect(parse(Buffer.from(`gat ${'0'.repeat(1_000_000)}5 k\r\n`), [65_536])).toMatchObject([{ seconds: 5 }])
      expect(Math.max(0, ...made.mock.calls.map(([text]) => String(text).length))).toBeLessThanOrEqual(20)
    } finally {
      made.mockRestore()
    }
  })

  it('Store P8: holds no long line of somebody who has not said who it is', () => {
    const room = new Room(10_000_000)
    const parser = new CommandParser({ ...limits, takesLongLines: () => false, room })

    expect(feed(parser, Buffer.from(`get ${'k '.repeat(1_000)}\r\nmn\r\n`), [500])).toHaveLength(2)
    expect(feed(parser, Buffer.from(`get ${'k '.repeat(2_000)}`), [500])).toMatchObject([
      { kind: 'last', answer: 'CLIENT_ERROR line too long' },
    ])
    expect(room.used).toBe(0)
  })

  it('hangs up on HTTP: what its body says must not be done', () => {
    const commands = parse(Buffer.from('POST / HTTP/1.1\r\nhost: x\r\n\r\nset k 0 0 1\r\na\r\n'), [9])

    expect(commands).toEqual([{ kind: 'last', name: 'unknown', answer: '' }])
  })
})

function parse(bytes: Buffer, sizes: readonly number[]): Command[] {
  return feed(new CommandParser({ ...limits, room: new Room(100_000_000) }), bytes, sizes)
}

function feed(parser: CommandParser, bytes: Buffer, sizes: readonly number[]): Command[] {
  const commands: Command[] = []
  for (let at = 0, slice = 0; at < bytes.length; slice++) {
    const size = sizes[slice % sizes.length] ?? 1
    parser.push(Buffer.from(bytes.subarray(at, at + size)))
    at += size
    for (let command = parser.next(); command !== undefined; command = parser.next()) commands.push(command)
  }
  return commands
}
