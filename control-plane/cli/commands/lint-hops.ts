import { readCatalog } from '#routes/catalog.ts'
import { type CatalogHopFinding, catalogHopFindings } from '#routes/catalog-hops.ts'
import { problems } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { json, table } from '../print.ts'
import type { Session } from '../session.ts'

/** `tidegate lint hops --unit orders`: the catalog in force, judged by the ladder of waits. */
export async function lintHops(
  { client, out, tell, format }: Session,
  _: readonly string[],
  { unit }: { unit?: string },
): Promise<void> {
  const { files } = await client.catalog()
  const read = readCatalog(files)
  if (!read.ok) throw problems['catalog-unreadable']({ count: read.faults.length })
  const found = catalogHopFindings(read.catalog, unit)
  process.exitCode = found.some(({ kind }) => kind === 'wrong') ? exitCodes.gate : exitCodes.ok
  if (format === 'json') return out(json(found.map(told)))
  if (found.length === 0)
    return tell('Nothing to say: each hop outlives the one before it and ends after the one behind.')
  out(
    table(found, [
      { head: 'kind', of: ({ kind }) => kind },
      { head: 'rule', of: ({ rule }) => rule },
      { head: 'site', of: ({ site }) => site },
      { head: 'routes', of: ({ routes }) => routes, right: true },
      { head: 'what', of: ({ meaning }) => meaning },
      { head: 'fix', of: ({ fix }) => fix },
    ]),
  )
}

function told({ route, ...finding }: CatalogHopFinding) {
  return { ...finding, route: route.pattern.text }
}
