import { describe, expect, it } from 'vitest'
import { repositoryFiles, type SourceFile, sourceFiles } from './repository.ts'

const lineLimit = 450

/** Where somebody's machine shows through. Put together, so that this file is not its own fault. */
const machinePath = new RegExp(['/', '(?:work|root|Users|home/(?!node\\b)[a-z]+|tmp/(?:team|node\\d+))', '/'].join(''))

/** One word for one thing: the left is not said, the right is. */
const synonyms: Readonly<Record<string, string>> = {
  tenant: 'team, consumer or environment',
  'data ?center': 'site',
  'upstream cluster': 'deployment',
  'traffic split': 'placement',
  'feature flag': 'placement',
  whitelist: 'allow list',
  blacklist: 'deny list',
}
const unsaid = new RegExp(`\\b(?:${Object.keys(synonyms).join('|')})s?\\b`, 'i')
const unfinished = new RegExp(`\\b(?:${['TO', 'FIX'].map((half, at) => half + ['DO', 'ME'][at]).join('|')})\\b`)
/** Sites have any name; these two are the example's. */
const siteLiteral = /(['"])(?:onprem|cloud)\1/

const thisFile = 'test/house/texts.test.ts'
const texts = repositoryFiles(/(?:\.(?:ts|tsx|mjs|md|json|jsonc|ya?ml|css|html|capnp|sh)|Dockerfile|\/run)$/).filter(
  ({ path }) => path !== 'package-lock.json' && path !== thisFile,
)
const code = texts.filter(({ path }) => /\.(?:ts|tsx|mjs)$/.test(path))

/** `file:line: text` of each match. */
function found(files: readonly SourceFile[], pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, at) => (pattern.test(line) ? [`${path}:${at + 1}: ${line.trim()}`] : [])),
  )
}
const planted = (text: string): SourceFile[] => [{ path: 'planted.ts', text }]

describe('texts', () => {
  it(`are at most ${lineLimit} lines of code a file: a longer one holds a second idea`, () => {
    const long = (files: readonly SourceFile[]) => files.filter(({ text }) => text.split('\n').length > lineLimit + 1)

    expect(code.length).toBeGreaterThan(20)
    expect(long(planted('x\n'.repeat(lineLimit + 1)))).toHaveLength(1)
    expect(long(code).map(({ path }) => path)).toEqual([])
  })

  it('name no path of the machine on which they were written', () => {
    expect(found(planted(`a ${['', 'home', 'me', 'x'].join('/')}`), machinePath)).toHaveLength(1)
    expect(found(texts, machinePath)).toEqual([])
  })

  it('call each thing by its one word', () => {
    expect(found(planted('the tenants of'), unsaid)).toHaveLength(1)
    expect(found(texts, unsaid)).toEqual([])
  })

  it('leave nothing for later without saying so in an issue', () => {
    expect(found(planted(`// ${'TO'}DO`), unfinished)).toHaveLength(1)
    expect(found(texts, unfinished)).toEqual([])
  })

  it("do not know the names of the example's sites", () => {
    const product = sourceFiles().filter(({ path }) => !/^control-plane\/cli\/local\/|^routes\/example\//.test(path))

    expect(found(planted("site === 'cloud'"), siteLiteral)).toHaveLength(1)
    expect(found(product, siteLiteral)).toEqual([])
  })
})
