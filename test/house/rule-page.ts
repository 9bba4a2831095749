/** Rules that tests bear in their names, and the page that lists which test holds which. */
import type { SourceFile } from './repository.ts'

export interface Rule {
  readonly id: string
  readonly rule: string
}

export interface RuleTest {
  readonly id: string
  readonly name: string
  readonly file: string
}

export const rulesOf = (sentences: Readonly<Record<string, string>>): Rule[] =>
  Object.entries(sentences).map(([id, rule]) => ({ id, rule }))

/**
 * `it('F1: ...')` and `it.each(...)('F1: ...')`; a name may hold several: `F1, F4: ...`. `before` stands in front of the ids,
 * `id` is what one of them looks like.
 */
export function ruleTests(files: readonly SourceFile[], id: string, before = ''): RuleTest[] {
  const call = new RegExp(
    String.raw`\b(?:it|describe)(?:\.each\([\s\S]{0,6000}?\))?\(\s*(['"${'`'}])${before}((?:${id}(?:, )?)+): ((?:(?!\1)[^\n])+)\1`,
    'g',
  )
  return files.flatMap(({ path, text }) =>
    Array.from(text.matchAll(call)).flatMap(([, , ids = '', name = '']) =>
      ids.split(', ').map((one) => ({ id: one, name, file: path })),
    ),
  )
}

export interface RulePage {
  readonly title: string
  readonly intro: string
  /** Titles by the letters that the ids of a chapter begin with. */
  readonly chapters: Readonly<Record<string, string>>
  readonly rules: readonly Rule[]
  /** What holds a rule, as one cell of a table. */
  readonly heldBy: (id: string) => string
}

export function printRulePage({ title, intro, chapters, rules, heldBy }: RulePage): string {
  const parts = Object.entries(chapters).map(([letters, name]) => {
    const rows = rules
      .filter(({ id }) => id.replace(/\d+$/, '') === letters)
      .map(({ id, rule }) => `| ${id} | ${rule} | ${heldBy(id)} |`)
    return `## ${name}\n\n| id | rule | held by |\n|---|---|---|\n${rows.join('\n')}\n`
  })
  return `# ${title}\n\n${intro}\n\n${parts.join('\n')}`
}

export function testsOf(id: string, tests: readonly RuleTest[]): string {
  return tests
    .filter((test) => test.id === id)
    .map(({ name, file }) => `${name.replaceAll('|', '\\|')} (${linked(file)})`)
    .join('<br>')
}

/** A link from a page of docs/reference/. */
export const linked = (file: string): string => `[${file.split('/').at(-1)}](../../${file})`
