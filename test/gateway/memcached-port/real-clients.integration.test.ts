import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Memcached from 'memcached'
import memjs from 'memjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { within } from '../../support/eventually.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { type OpenPort, openPort } from './open-port.ts'

const limitMs = 20_000

describe('clients as they are', () => {
  let port: OpenPort
  beforeAll(async () => {
    port = await openPort({ yaml: { flushAll: 'namespace' } })
  })
  afterAll(() => port[Symbol.asyncDispose]())

  it('pymemcache: all that it offers works, objects included', async () => {
    const script = fileURLToPath(new URL('pymemcache-clients.py', import.meta.url))

    const { code, out } = await run('/usr/bin/python3', [script, '127.0.0.1', `${port.port}`])

    expect(code, out).toBe(0)
    expect(JSON.parse(out)).toEqual({
      set: true,
      get: 'value',
      'add over it': false,
      replace: true,
      incr: 15,
      decr: 9,
      cas: true,
      'cas again': false,
      append: true,
      prepend: true,
      now: '<swapped!',
      touch: true,
      many: 500,
      delete: true,
      'delete again': false,
      large: 1_000_000,
      version: '1.6.18-tidegate',
      stats: true,
      object: { a: [1, 2, 3], b: null },
    })
  })

  it('npm memcached: all that it offers works', async () => {
    const client = new Memcached(`127.0.0.1:${port.port}`, { timeout: limitMs, retries: 0 }) as unknown as Callbacks
    const call = (name: keyof Callbacks, ...args: unknown[]): Promise<unknown> =>
      within(
        limitMs,
        name,
        promisify((done: (error: unknown, value: unknown) => void) => client[name]?.(...args, done))(),
      )

    expect(await call('set', 'n', { deep: [1, 'ü'] }, 100)).toBe(true)
    expect(await call('get', 'n')).toEqual({ deep: [1, 'ü'] })
    expect(await call('set', 'count', 5, 0)).toBe(true)
    expect(await call('incr', 'count', 3)).toBe(8)
    expect(await call('decr', 'count', 1)).toBe(7)
    const found = (await call('gets', 'n')) as { cas: string }
    expect(await call('cas', 'n', 'swapped', found.cas, 0)).toBe(true)
    expect(await call('append', 'n', '!')).toBe(true)
    expect(await call('getMulti', ['n', 'count', 'nobody'])).toEqual({ n: 'swapped!', count: 7 })
    expect(await call('touch', 'n', 100)).toBe(true)
    expect(await call('del', 'n')).toBe(true)
    expect(await call('get', 'n')).toBeUndefined()
    client.end()
  })

  it('npm memcache: all that it offers works', async () => {
    const { Memcache } = await import('memcache')
    const client = new Memcache({ nodes: [`127.0.0.1:${port.port}`] })
    await within(limitMs, 'memcache', client.connect())

    expect(await client.set('m', 'value', 100)).toBe(true)
    expect(await client.get('m')).toBe('value')
    expect(await client.add('m', 'other')).toBe(false)
    expect(await client.append('m', '!')).toBe(true)
    expect([...(await client.gets(['m', 'nobody']))]).toEqual([['m', 'value!']])
    expect(await client.set('c', '41')).toBe(true)
    expect(await client.incr('c')).toBe(42)
    expect(await client.touch('m', 10)).toBe(true)
    expect(await client.delete('m')).toBe(true)
    expect(await client.get('m')).toBeUndefined()
    await client.disconnect()
  })

  it('memjs, which is binary: is refused in its own protocol, and never hangs', async () => {
    const client = memjs.Client.create(`127.0.0.1:${port.port}`, { timeout: 2, retries: 0 })
    const errors: unknown[] = []
    const asked = client.set('k', 'v', { expires: 0 }).catch((error: unknown) => errors.push(error))

    await within(limitMs, 'the refusal', asked)

    expect(errors).toHaveLength(1)
    client.close()
  })

  it('libmemcached: its tools work as they are', async () => {
    await using folder = await temporaryFolder()
    const file = folder.file('copied.txt')
    await writeFile(file, 'from a file')
    const servers = `--servers=127.0.0.1:${port.port}`

    expect(await run('memcping', [servers])).toMatchObject({ code: 0 })
    expect(await run('memccp', [servers, '--set', file])).toMatchObject({ code: 0 })
    expect(await run('memccat', [servers, 'copied.txt'])).toMatchObject({ code: 0, out: 'from a file\n' })
    expect(await run('memcexist', [servers, 'copied.txt'])).toMatchObject({ code: 0 })
    expect(await run('memctouch', [servers, '--expire=100', 'copied.txt'])).toMatchObject({ code: 0 })
    expect((await run('memcstat', [servers])).out).toContain('get_hits')
    expect(await run('memcrm', [servers, 'copied.txt'])).toMatchObject({ code: 0 })
    expect((await run('memccat', [servers, 'copied.txt'])).code).not.toBe(0)
    expect(await run('memcflush', [servers])).toMatchObject({ code: 0 })
  })

  it('libmemcached, told to be binary, is refused and does not hang', async () => {
    const { code } = await run('memccat', [`--servers=127.0.0.1:${port.port}`, '--binary', 'k'])

    expect(code).not.toBe(0)
  })
})

type Callbacks = Record<string, (...args: unknown[]) => void> & { end(): void }

/** Runs to its end without holding up this process, which is the one that answers. */
async function run(command: string, args: readonly string[]): Promise<{ code: number | null; out: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += String(chunk)
  })
  child.stderr.on('data', (chunk) => {
    out += String(chunk)
  })
  const late = setTimeout(() => child.kill('SIGKILL'), limitMs)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(late)
  return { code, out }
}
