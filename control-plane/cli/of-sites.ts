/** What the gateways of the sites answer, in one list. */
import { ApiProblem } from '../api-client/client.ts'
import { problems } from './errors.ts'
import { exitCodes } from './exit-codes.ts'
import { type Column, json, table } from './print.ts'
import type { Session } from './session.ts'

export type Sited<Row> = Row & { readonly site: string }

/**
 * Of one process a site: zones are shared, and what a process knows of them its fellows know. A site that does not answer is
 * told beside the others, and a script learns of it by exit code 1; `otherwise`: unless its refusal says something, too.
 */
export async function ofSites<Answer, Row extends object>(
  { client, tell: say }: Session,
  site: string | undefined,
  path: string,
  rowsOf: (answer: Answer) => readonly Row[],
  otherwise: (problem: ApiProblem) => readonly Row[] | undefined = () => undefined,
): Promise<readonly Sited<Row>[]> {
  const names = site === undefined ? (await client.sites()).map(({ name }) => name) : [site]
  if (names.length === 0) throw problems['usage-wrong']({ reason: 'No site is known yet', usage: 'tidegate apply DIR' })
  const told = await Promise.all(
    names.map(async (name) => {
      try {
        return rowsOf(await client.gateway<Answer>(name, path)).map((row) => ({ site: name, ...row }))
      } catch (cause) {
        const rows = cause instanceof ApiProblem ? otherwise(cause) : undefined
        if (rows !== undefined) return rows.map((row) => ({ site: name, ...row }))
        if (names.length === 1 || !(cause instanceof ApiProblem)) throw cause
        say(`${name} did not answer: ${cause.message}`)
        process.exitCode = exitCodes.failed
        return []
      }
    }),
  )
  return told.flat()
}

export function tellRows<Row>({ out, format }: Session, rows: readonly Row[], columns: readonly Column<Row>[]): void {
  out(format === 'json' ? json(rows) : table(rows, columns))
}
