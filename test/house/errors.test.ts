import { describe, expect, it } from 'vitest'
import { allProblems, printErrorReference } from './problem-tables.ts'
import { readText, sourceFiles } from './repository.ts'

const problems = await allProblems()
const code = sourceFiles()
  .filter(({ path }) => !path.endsWith('/errors.ts'))
  .map(({ text }) => text)
  .join('\n')

/** By its table (`problems['x']`, `problems.x`) or as a word that goes into a reply. */
const isUsed = (name: string): boolean => code.includes(`'${name}'`) || new RegExp(`roblems\\.${name}\\b`).test(code)

describe('the tables of errors', () => {
  it('are the same as docs/reference/errors.md', () => {
    expect(problems.length).toBeGreaterThan(10)
    expect(readText('docs/reference/errors.md'), 'run `npm run generate`').toBe(printErrorReference(problems))
  })

  it('share no code, and each code is kebab-case with a meaning and a fix', () => {
    const codes = problems.map(({ code }) => code)

    expect(codes.filter((code, at) => codes.indexOf(code) !== at)).toEqual([])
    expect(codes.filter((code) => !/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(code))).toEqual([])
    expect(problems.filter(({ meaning, fix, status }) => !meaning || !fix || status < 400 || status > 599)).toEqual([])
  })

  it('name nothing that is thrown nowhere', () => {
    expect(isUsed('planted-and-thrown-nowhere')).toBe(false)
    expect(problems.filter(({ code }) => !isUsed(code)).map(({ code, file }) => `${code} in ${file}`)).toEqual([])
  })

  it('are the only source of exceptions', () => {
    const bare = /throw new (?:Error|TypeError|RangeError)\(/
    const faults = sourceFiles().filter(({ path, text }) => path.endsWith('.ts') && bare.test(text))

    expect(bare.test("throw new Error('planted')")).toBe(true)
    expect(faults.map(({ path }) => path)).toEqual([])
  })
})
