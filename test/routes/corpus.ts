import { readFileSync } from 'node:fs'

export interface CorpusCase {
  readonly input: string
  readonly expected: string
}

/** Reads a `.txt` corpus; its form is told in test/corpora/README.md. */
export function corpus(name: string): CorpusCase[] {
  const text = readFileSync(new URL(`../corpora/${name}`, import.meta.url), 'utf8')
  const cases = text
    .split(/\n{2,}/)
    .map((block) => block.replace(/^#.*(\n|$)/gm, '').trim())
    .filter((block) => block !== '')
  return cases.map((block) => {
    const [input, expected] = block.split('\n---\n') as [string, string]
    return { input: JSON.parse(input) as string, expected }
  })
}
