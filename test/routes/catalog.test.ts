import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CatalogFile, readCatalog } from '#routes/catalog.ts'
import { compile } from '#routes/compile.ts'
import { printFault } from '#routes/document.ts'

const folder = new URL('../corpora/catalog/', import.meta.url)
const update = process.env['UPDATE_CORPORA'] === '1'

const base: readonly CatalogFile[] = [
  {
    file: 'sites.yaml',
    text: `sites:
  - { name: onprem, origin: "http://127.0.0.1:17101" }
  - { name: cloud, origin: "http://127.0.0.1:17201" }
hosts:
  - { name: api.example.com, aliases: [localhost] }
`,
  },
  { file: 'teams.yaml', text: 'teams: [{ name: team-a }, { name: team-b }]\n' },
]

describe('a catalog is read with every problem told at once, at its place', () => {
  const names = readdirSync(folder).filter((name) => name.endsWith('.txt'))

  it('has cases', () => expect(names.length).toBeGreaterThan(15))

  it.each(names)('%s', (name) => {
    const path = new URL(name, folder)
    const [, input = '', expected = ''] = /^([\s\S]*?\n)-{10}\n([\s\S]*)$/.exec(readFileSync(path, 'utf8')) ?? []

    const told = tell(filesOf(input))

    if (update) writeFileSync(path, `${input}----------\n${told}`)
    else expect(told).toBe(expected)
  })
})

describe('a file that is no catalog document gets one fault and never a throw', () => {
  const good = service('orders', '/v1/orders')

  it.each([
    [
      'a file of 10 MB',
      `${good}# ${'x'.repeat(10_000_000)}`,
      'services/x.yaml:1:1 "service: orders\\nowne": the file is larger than 256KiB; split it',
    ],
    [
      'a file with a zero byte',
      `${good}#\0`,
      'services/x.yaml:5:2 a zero byte: expected a text file; save the file as UTF-8',
    ],
    [
      'bytes that are not UTF-8',
      `${good}a: \uFFFD\uFFFD`,
      'services/x.yaml:5:4 a byte that is not UTF-8: expected a text file; save the file as UTF-8',
    ],
    ['brackets without end', '['.repeat(20_000), 'nested too deeply to be read; write it flatter'],
    ['aliases that multiply', bomb(), 'an alias: the document has more than 100000 values'],
  ])('%s', (_, text, expected) => {
    const read = readCatalog([...base, { file: 'services/x.yaml', text }])

    expect(read.ok).toBe(false)
    if (read.ok) return
    expect(read.faults.map(printFault).join('\n')).toContain(expected)
    expect(read.faults.length).toBe(1)
  })

  it('any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), yamlish()), (text) => {
        const read = readCatalog([...base, { file: 'services/x.yaml', text }])

        if (read.ok) compile(read.catalog, { number: 1 })
        else for (const fault of read.faults) expect(fault.line * fault.column).toBeGreaterThan(0)
      }),
      { numRuns: 200 },
    )
  })

  it('a good document with anything put into it', () => {
    const whole = service('orders', '/v1/orders/{id}', 'cache: { ttl: 5s, tags: ["a:{id}"] }')
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(20), fc.string({ unit: 'binary', maxLength: 8 }), (at, cut, extra) => {
        const text = whole.slice(0, at) + extra + whole.slice(at + cut)

        const read = readCatalog([...base, { file: 'services/x.yaml', text }])

        expect(read.ok || read.faults.length > 0).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})

it('stops reading after 1,000 faults', () => {
  const bad = Array.from({ length: 40 }, (_, at) => `wrong${at}: 1\n`).join('')
  const files = Array.from({ length: 100 }, (_, at) => ({
    file: `services/s${at}.yaml`,
    text: `service: s${at}\n${bad}`,
  }))

  const read = readCatalog([...base, ...files])

  expect(read.ok ? 0 : read.faults.length).toBeGreaterThan(1000)
  expect(read.ok ? 0 : read.faults.length).toBeLessThan(1100)
})

it('says which of the two common files is missing', () => {
  expect(tell([])).toBe(
    'sites.yaml:1:1 the file: missing; name the sites in it\nteams.yaml:1:1 the file: missing; name the teams in it\n',
  )
})

it('never shows a password that somebody wrote into a URL', () => {
  const text = service('orders', '/v1/orders').replace('http://orders', 'http://admin:hunter2@orders')

  const told = tell([...base, { file: 'services/orders.yaml', text }])

  expect(told).toContain('***')
  expect(told).not.toContain('hunter2')
})

it('says the same whatever the order of the files, of a good catalog and of one with a service twice', () => {
  const good = [...base, ...['a', 'b', 'c'].map((name) => ({ file: `${name}.yaml`, text: service(name, `/${name}`) }))]
  const twice = [...good, { file: 'z.yaml', text: service('a', '/z') }]
  for (const files of [good, twice]) {
    const inOrder = readCatalog(files)
    fc.assert(
      fc.property(fc.shuffledSubarray(files, { minLength: files.length }), (shuffled) => {
        expect(readCatalog(shuffled)).toEqual(inOrder)
      }),
      { numRuns: 20 },
    )
  }
})

/** What the author of a catalog reads. */
function tell(files: readonly CatalogFile[]): string {
  const read = readCatalog(files)
  if (!read.ok) return lines(read.faults.map(printFault))
  const compiled = compile(read.catalog, { number: 1 })
  const warnings = compiled.warnings.map((fault) => `warning: ${printFault(fault)}`)
  return lines(compiled.ok ? ['ok', ...warnings] : [...compiled.faults.map(printFault), ...warnings])
}

function lines(told: readonly string[]): string {
  return `${told.join('\n')}\n`
}

function filesOf(input: string): CatalogFile[] {
  const own = [...input.matchAll(/^=== (.+)\n([\s\S]*?)(?=^=== |(?![\s\S]))/gm)].map(([, file = '', text = '']) => ({
    file,
    text,
  }))
  return [...base.filter(({ file }) => !own.some((each) => each.file === file)), ...own]
}

function service(name: string, path: string, more = 'auth: public'): string {
  return `service: ${name}
owner: team-a
deployments: { onprem: { url: "http://${name}:8080" } }
routes: [{ path: "${path}", ${more} }]
`
}

function bomb(): string {
  const floors = Array.from({ length: 40 }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at}, *a${at}]`)
  return `a0: &a0 [x, x]\n${floors.join('\n')}\n`
}

function yamlish(): fc.Arbitrary<string> {
  const words = ['service', 'routes', 'path', ': ', ':', '- ', '\n', '\n  ', '? ', '[', ']', '{', '}', ', ', '"', "'"]
  const more = ['|', '>', '&a ', '*a', '!t ', '#', '---\n', '\t', 'orders', '/v1/{id}', '5s', '~', '%', '<<: ']
  return fc.array(fc.constantFrom(...words, ...more), { maxLength: 60 }).map((parts) => parts.join(''))
}
