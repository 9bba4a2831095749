import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type CatalogFile, readCatalog } from '#routes/catalog.ts'
import { compile } from '#routes/compile.ts'
import { type Fault, printFault } from '#routes/document.ts'
import { decodeStructure, encodeStructure } from '#routes/structure-codec.ts'
import { mutated } from './generators/mutated-text.ts'
import { Random } from './generators/random.ts'

const example = new URL('../../routes/example/', import.meta.url)
const wholeRoute = readFileSync(new URL('../corpora/catalog/every-key-of-a-route.txt', import.meta.url), 'utf8')

const files: readonly CatalogFile[] = [
  ...['sites.yaml', 'teams.yaml', ...readdirSync(new URL('services/', example)).map((name) => `services/${name}`)].map(
    (file) => ({ file, text: readFileSync(new URL(file, example), 'utf8') }),
  ),
  // Beside the example's own services: the one that has every key.
  {
    file: 'services/whole.yaml',
    text: wholeRoute
      .slice(wholeRoute.indexOf('\n') + 1, wholeRoute.indexOf('\n-----'))
      .replace('service: orders', 'service: whole')
      .replace('team-a', 'team-platform')
      .replaceAll('/v1', '/whole'),
  },
]

describe('500 slips in the example catalog', () => {
  const random = new Random(8)
  const cases = Array.from({ length: 500 }, () => {
    const at = random.below(files.length)
    const { file, text } = files[at] as CatalogFile
    return files.with(at, { file, text: mutated(text, random) })
  })

  it('are each read as a table or refused with file, line, column and what to write, and never throw', {
    timeout: 180_000,
  }, () => {
    let refused = 0
    for (const catalog of cases) {
      const faults = faultsOf(catalog)
      for (const fault of faults) expect(whatIsMissing(fault, catalog), printFault(fault)).toEqual([])
      if (faults.length > 0) refused += 1
    }

    expect(faultsOf(files).map(printFault)).toEqual([])
    expect(refused).toBeGreaterThan(250)
    expect(refused).toBeLessThan(500)
  })
})

/** All faults of a catalog; one without any is a table that its receivers read as it was meant. */
function faultsOf(catalog: readonly CatalogFile[]): readonly Fault[] {
  const read = readCatalog(catalog)
  if (!read.ok) return read.faults
  const compiled = compile(read.catalog, { number: 1 })
  if (!compiled.ok) return compiled.faults
  expect(decodeStructure(encodeStructure(compiled.structure))).toEqual(compiled.structure)
  return []
}

/** What an author would still have to look for. */
function whatIsMissing({ file, line, column, expected, fix, value }: Fault, catalog: readonly CatalogFile[]): string[] {
  const lines = catalog.find((each) => each.file === file)?.text.split(/\r?\n/)
  const written = lines?.[line - 1]
  const tells = fix !== undefined || /^(?:expected |missing$|unknown$|at most )/.test(expected)
  return [
    ...(lines === undefined ? ['file'] : []),
    ...(written === undefined ? ['line'] : []),
    ...(column < 1 || column > (written?.length ?? 0) + 1 ? ['column'] : []),
    ...(value === '' ? ['value'] : []),
    ...(tells ? [] : ['fix']),
  ]
}
