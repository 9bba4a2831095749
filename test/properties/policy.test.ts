import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePlacements, encodePlacements } from '#routes/placements-codec.ts'
import { readPolicy } from '#routes/policy-parts.ts'
import { decodeService } from '#routes/structure-parts.ts'
import { placement, placementSet, service } from '../support/tables.ts'
import { anyDeployment, anyPolicy, anyReadings, anyShadowing } from './generators/policies.ts'

const overTheWire = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe('what the catalog says arrives whole', () => {
  it('of a policy, with any keys there and absent', () => {
    fc.assert(
      fc.property(anyPolicy, (policy) => {
        expect(readPolicy(overTheWire(policy))).toEqual(policy)
      }),
    )
  })

  it('of a service and its deployments', () => {
    fc.assert(
      fc.property(
        fc.array(anyDeployment, { maxLength: 3 }),
        fc.option(anyReadings, { nil: undefined }),
        (deployments, pathReadings) => {
          const facts = service('orders', { deployments, ...(pathReadings && { pathReadings }) })
          expect(decodeService(overTheWire(facts))).toEqual(facts)
        },
      ),
    )
  })

  it('of a placement with its shadow', () => {
    fc.assert(
      fc.property(anyShadowing, (shadowing) => {
        const set = placementSet([placement('orders', shadowing)])
        expect(decodePlacements(encodePlacements(set))).toEqual(set)
      }),
    )
  })
})

describe('a policy that no encoder wrote', () => {
  it('is refused when it holds a key of a later release, at any depth', () => {
    fc.assert(
      fc.property(anyPolicy, fc.nat(), (policy, pick) => {
        const changed = overTheWire(policy)
        const closed = closedObjects(changed, '')
        const target = closed[pick % closed.length] as Record<string, unknown>
        target['laterGuard'] = true

        expect(readPolicy(changed)).toBeUndefined()
      }),
    )
  })

  it('is refused or read as it stands, whatever one value in it is changed to', () => {
    const wrong = fc.constantFrom(undefined, null, 0, -1, 1.5, 'x', 'a\r\nb: c', [], {}, [{}], true, false, 1e300)
    fc.assert(
      fc.property(anyPolicy, fc.nat(), wrong, (policy, pick, value) => {
        const changed = overTheWire(policy) as Record<string, unknown>
        const places = containers(changed)
        const [owner, key] = places[pick % places.length] as [Record<string, unknown>, string]
        owner[key] = value

        const read = readPolicy(changed)

        if (read !== undefined) expect(read).toEqual(changed)
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    ['a header that begins another one', { rewrite: { response: { set: { 'x-a': 'b\r\nx-c: d' } } } }],
    ['a name that is no header', { rewrite: { request: { remove: ['x y'] } } }],
    ['a limit of nothing', { limits: { perRoute: { count: 0, windowMs: 1_000 } } }],
    ['an informational answer', { answer: { kind: 'respond', status: 101 } }],
    ['an answer of two kinds', { answer: { kind: 'redirect', status: 302, to: '/a', body: 'b' } }],
    ['a schema with a keyword that nobody checks', { validate: { body: { requird: ['id'] } } }],
    ['a flag that is there and false', { stream: false }],
  ])('such as %s', (_, part) => {
    const plain = { auth: 'public', timeout: { connectMs: 1, firstByteMs: 1, totalMs: 1 }, maxBodyBytes: 0 }

    expect(readPolicy(plain)).toEqual(plain)
    expect(readPolicy({ ...plain, ...part })).toBeUndefined()
  })
})

describe('a deployment or a shadow that no encoder wrote', () => {
  it.each([
    ['no request at a time', { maxInFlight: 0 }],
    ['a check at every instant', { health: { path: '/health', everyMs: 0 } }],
    ['verification that is written and not wanted', { tls: { insecure: false } }],
    ['an instance that is no text', { more: [1] }],
    ['another word for balance', { balance: 'random' }],
  ])('is refused for %s', (_, part) => {
    const facts = service('orders', { deployments: [{ site: 'cloud', url: 'http://a' }] })

    expect(decodeService(overTheWire(facts))).toEqual(facts)
    expect(decodeService({ ...facts, deployments: [{ site: 'cloud', url: 'http://a', ...part }] })).toBeUndefined()
    expect(decodeService({ ...facts, pathReadings: ['backwards'] })).toBeUndefined()
  })

  it.each([{ sample: 10_001 }, { again: -1 }, { maxInFlight: 0 }, { to: 5 }, { writes: 1 }])('%j', (part) => {
    const shadow = { to: 'cloud', sample: 1, again: 0, maxInFlight: 1 }
    const sent = (value: object) =>
      decodePlacements(encodePlacements(placementSet([placement('orders', { shadow: value as typeof shadow })])))

    expect(sent(shadow)?.placements[0]?.shadow).toEqual(shadow)
    expect(sent({ ...shadow, ...part })).toBeUndefined()
  })
})

/** Objects whose keys are known: all but mappings of headers, values and parameters, and what is inside a JSON Schema. */
function closedObjects(value: unknown, key: string): object[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  if (key === 'schema' || key === 'body') return []
  const isEdit = 'set' in value || 'remove' in value
  const free = ['set', 'add', 'headers', 'path'].includes(key) || (key === 'query' && !isEdit)
  return [...(free ? [] : [value]), ...Object.entries(value).flatMap(([name, part]) => closedObjects(part, name))]
}

function containers(value: unknown): [object, string][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, part]) => [[value, key] as [object, string], ...containers(part)])
}
