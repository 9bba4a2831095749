import { describe, expect, it } from 'vitest'
import { configuredPrograms, keysOf, printConfigurationReference } from './configuration.ts'
import { readText } from './repository.ts'

const programs = await configuredPrograms()

describe('the keys of configuration files', () => {
  it('are the same as docs/reference/configuration.md', () => {
    expect(programs.flatMap(({ keys }) => keys).length).toBeGreaterThan(20)
    expect(readText('docs/reference/configuration.md'), 'run `npm run generate`').toBe(
      printConfigurationReference(programs),
    )
  })

  it('have a sentence each', () => {
    const silent = programs.flatMap(({ command, keys }) =>
      keys
        .filter(({ takes, meaning }) => takes !== 'group' && !/[.:]$/.test(meaning))
        .map(({ path }) => `${command}: ${path}`),
    )

    expect(silent).toEqual([])
  })

  it('are found in groups, lists and groups by name', () => {
    const leaf = { type: 'string', description: 'A leaf.', default: '5s' }
    const shape = {
      properties: {
        listen: {
          type: 'object',
          required: ['port'],
          properties: { port: { type: 'integer', minimum: 1, maximum: 9 } },
        },
        zones: { type: 'array', items: { type: 'object', properties: { name: leaf } } },
        peers: { type: 'object', patternProperties: { '.*': { properties: { url: leaf } } } },
      },
    }

    expect(keysOf(shape).map(({ path, takes, default: fallback }) => [path, takes, fallback])).toEqual([
      ['listen', 'group', 'absent'],
      ['listen.port', 'integer 1 to 9', 'required'],
      ['zones', 'list of group', 'absent'],
      ['zones[].name', 'string', '5s'],
      ['peers', 'group by name', 'absent'],
      ['peers.<name>.url', 'string', '5s'],
    ])
  })
})
