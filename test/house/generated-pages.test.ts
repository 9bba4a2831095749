import { describe, expect, it } from 'vitest'
import { catalogKeys } from './catalog-reference.ts'
import { generatedPages } from './generated-pages.ts'
import { readText } from './repository.ts'

const pages = Object.entries(await generatedPages())

describe('generated pages', () => {
  it.each(pages)('%s is current', (path, text) => {
    expect(text.length).toBeGreaterThan(200)
    expect(readText(path), 'run `npm run generate`').toBe(text)
  })
})

describe('each key of the catalog', () => {
  it('has a sentence', () => {
    const keys = catalogKeys().flatMap(({ file, keys: ofFile }) => ofFile.map((key) => ({ file, ...key })))
    const silent = keys.filter(({ takes, meaning }) => takes !== 'group' && !/[.:]$/.test(meaning))

    expect(keys.length).toBeGreaterThan(30)
    expect(silent.map(({ file, path }) => `${file}: ${path}`)).toEqual([])
  })
})
