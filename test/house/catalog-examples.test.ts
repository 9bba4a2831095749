import { describe, expect, it } from 'vitest'
import { type CatalogFile, readCatalog } from '#routes/catalog.ts'
import { compile } from '#routes/compile.ts'
import { printFault } from '#routes/document.ts'
import { repositoryFiles } from './repository.ts'

const site = (name: string) => `{ name: ${name}, origin: "http://127.0.0.1:1" }`
const common = [
  { file: 'sites.yaml', text: `sites: [${site('onprem')}, ${site('cloud')}]` },
  { file: 'teams.yaml', text: 'teams: [{ name: team-commerce }]' },
]
const head = 'service: example\nowner: team-commerce\ndeployments: { onprem: { url: "http://a" } }\n'

interface Example {
  readonly text: string
  /** OpenAPI documents of the same page that it names. */
  readonly documents: readonly CatalogFile[]
}

/** Blocks of YAML in a page that are a service, or the routes of one. */
function examplesIn(page: string): Example[] {
  const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)
  const documents = blocks.flatMap((text) => {
    const file = /^# (\S+\.openapi\.yaml)\nopenapi:/.exec(text)?.[1]
    return file === undefined ? [] : { file, text }
  })
  return blocks.flatMap((block) => {
    const text = /^service:/m.test(block) ? block : /^routes:/.test(block) ? head + block : undefined
    return text === undefined ? [] : { text, documents: documents.filter(({ file }) => text.includes(file)) }
  })
}

function told({ text, documents }: Example): string[] {
  const read = readCatalog([...common, ...documents, { file: 'example.yaml', text }])
  if (!read.ok) return read.faults.map(printFault)
  const compiled = compile(read.catalog, { number: 1 })
  return [...(compiled.ok ? [] : compiled.faults), ...compiled.warnings].map(printFault)
}

describe('examples of catalog documents in the docs', () => {
  const examples = repositoryFiles(/^docs\/.*\.md$/).flatMap(({ path, text }) =>
    examplesIn(text).map((example) => [path, example.text, example] as const),
  )

  it('are there, and one with a fault is noticed', () => {
    expect(examples.length).toBeGreaterThan(6)
    expect(told({ text: `${head}routes: [{ path: /a, timeuot: {} }]`, documents: [] })).toEqual([
      'example.yaml:4:22 "timeuot": unknown; did you mean "timeout"?',
    ])
  })

  it.each(examples)('%s: compile without fault or warning', (_, __, example) => expect(told(example)).toEqual([]))
})
