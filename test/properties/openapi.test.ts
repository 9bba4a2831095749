import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CatalogFile, readCatalog } from '#routes/catalog.ts'
import { compile } from '#routes/compile.ts'
import { printFault } from '#routes/fault.ts'
import type { ValidatePolicy } from '#routes/policy.ts'
import { decodeStructure, encodeStructure } from '#routes/structure-codec.ts'
import { schemaCheck } from '../../gateway/transform/schema-checks.ts'
import { mutated } from './generators/mutated-text.ts'
import { Random } from './generators/random.ts'

const base: readonly CatalogFile[] = [
  { file: 'sites.yaml', text: 'sites: [{ name: here, origin: "http://h" }]\n' },
  { file: 'teams.yaml', text: 'teams: [{ name: team-a }]\n' },
]

function files(routes: readonly object[], document: CatalogFile): readonly CatalogFile[] {
  const service = { service: 'orders', owner: 'team-a', deployments: { here: { url: 'http://o' } }, routes }
  return [...base, { file: 'services/orders.yaml', text: JSON.stringify(service) }, document]
}

const posting = { path: '/o', methods: ['POST'], maxBody: '64KiB', validate: { openapi: 'o.openapi.json' } }

/** The policy of POST /o, as a gateway reads it from its table. */
function resolved(openapi: string, schema: object, schemas: object): ValidatePolicy {
  const requestBody = { content: { 'application/json': { schema } } }
  const document = { openapi, paths: { '/o': { post: { requestBody } } }, components: { schemas } }
  const read = readCatalog(files([posting], { file: 'o.openapi.json', text: JSON.stringify(document) }))
  if (!read.ok) throw new Error(read.faults.map(printFault).join('\n'))
  const compiled = compile(read.catalog, { number: 1 })
  if (!compiled.ok) throw new Error(compiled.faults.map(printFault).join('\n'))
  const structure = decodeStructure(encodeStructure(compiled.structure))
  return structure?.routes[0]?.policy.validate ?? {}
}

/** One schema, said by OpenAPI with its components, and by hand without any. */
interface Said {
  readonly openapi: object
  readonly byHand: object
}

type Version = '3.0' | '3.1'

const members = ['a', 'b/c', '$ref'] as const

function schemas(version: Version, components: Map<string, object>): fc.Arbitrary<Said> {
  const nullable = (type: string, more: object) =>
    fc.boolean().map((isNullable): Said => {
      const byHand = { type: isNullable ? [type, 'null'] : type, ...more }
      return { byHand, openapi: version === '3.0' ? { type, nullable: isNullable, ...more } : byHand }
    })
  const bounded = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.boolean()).map(([bound, excluded]): Said => {
    const byHand = { type: 'integer', [excluded ? 'exclusiveMinimum' : 'minimum']: bound }
    const old = { type: 'integer', minimum: bound, exclusiveMinimum: excluded, example: 'x', 'x-a': {} }
    return { byHand, openapi: version === '3.0' ? old : { ...byHand, xml: { name: 'x' } } }
  })
  const leaf = fc.oneof(
    nullable('string', { maxLength: 2, description: 'a text' }),
    nullable('boolean', { format: 'of-our-own' }),
    bounded,
    fc.constant({ openapi: { enum: ['a', 1] }, byHand: { enum: ['a', 1] } }),
  )
  const { schema } = fc.letrec<{ schema: Said }>((tie) => ({
    schema: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      component(tie('schema')),
      list(tie('schema')),
      object(tie('schema')),
      several(tie('schema')),
    ),
  }))
  return schema

  function component(inner: fc.Arbitrary<Said>): fc.Arbitrary<Said> {
    return inner.map(({ openapi, byHand }) => {
      const name = `C${components.size}`
      components.set(name, openapi)
      // In 3.0 what stands beside a reference is passed over.
      return {
        openapi: { $ref: `#/components/schemas/${name}`, ...(version === '3.0' ? { type: 'null' } : {}) },
        byHand,
      }
    })
  }

  function list(inner: fc.Arbitrary<Said>): fc.Arbitrary<Said> {
    return inner.map(({ openapi, byHand }) => ({
      openapi: { type: 'array', items: openapi },
      byHand: { type: 'array', items: byHand },
    }))
  }

  function object(inner: fc.Arbitrary<Said>): fc.Arbitrary<Said> {
    return fc
      .tuple(
        fc.array(inner, { minLength: 3, maxLength: 3 }),
        fc.subarray([...members]),
        fc.subarray([...members]),
        fc.boolean(),
      )
      .map(([parts, required, answerOnly, open]) => {
        const byHand = Object.fromEntries(members.map((name, at) => [name, (parts[at] as Said).byHand]))
        const openapi = Object.fromEntries(
          members.map((name, at) => {
            const part = (parts[at] as Said).openapi
            return [name, answerOnly.includes(name) ? { allOf: [part], readOnly: true } : part]
          }),
        )
        const asked = required.filter((name) => !answerOnly.includes(name))
        const more = { type: 'object', additionalProperties: open }
        return {
          openapi: { ...more, required, properties: openapi },
          byHand: { ...more, required: asked, properties: byHand },
        }
      })
  }

  function several(inner: fc.Arbitrary<Said>): fc.Arbitrary<Said> {
    return fc.tuple(inner, inner, fc.constantFrom('anyOf', 'oneOf', 'allOf')).map(([one, other, keyword]) => ({
      openapi: { [keyword]: [one.openapi, other.openapi], discriminator: { propertyName: 'a' } },
      byHand: { [keyword]: [one.byHand, other.byHand] },
    }))
  }
}

const { value: bodies } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, 'a', 'abc', 0, 1, 2, 2.5, 4),
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom(...members, 'other'), tie('value'), { maxKeys: 4 }),
  ),
}))

describe.each(['3.0', '3.1'] as const)('a body by OpenAPI %s', (version) => {
  it('is taken if and only if the same schema without components takes it', () => {
    const verdicts = { true: 0, false: 0 }
    const cases = fc.constant(undefined).chain(() => {
      const components = new Map<string, object>()
      return fc
        .record({ said: schemas(version, components), values: fc.array(bodies, { minLength: 8, maxLength: 8 }) })
        .map((each) => ({ ...each, components: Object.fromEntries(components) }))
    })
    fc.assert(
      fc.property(cases, ({ said, values, components }) => {
        const policy = resolved(`${version}.1`, said.openapi, components)
        const check = schemaCheck(policy.body as object)
        const byHand = new Ajv2020({ strict: false, logger: false, ownProperties: true }).compile(said.byHand)
        for (const value of values) {
          const fits = byHand(value)
          verdicts[`${fits}`] += 1
          expect(check(value) === undefined).toBe(fits)
        }
      }),
      { numRuns: 100, seed: 7 },
    )
    expect(Math.min(verdicts.true, verdicts.false)).toBeGreaterThan(40)
  })
})

it('a schema that contains itself is checked to the end of any body', () => {
  const node = {
    type: 'object',
    required: ['id'],
    properties: { id: { type: 'integer' }, below: { type: 'array', items: { $ref: '#/components/schemas/Node' } } },
  }
  const { body } = resolved('3.0.0', { $ref: '#/components/schemas/Node' }, { Node: node, Unused: node })
  const check = schemaCheck(body as object)

  expect(check({ id: 1, below: [{ id: 2, below: [] }] })).toBeUndefined()
  expect(check({ id: 1, below: [{ id: 2, below: [{}] }] })).toBe('/below/0/below/0/id')
  expect(JSON.stringify(body)).not.toContain('Unused')
})

it('two components of one name, wherever they stand, stay two', () => {
  const components = { A: { type: 'string' }, 'b c': { properties: { A: { type: 'integer' } } } }
  const properties = {
    text: { $ref: '#/components/schemas/A' },
    number: { $ref: '#/components/schemas/b%20c/properties/A' },
    itself: { $ref: '#/paths/~1o/post/requestBody/content/application~1json/schema/properties/text' },
  }
  const { body } = resolved('3.0.3', { properties }, components)
  const check = schemaCheck(body as object)

  expect(check({ text: 'a', number: 1, itself: 'a' })).toBeUndefined()
  expect([check({ text: 1 }), check({ number: 'a' }), check({ itself: 1 })]).toEqual(['/text', '/number', '/itself'])
})

it('what only answers have need not be sent, also where a joined schema asks for it', () => {
  const components = { Base: { properties: { id: { $ref: '#/components/schemas/Id' } } }, Id: { readOnly: true } }
  const { body } = resolved(
    '3.1.0',
    { allOf: [{ $ref: '#/components/schemas/Base' }, { required: ['id', 'a'] }] },
    components,
  )
  const check = schemaCheck(body as object)

  expect([check({ a: 1 }), check({ id: 1 })]).toEqual([undefined, '/a'])
})

it.each([
  [300, true],
  [1100, false],
])('a document of %i KiB is read: %s', (size, isRead) => {
  const paths = {
    '/o': { post: { requestBody: { required: true, content: {} }, description: 'x'.repeat(size * 1024) } },
  }
  const text = JSON.stringify({ openapi: '3.1.0', paths })

  const read = readCatalog(files([posting], { file: 'o.openapi.json', text }))

  const told = read.ok ? [] : read.faults.map(printFault)
  expect(told).toEqual(isRead ? [] : [expect.stringContaining('the file is larger than 1MiB')])
})

it('components that join one another many times over are refused before they are walked as often', () => {
  const names = Array.from({ length: 40 }, (_, at) => `#/components/schemas/C${at}`)
  const all = { allOf: [...names, ...names].map(($ref) => ({ $ref })), properties: { a: { type: 'string' } } }
  const components = Object.fromEntries(names.map((name) => [name.slice(name.lastIndexOf('/') + 1), all]))

  expect(() => resolved('3.1.0', { $ref: '#/components/schemas/C0' }, components)).toThrow(
    /leads to more than 2000 schemas/,
  )
})

it('schemas beyond 64 KiB are refused: every gateway and edge would hold them', () => {
  const properties = Object.fromEntries(
    Array.from({ length: 1000 }, (_, at) => [`member-${at}-${'x'.repeat(40)}`, { type: 'string' }]),
  )

  expect(() => resolved('3.1.0', { type: 'object', properties }, {})).toThrow(
    /needs \d+ characters of schemas, above 64KiB/,
  )
})

describe('a real and large document', () => {
  const text = readFileSync(new URL('../corpora/real-api.openapi.json', import.meta.url), 'utf8')
  const document = { file: 'real.openapi.json', text }
  const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, { operationId: string }>> }
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId: operation }]) => {
      return {
        path,
        methods: [method.toUpperCase()],
        maxBody: '64KiB',
        validate: { openapi: document.file, operation },
      }
    }),
  )

  it('has each of its operations found, and told that it asks for nothing', () => {
    const some = routes.filter(({ path }) => /^(?:\/(?:[a-z-]+|\{[a-z_]+\}))+$/.test(path)).slice(0, 500)

    const read = readCatalog(files(some, document))

    expect(some.length).toBe(500)
    expect(read.ok ? [] : read.faults.map(printFault)).toEqual([])
    expect(
      read.ok && read.catalog.warnings.filter(({ expected }) => expected.includes('asks for nothing')).length,
    ).toBe(500)
  })
})

describe('300 slips in a document', () => {
  const corpus = readFileSync(new URL('../corpora/catalog/openapi.txt', import.meta.url), 'utf8')
  const good = corpus.slice(corpus.indexOf('=== openapi/orders.openapi.yaml\n') + 32, corpus.indexOf('=== ping'))

  it('are each read or told with a place, and never throw', () => {
    const random = new Random(11)
    let refused = 0
    const names = ['listOrders', 'createOrder', 'getOrder', 'removeItem', 'importOrders']
    const methods = ['GET', 'POST', 'GET', 'DELETE', 'POST']
    const routes = names.map((operation, at) => {
      return { path: `/r${at}/{orderId}`, methods: [methods[at]], validate: { openapi: 'o.openapi.yaml', operation } }
    })
    expect(readCatalog(files(routes, { file: 'o.openapi.yaml', text: good })).ok).toBe(true)
    for (let count = 0; count < 300; count++) {
      const read = readCatalog(files(routes, { file: 'o.openapi.yaml', text: mutated(good, random) }))
      for (const { line, column, value } of read.ok ? read.catalog.warnings : read.faults) {
        expect(Math.min(line, column, value.length)).toBeGreaterThan(0)
      }
      if (!read.ok) refused += 1
    }
    expect(refused).toBeGreaterThan(50)
    expect(refused).toBeLessThan(300)
  })
})
