import { describe, expect, it } from 'vitest'
import { readCatalog } from '#routes/catalog.ts'
import { compile } from '#routes/compile.ts'
import { printFault } from '#routes/document.ts'
import { repositoryFiles } from './repository.ts'

const site = (name: string) => `{ name: ${name}, origin: "http://127.0.0.1:1" }`
const common = [
  { file: 'sites.yaml', text: `sites: [${site('onprem')}, ${site('cloud')}]` },
  { file: 'teams.yaml', text: 'teams: [{ name: team-commerce }]' },
]
const head = 'service: example\nowner: team-commerce\ndeployments: { onprem: { url: "http://a" } }\n'

/** Blocks of YAML in a page that are a service, or the routes of one. */
function examplesIn(page: string): string[] {
  const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)
  return blocks.flatMap((block) => (/^service:/m.test(block) ? [block] : /^routes:/.test(block) ? [head + block] : []))
}

function told(text: string): string[] {
  const read = readCatalog([...common, { file: 'example.yaml', text }])
  if (!read.ok) return read.faults.map(printFault)
  const compiled = compile(read.catalog, { number: 1 })
  return [...(compiled.ok ? [] : compiled.faults), ...compiled.warnings].map(printFault)
}

describe('examples of catalog documents in the docs', () => {
  const examples = repositoryFiles(/^docs\/.*\.md$/).flatMap(({ path, text }) =>
    examplesIn(text).map((example) => [path, example] as const),
  )

  it('are there, and one with a fault is noticed', () => {
    expect(examples.length).toBeGreaterThan(6)
    expect(told(`${head}routes: [{ path: /a, timeuot: {} }]`)).toEqual([
      'example.yaml:4:22 "timeuot": unknown; did you mean "timeout"?',
    ])
  })

  it.each(examples)('%s: compile without fault or warning', (_, example) => expect(told(example)).toEqual([]))
})
