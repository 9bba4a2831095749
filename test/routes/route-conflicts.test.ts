import { describe, expect, it } from 'vitest'
import { type CatalogFile, readCatalog } from '#routes/catalog.ts'
import { printPlace } from '#routes/fault.ts'

describe('two routes conflict when neither goes first', () => {
  it.each([
    ['the same path', '{ path: /a }', '{ path: /a }', true],
    ['paths that differ in the names of parameters', '{ path: "/a/{x}" }', '{ path: "/a/{y}" }', true],
    ['one method in common', '{ path: /a, methods: [GET, PUT] }', '{ path: /a, methods: [PUT, POST] }', true],
    ['the same with a slash that one of them ignores', '{ path: /a/ }', '{ path: /a, trailingSlash: ignore }', true],
    ['other methods', '{ path: /a, methods: [GET] }', '{ path: /a, methods: [HEAD] }', false],
    ['a method and any', '{ path: /a, methods: [GET] }', '{ path: /a }', false],
    ['a host and any', '{ path: /a, host: a.test }', '{ path: /a }', false],
    ['a slash more', '{ path: /a }', '{ path: /a/ }', false],
    ['another suffix', '{ path: "/{x}:a" }', '{ path: "/{x}:b" }', false],
    ['a parameter and a literal', '{ path: "/{x}" }', '{ path: /a }', false],
    ['a tail and its base', '{ path: /a/** }', '{ path: /a }', false],
    ['the same conditions', '{ path: /a, when: { country: [DE] } }', '{ path: /a, when: { country: [DE] } }', true],
    [
      'conditions that may both hold',
      '{ path: /a, when: { country: [DE] } }',
      '{ path: /a, when: { query: { q: x } } }',
      true,
    ],
    [
      'conditions that exclude each other',
      '{ path: /a, when: { country: [DE] } }',
      '{ path: /a, when: { country: [AT] } }',
      false,
    ],
    ['a condition and none', '{ path: /a, when: { country: [DE] } }', '{ path: /a }', false],
    [
      'two conditions and one of them',
      '{ path: /a, when: { country: [DE], query: { q: x } } }',
      '{ path: /a, when: { country: [DE] } }',
      false,
    ],
  ])('%s', (_, one, other, conflict) => {
    const read = readCatalog([...common, service('one', one), service('other', other)])

    const told = read.ok ? [] : read.faults.map((fault) => [printPlace(fault), fault.also && printPlace(fault.also)])
    expect(told).toEqual(conflict ? [['services/other.yaml:4:18', 'services/one.yaml:4:18']] : [])
  })

  it('and each pair is told once, however many methods they share', () => {
    const routes = '{ path: /a, methods: [GET, PUT, POST] }'

    const read = readCatalog([...common, service('one', routes), service('other', routes)])

    expect(read.ok ? 0 : read.faults.length).toBe(1)
  })
})

const common: readonly CatalogFile[] = [
  { file: 'sites.yaml', text: 'sites: [{ name: here, origin: "http://h" }]\nhosts: [{ name: a.test }]' },
  { file: 'teams.yaml', text: 'teams: [{ name: team-a }]' },
]

function service(name: string, route: string): CatalogFile {
  const text = `service: ${name}\nowner: team-a\ndeployments: { here: { url: "http://${name}" } }\nroutes: [${route}]`
  return { file: `services/${name}.yaml`, text }
}
