import { Check } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { catalogSchemas } from '#routes/catalog-schema.ts'

interface Part {
  readonly description?: string
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Part>>
  readonly patternProperties?: Readonly<Record<string, Part>>
  readonly items?: Part
  readonly anyOf?: readonly Part[]
}

describe('an editor completes catalog documents by their schema', () => {
  it.each(Object.entries(catalogSchemas))('every key of a %s document has a sentence', (_, schema) => {
    const keys = [...keysOf(schema, '')]

    expect(keys.length).toBeGreaterThan(2)
    expect(
      keys.filter(([, part]) => !/^[A-Z"].*\.$/.test(part.description ?? part.anyOf?.[0]?.description ?? '')),
    ).toEqual([])
  })

  it('and it does not ask for what has a default', () => {
    const smallest = { service: 'a', owner: 'b', deployments: { c: { url: 'http://d' } }, routes: [{ path: '/e' }] }

    expect(Check(catalogSchemas.service, smallest)).toBe(true)
    expect(Check(catalogSchemas.service, { ...smallest, owner: undefined })).toBe(false)
    expect(Check(catalogSchemas.sites, { sites: [{ name: 'a', origin: 'http://b' }] })).toBe(true)
  })
})

function* keysOf(part: Part, path: string): Generator<[string, Part]> {
  for (const [key, property] of Object.entries(part.properties ?? {})) {
    yield [`${path}/${key}`, property]
    yield* keysOf(property, `${path}/${key}`)
  }
  const below = [
    ...Object.values(part.patternProperties ?? {}),
    ...(part.items ? [part.items] : []),
    ...(part.anyOf ?? []),
  ]
  for (const each of below) yield* keysOf(each, path)
}
