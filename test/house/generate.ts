/** `npm run generate`: writes the pages of docs/reference/ that come from code. A house test fails while one is out of date. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { configuredPrograms, printConfigurationReference } from './configuration.ts'
import { printMetricReference } from './metric-definitions.ts'
import { allProblems, printErrorReference } from './problem-tables.ts'
import { root, sourceFiles } from './repository.ts'

const pages: Readonly<Record<string, string>> = {
  'docs/reference/configuration.md': printConfigurationReference(await configuredPrograms()),
  'docs/reference/errors.md': printErrorReference(await allProblems()),
  'docs/reference/metrics.md': printMetricReference(sourceFiles()),
}

for (const [path, text] of Object.entries(pages)) {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
  console.log(`wrote ${path}`)
}
