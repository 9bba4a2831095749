import { execFile } from 'node:child_process'
import { hash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { placementSet, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway } from '../bed.ts'

/** What the TypeScript of the page exports. */
interface SharedCache {
  get(key: string): Promise<string | undefined>
  put(key: string, value: string, ttlS: number): Promise<boolean>
  delete(key: string): Promise<void>
  incr(key: string, by: number, ttlS: number): Promise<bigint>
  remember(key: string, ttlS: number, make: () => Promise<string>): Promise<string>
}

const token = 'the-monolith'
let bed: Bed
let gateway: RunningGateway
let cacheUrl: string

/** The fences of a page in one language. */
const fences = async (page: string, language: string): Promise<string[]> =>
  Array.from(
    (await readFile(`docs/operate/${page}.md`, 'utf8')).matchAll(
      new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'),
    ),
    ([, body = '']) => body,
  )

beforeAll(async () => {
  bed = await openBed()
  await bed.writeTable('table', structure([]), placementSet([]))
  gateway = await bed.start('onprem', {
    table: { file: 'table' },
    cache: {
      // No deadline of a zone is missed here on a busy machine: what is shown is the page.
      zones: [{ name: 'near', driver: 'memory' }],
      clients: [
        {
          name: 'monolith',
          sha256: hash('sha256', token, 'hex'),
          namespaces: ['legacy'],
          verbs: ['read', 'write', 'delete'],
        },
      ],
    },
  })
  cacheUrl = `${gateway.internal}/cache/v1/legacy`
})
afterAll(async () => {
  await bed[Symbol.asyncDispose]()
})

describe('docs/operate/cache.md', () => {
  it('shows commands that run, one after another', async () => {
    const [, commands = ''] = await fences('cache', 'sh')
    expect(commands.split('\n').length).toBeGreaterThan(8)
    const strict = 'set -euo pipefail\ncurl() { command curl -sS --fail-with-body --max-time 20 "$@"; }\n'

    const { stdout } = await promisify(execFile)('bash', ['-c', strict + commands], {
      env: { ...process.env, TOKEN: token, CACHE: cacheUrl },
    })

    expect(stdout).toContain('hello')
    expect(stdout).toContain('{"value":"1"}')
    expect(stdout).toMatch(/"state":"win"/)
    expect(stdout).toMatch(/"value":"aGVsbG8="/)
    expect(stdout).toMatch(/"keys":1,"tags":1/)
  })
})

describe('the TypeScript client of docs/operate/cache-clients.md', () => {
  async function clientOf(url: string): Promise<SharedCache> {
    const [source = ''] = await fences('cache-clients', 'ts')
    const file = bed.folder.file('shared-cache.ts')
    await writeFile(file, source)
    const module = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as {
      SharedCache: new (options: { url: string; token: string; timeoutMs: number }) => SharedCache
    }
    return new module.SharedCache({ url, token, timeoutMs: 10_000 })
  }

  it('reads, writes, counts and deletes', async () => {
    const cache = await clientOf(cacheUrl)

    expect(await cache.get('größe/7')).toBeUndefined()
    expect(await cache.put('größe/7', 'weit', 60)).toBe(true)
    expect(await cache.get('größe/7')).toBe('weit')
    await cache.delete('größe/7')
    await cache.delete('größe/7')
    expect(await cache.get('größe/7')).toBeUndefined()
    expect([await cache.incr('n', 2, 60), await cache.incr('n', 2, 60)]).toEqual([2n, 4n])
  })

  it('makes a value once for many who ask at once', async () => {
    const cache = await clientOf(cacheUrl)
    let made = 0
    const make = async () => {
      made++
      await new Promise((resolve) => setTimeout(resolve, 100))
      return 'made'
    }

    const values = await Promise.all(Array.from({ length: 20 }, () => cache.remember('summary', 60, make)))

    expect(new Set(values)).toEqual(new Set(['made']))
    expect(made).toBe(1)
  })

  it('goes on without the cache, but for deletes', async () => {
    const cache = await clientOf('http://127.0.0.1:1/cache/v1/legacy')

    expect(await cache.get('k')).toBeUndefined()
    expect(await cache.remember('k', 60, async () => 'made')).toBe('made')
    await expect(cache.delete('k')).rejects.toThrow()
  })
})
