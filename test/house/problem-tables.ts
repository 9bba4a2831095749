/** All problem tables of the repository, and the page that lists them. */
import { pathToFileURL } from 'node:url'
import type { ProblemEntry } from '#routes/problem.ts'
import { repositoryFiles, root } from './repository.ts'

export interface RoomProblem extends ProblemEntry {
  readonly code: string
  /** The file of its table. */
  readonly file: string
}

export async function allProblems(): Promise<RoomProblem[]> {
  const tables = repositoryFiles(/^(?!test\/|bench\/).*\/errors\.ts$/)
  const lists = await Promise.all(tables.map(({ path }) => problemsOf(path)))
  return lists.flat()
}

async function problemsOf(file: string): Promise<RoomProblem[]> {
  const exported: Record<string, unknown> = await import(pathToFileURL(`${root}/${file}`).href)
  return Object.values(exported).flatMap((table) => {
    const entries = (table as { entries?: Record<string, ProblemEntry> } | undefined)?.entries
    return Object.entries(entries ?? {}).map(([code, entry]) => ({ code, file, ...entry }))
  })
}

export function printErrorReference(problems: readonly RoomProblem[]): string {
  const rooms = [...new Set(problems.map(({ file }) => file))].map((file) => {
    const rows = problems
      .filter((problem) => problem.file === file)
      .sort((a, b) => (a.code < b.code ? -1 : 1))
      .map(({ code, status, meaning, fix }) => `| \`${code}\` | ${status} | ${cell(meaning)} | ${cell(fix)} |`)
    return [
      `## ${file.replace(/\/errors\.ts$/, '')}`,
      '',
      '| code | status | meaning | fix |',
      '|---|---|---|---|',
      ...rows,
    ].join('\n')
  })
  return `${[heading, ...rooms].join('\n\n')}\n`
}

const heading = `# Errors

Written by \`npm run generate\` from the \`errors.ts\` of each room; do not edit.

Answers are problem+json (RFC 9457). Programs match on \`code\`, which is never renamed or used again. Clients get \`type\`, \`title\`, \`status\`, \`code\` and
\`requestId\`; operators get meaning and fix too, and find the cause in the log under the same request id. \`{name}\` stands for a fact of the case.`

const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ')
