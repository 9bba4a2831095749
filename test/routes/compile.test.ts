import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Catalog, type CatalogFile, readCatalog } from '#routes/catalog.ts'
import { compile } from '#routes/compile.ts'
import { printFault } from '#routes/document.ts'
import type { Structure } from '#routes/structure.ts'
import { decodeStructure, encodeStructure } from '#routes/structure-codec.ts'
import { limits } from '#routes/table.ts'

const sites = {
  file: 'sites.yaml',
  text: `sites:
  - { name: onprem, origin: "http://127.0.0.1:17101" }
  - { name: cloud, origin: "http://127.0.0.1:17201" }
`,
}
const teams = { file: 'teams.yaml', text: 'teams: [{ name: team-a }]' }

describe('the example catalog', () => {
  const root = new URL('../../routes/example/', import.meta.url)
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => ({ file, text: readFileSync(new URL(file, root), 'utf8') }))

  it('compiles without a warning', () => {
    const compiled = compile(catalogOf(files), { number: 7 })

    expect(compiled.warnings.map(printFault)).toEqual([])
    expect(compiled).toMatchObject({ ok: true, structure: { number: 7, mayShrink: false, defaultSite: 'onprem' } })
  })

  it('comes back the same from the text that receivers take', () => {
    const structure = structureOf(files)

    expect(decodeStructure(encodeStructure(structure))).toEqual(structure)
  })

  it('gives the same structure whatever the order of its files', () => {
    const structure = JSON.stringify(structureOf(files))
    fc.assert(
      fc.property(fc.shuffledSubarray(files, { minLength: files.length }), (shuffled) => {
        expect(JSON.stringify(structureOf(shuffled))).toBe(structure)
      }),
      { numRuns: 20 },
    )
  })
})

describe('a structure says what the catalog says', () => {
  const structure = structureOf([sites, teams, file('a', '{ cloud: { url: "http://a" } }', '- { path: "/a/{id}" }')])

  it('with the defaults of what is not written', () => {
    expect(structure.services).toEqual([
      {
        id: 'a',
        team: 'team-a',
        tier: 3,
        state: 'shared',
        home: 'cloud',
        key: ['authorization'],
        deployments: [{ site: 'cloud', url: 'http://a' }],
      },
    ])
    expect(structure.routes).toEqual([
      {
        id: 'a:*:/a/{id}',
        service: 'a',
        unit: 'a',
        pattern: '/a/{id}',
        policy: {
          auth: { scopes: [] },
          timeout: { connectMs: 1000, firstByteMs: 15_000, totalMs: 30_000 },
          maxBodyBytes: 100 * 1024 ** 2,
        },
      },
    ])
  })

  it('with each written policy as numbers', () => {
    const route = `- path: /b/{id}
    methods: [PUT, GET, GET]
    unit: part
    effect: read
    trailingSlash: ignore
    auth: public
    cache: { ttl: 1m, staleWhileRevalidate: 5s, tags: ["b:{id}"], key: { headers: [b, a], query: [q] } }
    timeout: { total: 2m }
    maxBody: 8MiB`
    const [read] = structureOf([sites, teams, file('b', '{ onprem: { url: "http://b" } }', route)]).routes

    expect(read).toEqual({
      id: 'b:GET,PUT:/b/{id}',
      service: 'b',
      unit: 'b.part',
      pattern: '/b/{id}',
      methods: ['GET', 'PUT'],
      policy: {
        effect: 'read',
        trailingSlash: 'ignore',
        auth: 'public',
        cache: {
          profile: 'api',
          ttlMs: 60_000,
          staleWhileRevalidateMs: 5000,
          per: 'everyone',
          key: { query: { only: ['q'] }, headers: ['a', 'b'] },
          tags: ['b:{id}'],
        },
        timeout: { connectMs: 1000, firstByteMs: 15_000, totalMs: 120_000 },
        maxBodyBytes: 8 * 1024 ** 2,
      },
    })
  })

  it.each([
    ['{ cloud: { url: "http://a" }, onprem: { url: "http://a" } }', 'onprem'],
    ['{ cloud: { url: "http://a" } }', 'cloud'],
  ])('a service deployed as %s is at home in %s', (deployments, home) => {
    const read = structureOf([sites, teams, file('a', deployments, '- { path: /a }')])

    expect(read.services[0]?.home).toBe(home)
  })

  it('a service is at home in the default site, whatever the order of sites', () => {
    const cloudFirst = { ...sites, text: `${sites.text}defaultSite: cloud\n` }
    const both = '{ cloud: { url: "http://a" }, onprem: { url: "http://a" } }'

    expect(structureOf([cloudFirst, teams, file('a', both, '- { path: /a }')]).services[0]?.home).toBe('cloud')
  })

  it('with routes sorted by path, host and methods', () => {
    const routes = ['{ path: /c }', '{ path: /b }', '{ path: /b, methods: [PUT] }', '{ path: /b, methods: [GET] }']
    const read = structureOf([
      sites,
      teams,
      file('a', '{ cloud: { url: "http://a" } }', routes.map((route) => `- ${route}`).join('\n  ')),
      file('b', '{ cloud: { url: "http://a" } }', '- { path: /a }'),
    ])

    expect(read.routes.map(({ id }) => id)).toEqual(['b:*:/a', 'a:*:/b', 'a:GET:/b', 'a:PUT:/b', 'a:*:/c'])
  })
})

it('a table of more routes than receivers take is refused', () => {
  const catalog = catalogOf([sites, teams, file('a', '{ cloud: { url: "http://a" } }', '- { path: /a }')])
  const [service] = catalog.services
  if (service === undefined) throw new Error('no service')
  const routes = Array.from({ length: limits.routes + 1 }, () => service.routes).flat()

  const compiled = compile({ ...catalog, services: [{ ...service, routes }] }, { number: 1 })

  expect(compiled.ok ? [] : compiled.faults.map(printFault)).toEqual([
    'services/a.yaml:1:10 200001 routes: expected at most 200000; join them by "/**"',
  ])
})

it('paths that make a look-up long are a warning with the request that shows it', () => {
  // Six segments, each a literal or a parameter: every way is entered before a request is answered.
  const routes = Array.from({ length: 64 }, (_, way) => {
    const path = [0, 1, 2, 3, 4, 5].map((at) => ((way >> at) & 1 ? `{p${at}}` : `l${at}`)).join('/')
    return `- { path: "/${path}" }`
  })
  const catalog = catalogOf([sites, teams, file('a', '{ cloud: { url: "http://a" } }', routes.join('\n  '))])

  expect(compile(catalog, { number: 1 }).warnings.map(printFault)).toEqual([
    'services/a.yaml:1:1 "http://x1.invalid/l0/l1/l2/l3/l4/l5": finding its route may take 127 steps (above 64); use fewer parameters beside literals in the paths that match it in part',
  ])
})

it('500 services of 20 routes are read and compiled in less than 3 s of processor time', () => {
  const files = Array.from({ length: 500 }, (_, at) => {
    const routes = Array.from({ length: 20 }, (_, route) => `- { path: "/v1/s${at}/r${route}/{id}", methods: [GET] }`)
    return file(`s${at}`, '{ onprem: { url: "http://a" }, cloud: { url: "http://b" } }', routes.join('\n  '))
  })
  const started = performance.now()
  // What the processor did for us: other programs on the machine change the time on the wall.
  const before = process.cpuUsage()

  const catalog = catalogOf([sites, teams, ...files])
  const read = performance.now()
  const compiled = compile(catalog, { number: 1 })
  const done = performance.now()

  const { user, system } = process.cpuUsage(before)
  console.log(`500 x 20 routes: read ${(read - started).toFixed(0)} ms, compiled ${(done - read).toFixed(0)} ms`)
  expect(compiled.ok && compiled.structure.routes.length).toBe(10_000)
  expect((user + system) / 1000).toBeLessThan(3000)
})

function file(name: string, deployments: string, routes: string): CatalogFile {
  const text = `service: ${name}\nowner: team-a\ndeployments: ${deployments}\nroutes:\n  ${routes}\n`
  return { file: `services/${name}.yaml`, text }
}

function catalogOf(files: readonly CatalogFile[]): Catalog {
  const read = readCatalog(files)
  if (!read.ok) throw new Error(read.faults.map(printFault).join('\n'))
  return read.catalog
}

function structureOf(files: readonly CatalogFile[]): Structure {
  const compiled = compile(catalogOf(files), { number: 1 })
  if (!compiled.ok) throw new Error(compiled.faults.map(printFault).join('\n'))
  return compiled.structure
}
