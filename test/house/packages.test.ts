import { describe, expect, it } from 'vitest'
import { completed, type LockEntries, missingOptional, platformOf } from './lock-file.ts'
import { readText } from './repository.ts'

interface Lock {
  readonly packages: LockEntries
}

/** npm on an old Node takes older majors without a word; here they would be seen. */
const majors: Readonly<Record<string, number>> = {
  '@biomejs/biome': 2,
  '@cloudflare/vitest-plugin': 1,
  autocannon: 9,
  commander: 15,
  fastify: 5,
  ioredis: 6,
  'itty-router': 6,
  kysely: 0,
  pino: 10,
  'prom-client': 15,
  react: 19,
  typebox: 1,
  typescript: 7,
  undici: 7,
  vite: 8,
  vitest: 5,
  workerd: 1,
  wrangler: 4,
  yaml: 2,
}

const manifest: { dependencies: Record<string, string>; devDependencies: Record<string, string> } = JSON.parse(
  readText('package.json'),
)
const lock: Lock = JSON.parse(readText('package-lock.json'))
const wanted = { ...manifest.dependencies, ...manifest.devDependencies }

const locked = (name: string): string => lock.packages[`node_modules/${name}`]?.version ?? 'absent'
const copies = ({ packages }: Lock, name: string): string[] =>
  Object.keys(packages).filter((path) => path === `node_modules/${name}` || path.endsWith(`/node_modules/${name}`))

describe('packages', () => {
  it('are named by exact version and locked at it', () => {
    expect(Object.keys(wanted).length).toBeGreaterThan(10)
    const faults = Object.entries(wanted).filter(
      ([name, version]) => !/^\d+\.\d+\.\d+$/.test(version) || locked(name) !== version,
    )

    expect(faults).toEqual([])
  })

  it('have the majors that this code is written for', () => {
    const found = Object.fromEntries(Object.keys(majors).map((name) => [name, Number.parseInt(locked(name), 10)]))

    expect(found).toEqual(majors)
  })

  it('bring workerd once', () => {
    const twice: Lock = { packages: { 'node_modules/workerd': {}, 'node_modules/wrangler/node_modules/workerd': {} } }

    expect(copies(twice, 'workerd')).toHaveLength(2)
    expect(copies(lock, 'workerd')).toEqual(['node_modules/workerd'])
  })

  it('are all in the lock, those of other platforms too, or `npm ci` refuses it', () => {
    const holey: LockEntries = {
      'node_modules/tool': {
        version: '1.0.0',
        optionalDependencies: { 'tool-linux-x64': '1.0.0', 'tool-darwin-arm64': '1.0.0' },
      },
      'node_modules/tool/node_modules/tool-linux-x64': { version: '1.0.0' },
    }

    expect(missingOptional(holey).map(({ name }) => name)).toEqual(['tool-darwin-arm64'])
    expect(missingOptional(completed(holey))).toEqual([])
    expect(platformOf('@a/b-linux-arm64-musl')).toEqual({ os: ['linux'], cpu: ['arm64'], libc: ['musl'] })
    expect(platformOf('@a/b-windows-64')).toEqual({ os: ['win32'], cpu: ['x64'] })
    const missing = missingOptional(lock.packages).map(({ name }) => name)
    expect(missing, 'run `node test/house/complete-lock.ts`').toEqual([])
  })

  it('name no host: which registry they come from is the business of the machine', () => {
    const named = Object.entries(lock.packages).filter(([, { resolved }]) => resolved !== undefined)

    expect(Object.keys(lock.packages).length).toBeGreaterThan(100)
    expect(named.map(([path]) => path)).toEqual([])
    expect(readText('.npmrc')).not.toMatch(/registry|_auth/)
  })
})
