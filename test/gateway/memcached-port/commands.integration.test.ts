import { hash } from 'node:crypto'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { HeldClock, systemClock } from '#server-kit/clock.ts'
import { type CacheStore, noExpiry } from '../../../gateway/store/cache-store.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { eventually, within } from '../../support/eventually.ts'
import { legacy, openPort, RawClient } from './open-port.ts'

const token = 'a-random-token-of-forty-characters-length'
const user = (name: string, verbs: ('read' | 'write' | 'delete' | 'admin')[], namespace: string) => ({
  name,
  sha256: hash('sha256', token),
  namespace,
  verbs,
})

describe('the port', () => {
  it('Store P1: gives back key, flags and value byte for byte', async () => {
    await using port = await openPort()
    await using client = await RawClient.open(port.port)
    const bytes = Array.from({ length: 256 }, (_, at) => String.fromCharCode(at)).join('')
    const key = 'k\x01\x7f\xff\xe9'

    const answer = await client.ask(`set ${key} 4294967295 0 256\r\n${bytes}\r\nget ${key}\r\n`)

    expect(answer).toBe(`STORED\r\nVALUE ${key} 4294967295 256\r\n${bytes}\r\nEND\r\n`)
  })

  it('Store P1: a key that is UTF-8 is the same one of the cache API', async () => {
    await using port = await openPort()
    await using client = await RawClient.open(port.port)
    await port.store.put(legacy, 'grün', Buffer.from('x'), { stamp: port.stamps.next(), ttlMs: noExpiry })

    const answer = await client.ask(`get ${Buffer.from('grün').toString('latin1')}\r\n`)

    expect(answer).toContain('VALUE ')
  })

  it('Store P4: a value above the limit is refused, and the old one is gone', async () => {
    await using port = await openPort({ yaml: { valueLimit: '1KiB' } })
    await using client = await RawClient.open(port.port)
    const large = 'x'.repeat(2_000)

    const answer = await client.ask(`set k 0 0 1\r\na\r\nset k 0 0 2000\r\n${large}\r\nget k\r\nversion\r\n`)

    expect(answer).toBe('STORED\r\nSERVER_ERROR object too large for cache\r\nEND\r\nVERSION 1.6.18-tidegate\r\n')
  })

  it('Store P4: a thousand pipelined changes of one key and of others are answered in order', async () => {
    await using port = await openPort()
    await using client = await RawClient.open(port.port)
    let sent = 'set n 0 0 1\r\n0\r\n'
    let expected = 'STORED\r\n'
    for (let at = 1; at <= 1_000; at++) {
      sent += `incr n 1\r\nset o${at} 0 0 1 noreply\r\nx\r\nget n o${at}\r\n`
      expected += `${at}\r\nVALUE n 0 ${`${at}`.length}\r\n${at}\r\nVALUE o${at} 0 1\r\nx\r\nEND\r\n`
    }

    expect(await client.ask(sent)).toBe(expected)
  })

  it('Store P5: no zone in time is a miss for reads, and an error for writes and deletes', async () => {
    const silent = new MemoryStore({ zone: 'near', clock: systemClock })
    await silent.close()
    await using port = await openPort({ store: silent, yaml: { flushAll: 'namespace' } })
    await using client = await RawClient.open(port.port)

    const answer = await client.ask(
      'get k\r\nmg k v\r\nset k 0 0 1\r\na\r\nadd k 0 0 1\r\na\r\ntouch k 1\r\nincr k 1\r\ndelete k\r\nflush_all\r\nms k 1\r\na\r\nmd k\r\n',
    )

    const away = 'SERVER_ERROR zone unavailable'
    const lost = 'SERVER_ERROR invalidation not durable'
    expect(answer.split('\r\n')).toEqual(['END', 'EN', away, away, away, away, lost, away, away, lost, ''])
  })

  it('Store P6: nothing is done before the client has said who it is, and a third wrong password ends it', async () => {
    await using port = await openPort({ yaml: { users: [user('app', ['read', 'write'], 'shop')] } })
    await using client = await RawClient.open(port.port)
    const login = (password: string) => `set any 0 0 ${4 + password.length}\r\napp ${password}\r\n`

    client.send(`get k\r\nmn\r\n${login('wrong')}${login('')}${login('wrong')}version\r\n`)
    const refused = 'CLIENT_ERROR unauthenticated\r\n'
    const wrong = 'CLIENT_ERROR authentication failure\r\n'
    expect(await client.closed()).toBe(refused + refused + wrong + wrong + wrong)

    await using known = await RawClient.open(port.port)
    const answer = await known.ask(
      `${login(token)}set k 0 0 1\r\na\r\ndelete k\r\nget k\r\nflush_all\r\nget __tidegate__.zones\r\n`,
    )
    const denied = 'CLIENT_ERROR not allowed\r\n'
    expect(answer).toBe(`STORED\r\nSTORED\r\n${denied}VALUE k 0 1\r\na\r\nEND\r\n${denied}${denied}`)
    expect(await port.store.get('shop', 'k', { deadlineMs: 1_000 })).toMatchObject({ kind: 'hit' })
  })

  it('Store P6: a user that a new configuration no longer has can do nothing more', async () => {
    await using port = await openPort({ yaml: { users: [user('app', ['read'], 'shop')] } })
    await using client = await RawClient.open(port.port)
    client.send(`set any 0 0 ${4 + token.length}\r\napp ${token}\r\nget k\r\n`)
    expect(await client.until('END\r\n')).toBe('STORED\r\nEND\r\n')

    port.yaml = { ...port.yaml, users: [user('other', ['read'], 'shop')] }

    client.send('get k\r\n')
    expect(await client.until('\r\n')).toBe('CLIENT_ERROR unauthenticated\r\n')
  })

  it('Store P7: tells admins what it knows in one line of JSON, and nobody can write there', async () => {
    await using port = await openPort({ yaml: { verbs: ['read', 'write', 'delete', 'admin'] } })
    await using client = await RawClient.open(port.port)
    await client.ask('set k 0 0 1\r\na\r\n')

    const ask = async (question: string): Promise<unknown> => {
      const answer = await client.ask(`get __tidegate__.${question}\r\n`)
      return JSON.parse(/^VALUE \S+ 0 \d+\r\n(.*)\r\nEND\r\n$/.exec(answer)?.[1] ?? 'null')
    }
    expect(await ask('zones')).toMatchObject([{ zone: 'near', state: 'up' }])
    expect(await ask('stamp(k)')).toMatchObject({ state: 'hit', writer: 1 })
    expect(await ask('route(get,k)')).toMatchObject({ operation: 'get', key: 'k', places: [{ zone: 'near' }] })
    expect(await ask('debt')).toEqual({ invalidations: 0 })
    expect(await ask('version')).toEqual({ version: '1.2.3' })
    expect(await ask('config_digest')).toEqual({ digest: 'abc' })
    expect(await client.ask('set __tidegate__.zones 0 0 1\r\na\r\nget __tidegate__.nothing\r\n')).toBe(
      'CLIENT_ERROR not allowed\r\nEND\r\n',
    )
  })

  it('Store P7: an admin who may not read reads no key beside a question', async () => {
    await using port = await openPort({ yaml: { verbs: ['write', 'admin'] } })
    await using client = await RawClient.open(port.port)

    client.send('set k 0 0 1\r\na\r\nget __tidegate__.version k\r\nget __tidegate__.version __tidegate__.debt\r\n')

    expect(await client.until('END\r\n')).toMatch(/^STORED\r\nCLIENT_ERROR not allowed\r\nVALUE [^k]*\r\nVALUE /)
  })

  it('flush_all is denied unless the port says otherwise, and then begins a new generation, after its delay if it has one', async () => {
    await using denied = await openPort()
    await using first = await RawClient.open(denied.port)
    expect(await first.ask('flush_all\r\nflush_all noreply\r\n')).toBe('CLIENT_ERROR flush_all not allowed\r\n')

    await using port = await openPort({ yaml: { flushAll: 'namespace' } })
    await using client = await RawClient.open(port.port)
    expect(
      await client.ask('set k 0 0 1\r\na\r\nflush_all\r\nget k\r\nset k 0 0 1\r\nb\r\nflush_all 1\r\nget k\r\n'),
    ).toBe('STORED\r\nOK\r\nEND\r\nSTORED\r\nOK\r\nVALUE k 0 1\r\nb\r\nEND\r\n')
    await eventually(async () => (await client.ask('get k\r\n')) === 'END\r\n')
  })

  it('refuses what is about a server of its own, and stays usable', async () => {
    await using port = await openPort()
    await using client = await RawClient.open(port.port)
    const names = [
      'slabs',
      'lru',
      'lru_crawler',
      'watch',
      'cache_memlimit',
      'shutdown',
      'extstore',
      'refresh_certs',
      'debugtime',
    ]

    const answer = await client.ask(`${names.map((name) => `${name} x\r\n`).join('')}mg k E5\r\n`)

    expect(answer).toBe(
      `${names.map((name) => `CLIENT_ERROR ${name} not allowed\r\n`).join('')}CLIENT_ERROR invalid flag\r\n`,
    )
  })

  it('counts what it is asked in memcached words, from a reset on', async () => {
    await using port = await openPort()
    await using client = await RawClient.open(port.port)
    await client.ask('set k 0 0 1\r\na\r\nget k nobody\r\ndelete nobody\r\n')

    const stats = await client.ask('stats\r\n')
    // The second miss is the one by which `ask` knows where an answer ends.
    expect(stats).toContain('STAT get_hits 1\r\nSTAT get_misses 2\r\n')
    expect(stats).toMatch(/STAT curr_connections 1\r\n[\s\S]*END\r\n$/)
    expect(await client.ask('stats settings\r\nstats slabs\r\nstats reset\r\n')).toMatch(
      /item_size_max[\s\S]*END\r\nEND\r\nRESET\r\n$/,
    )
    expect(await client.ask('stats\r\n')).toContain('STAT get_hits 0\r\n')
  })

  it('Store I9: of all who ask for a value that is not there one may make it, and only with its token', async () => {
    await using port = await openPort()
    await using client = await RawClient.open(port.port)

    const [, token_ = ''] = /^VA 0 c(\d+) W\r\n/.exec(await client.ask('mg k v c N10\r\n')) ?? []
    expect(await client.ask('mg k v N10\r\nget k\r\n')).toBe('VA 0 Z\r\n\r\nEND\r\n')
    expect(await client.ask(`ms k 1 C1\r\nx\r\nms k 3 C${token_}\r\nabc\r\nmg k v N10\r\n`)).toBe(
      'NF\r\nHD\r\nVA 3\r\nabc\r\n',
    )
  })

  it('Store I9: a value that was made stale is read on, and one reader is to make it anew', async () => {
    await using port = await openPort()
    await using client = await RawClient.open(port.port)
    await client.ask('set k 0 0 3\r\nold\r\n')

    expect(await client.ask('md k I T30\r\n')).toBe('HD\r\n')
    const [, unique = ''] = /^VA 3 c(\d+) X W\r\nold\r\n$/.exec(await client.ask('mg k v c\r\n')) ?? []
    expect(await client.ask('mg k v\r\nget k\r\n')).toBe('VA 3 Z X\r\nold\r\nVALUE k 0 3\r\nold\r\nEND\r\n')
    expect(await client.ask(`ms k 3 C${unique}\r\nnew\r\nmg k v\r\n`)).toBe('HD\r\nVA 3\r\nnew\r\n')
  })

  it('Store P6: who may only read is never the one who is to make a stale value anew', async () => {
    const users = [user('reader', ['read'], legacy), user('app', ['read', 'write', 'delete'], legacy)]
    await using port = await openPort({ yaml: { users } })
    await using reader = await RawClient.open(port.port)
    await using app = await RawClient.open(port.port)
    const login = (name: string) => `set any 0 0 ${name.length + 1 + token.length}\r\n${name} ${token}\r\n`
    expect(await app.ask(`${login('app')}set k 0 0 1\r\na\r\nmd k I T60\r\n`)).toBe('STORED\r\nSTORED\r\nHD\r\n')

    expect(await reader.ask(`${login('reader')}mg k v\r\n`)).toBe('STORED\r\nVA 1 Z X\r\na\r\n')
    expect(await app.ask('mg k v\r\n')).toBe('VA 1 X W\r\na\r\n')
  })

  it('one reader is told to make a value anew before it expires', async () => {
    await using port = await openPort()
    await using client = await RawClient.open(port.port)
    await client.ask('set k 0 20 1\r\na\r\n')

    expect(await client.ask('mg k v R10\r\nmg k v R30\r\nmg k v R30\r\n')).toBe(
      'VA 1\r\na\r\nVA 1 W\r\na\r\nVA 1 Z\r\na\r\n',
    )
    expect(await client.ask('set k 0 20 1\r\nb\r\nmg k v R30\r\n')).toBe('STORED\r\nVA 1 W\r\nb\r\n')
  })

  it('a set that was overtaken leaves its value as a stale one, if it says so', async () => {
    await using port = await openPort()
    await using client = await RawClient.open(port.port)
    const [, unique = ''] = /c(\d+)/.exec(await client.ask('ms k 1 c\r\na\r\n')) ?? []

    expect(
      await client.ask(`set k 0 0 1\r\nb\r\nms k 1 C${unique}\r\nc\r\nms k 1 C${unique} I\r\nd\r\nmg k v\r\n`),
    ).toBe('STORED\r\nEX\r\nHD\r\nVA 1 X W\r\nd\r\n')
  })

  it('a key in base64 is the same key, whatever bytes it has', async () => {
    await using port = await openPort()
    await using client = await RawClient.open(port.port)
    const key = Buffer.from('with space\n').toString('base64')

    expect(await client.ask(`ms ${key} 1 b k\r\na\r\nmg ${key} b k v\r\nmg Zm9v b k\r\nmg !!!! b\r\n`)).toBe(
      `HD k${key} b\r\nVA 1 k${key} b\r\na\r\nEN kZm9v b\r\nCLIENT_ERROR error decoding key\r\n`,
    )
  })
})

describe('an attack on the port', () => {
  it('Store P8: who reads no answers holds no more than its limit', async () => {
    let asked = 0
    const memory = new MemoryStore({ zone: 'near', clock: systemClock })
    const value = Buffer.alloc(512 * 1024, 1)
    const store = new Proxy(memory, {
      get: (target, name) => {
        if (name === 'get')
          return async () => {
            asked++
            return { kind: 'hit', value, flags: 0, stamp: 1n, ttlMs: noExpiry, zone: 'near' }
          }
        const own = Reflect.get(target, name) as unknown
        return typeof own === 'function' ? own.bind(target) : own
      },
    }) as CacheStore
    await using port = await openPort({ store })
    await using client = await RawClient.open(port.port)
    client.socket.pause()

    client.send(`get ${'k '.repeat(9_999)}\r\n`)

    await eventually(() => asked > 30)
    let before = -1
    await eventually(
      () => {
        const still = before === asked
        before = asked
        return still
      },
      { everyMs: 200, deadlineMs: 20_000 },
    )
    // 16 MiB, what the sockets of both sides hold, and the keys that were under way at once.
    expect(asked).toBeLessThan(300)
  }, 30_000)

  it('Store P8: a connection above the limit is told so, and the others go on', async () => {
    await using port = await openPort({ yaml: { maxConnections: 1 } })
    await using first = await RawClient.open(port.port)
    await first.ask('version\r\n')

    await using second = await RawClient.open(port.port)

    expect(await second.closed()).toBe('ERROR Too many open connections\r\n')
    expect(await first.ask('mn\r\n')).toBe('MN\r\n')
  })

  it('Store P8: who was told so and does not hang up is hung up on', async () => {
    await using port = await openPort({ yaml: { maxConnections: 1 } })
    await using first = await RawClient.open(port.port)
    await first.ask('version\r\n')
    const second = connect({ port: port.port, host: '127.0.0.1', allowHalfOpen: true })
    const closed = new Promise((resolve) => second.once('close', resolve))
    const drip = setInterval(() => second.write('x'), 100)
    second.on('error', () => second.destroy())
    second.resume()

    try {
      await within(10_000, 'the end of the connection', closed)
    } finally {
      clearInterval(drip)
      second.destroy()
    }
  })

  it('Store P6: a stranger has half a minute, however busy it is, and no long lines', async () => {
    const clock = new HeldClock()
    await using port = await openPort({ clock, yaml: { users: [user('app', ['read'], 'shop')] } })
    await using busy = await RawClient.open(port.port)
    await using long = await RawClient.open(port.port)
    clock.advance(20_000)
    let answered = 0
    busy.socket.on('data', (chunk) => {
      answered += chunk.length
    })
    busy.send('mn\r\n'.repeat(50_000))
    await eventually(() => answered === 50_000 * 'CLIENT_ERROR unauthenticated\r\n'.length)
    long.send(`get ${'k '.repeat(2_000)}`)

    clock.advance(15_000)

    await busy.closed()
    expect(await long.closed()).toBe('CLIENT_ERROR line too long\r\n')
  })

  it('Store P8: who never ends what it began is closed after the idle time', async () => {
    await using port = await openPort({ yaml: { idle: '1s' } })
    await using client = await RawClient.open(port.port)
    const drip = setInterval(() => client.send('x'), 100)
    try {
      client.send('set k 0 0 1000\r\n')
      expect(await client.closed(20_000)).toBe('')
    } finally {
      clearInterval(drip)
    }
  }, 30_000)

  it('Store P4: a unique that nobody gave is no way to push the clock ahead', async () => {
    await using port = await openPort()
    await using client = await RawClient.open(port.port)

    expect(
      await client.ask('set k 0 0 1\r\na\r\ncas k 0 0 1 18446744073709551615\r\nb\r\nset k 0 0 1\r\nc\r\nget k\r\n'),
    ).toBe('STORED\r\nEXISTS\r\nSTORED\r\nVALUE k 0 1\r\nc\r\nEND\r\n')
    expect(port.stamps.next() >> 20n).toBeLessThan(BigInt(Date.now() + 1_000))
  })
})
