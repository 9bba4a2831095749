/** The rules of the response cache, and what holds them: tests by their names (`Cache F2: ...`), and cases over HTTP. */
import { caseAreas } from '../../bench/support/caching/all-cases.ts'
import { leftOut, ruleChapters, cacheRules as rules } from '../../bench/support/caching/rules.ts'
import type { SourceFile } from './repository.ts'
import { linked, printRulePage, type RuleTest, rulesOf, ruleTests, testsOf } from './rule-page.ts'

export const cacheRules = rulesOf(rules)

export const cacheRuleTests = (files: readonly SourceFile[]): RuleTest[] =>
  ruleTests(files, String.raw`[A-Z]{1,2}\d{1,2}`, 'Cache ')

export const printCacheRules = (tests: readonly RuleTest[]): string =>
  printRulePage({
    title: 'Rules of the response cache',
    intro:
      'Written by `npm run generate` from the names of the tests and the cases of `npm run prove -- caching`; do not edit. A test begins with the word Cache and the id of its rule; a case is a conversation over HTTP that is held with a gateway in both profiles.',
    chapters: ruleChapters,
    rules: cacheRules,
    heldBy: (id) => [casesOf(id), testsOf(id, tests)].filter((text) => text !== '').join('<br>'),
  }).concat('\n## Left out\n\n', ...Object.entries(leftOut).map(([id, why]) => `- ${id}: ${why}\n`))

/** Rules that are held by cases. */
export const ruleOfCases: ReadonlySet<string> = new Set(caseAreas.flatMap(({ cases }) => cases.map(({ id }) => id)))

function casesOf(id: string): string {
  return caseAreas
    .map(({ file, cases }) => ({ file, count: cases.filter((one) => one.id === id).length }))
    .filter(({ count }) => count > 0)
    .map(({ file, count }) => `${count} case${count === 1 ? '' : 's'} over HTTP (${linked(file)})`)
    .join('<br>')
}
