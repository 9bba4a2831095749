import { describe, expect, it } from 'vitest'
import { readText } from './repository.ts'

const page = readText('docs/decisions/007-packages.md')
const manifest = JSON.parse(readText('package.json')) as Record<string, Record<string, string>>
const packages = [...Object.keys(manifest['dependencies'] ?? {}), ...Object.keys(manifest['devDependencies'] ?? {})]

/** `@fastify/cookie, static` names two of one scope; types come with what they describe. */
const isTold = (name: string) => {
  const short = name.split('/').at(-1) as string
  return name.startsWith('@types/') || name.endsWith('-types') || new RegExp(`\\b${short}\\b`).test(page)
}

describe('each package', () => {
  it('has a row that says why we do not write it ourselves', () => {
    expect(packages.length).toBeGreaterThan(20)
    expect(isTold('left-pad')).toBe(false)
    expect(packages.filter((name) => !isTold(name))).toEqual([])
  })
})
