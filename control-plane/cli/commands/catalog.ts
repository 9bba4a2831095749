/** `tidegate apply DIR` and `tidegate diff DIR`: the catalog that stands in a folder. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { printFault } from '#routes/fault.ts'
import { Problem } from '#routes/problem.ts'
import type { ApplyAnswer } from '../../api-client/schema.ts'
import { problems } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { onLoopback } from '../local/addresses.ts'
import { type CatalogText, readCatalogFolder, withAddresses } from '../local/example-catalog.ts'
import { defaultBase, portsAt } from '../local/ports.ts'
import { count, json } from '../print.ts'
import type { Session } from '../session.ts'

interface ApplyOptions {
  readonly reason?: string
  readonly allowShrink?: true
  readonly ifNone?: true
  readonly dryRun?: true
}

export async function apply(session: Session, [dir = '.']: readonly string[], options: ApplyOptions): Promise<void> {
  const { client, out, tell, format } = session
  const files = await readFolder(session, dir)
  if (options.ifNone && (await client.catalog()).files.length > 0) {
    return out(format === 'json' ? json({ applied: false }) : 'Nothing to do: a catalog was applied before.')
  }
  const body = {
    files,
    mode: 'whole' as const,
    reason: options.reason ?? `apply of ${dir}`,
    ...(options.allowShrink ? { allowShrink: true } : {}),
  }
  const dryRun = options.dryRun === true
  const applied = await client.apply(body, { dryRun })
  if (format === 'json') return out(json(applied))
  for (const warning of applied.warnings) tell(`warning: ${printFault(warning)}`)
  out(sentenceOf(applied, dryRun))
}

/** Says what an apply did, also for other commands that end in one. */
export function sentenceOf({ changed, table }: Pick<ApplyAnswer, 'changed' | 'table'>, dryRun = false): string {
  const parts = [
    ['added', changed.added],
    ['changed', changed.changed],
    ['removed', changed.removed],
  ] as const
  const told = parts.filter(([, names]) => names.length > 0)
  if (told.length === 0) return `Nothing to do: the catalog is already so (structure ${table.structure}).`
  const what = told.map(([verb, names]) => `${verb} ${count(names.length, 'service')} (${few(names)})`).join(', ')
  return dryRun ? `Would be: ${what}. Nothing has been changed.` : `Applied: ${what}. Structure ${table.structure}.`
}

/** Exit code 0 when all is the same, 1 when something would change; an error is 2 or more, as with `diff` itself. */
export async function diff(session: Session, [dir = '.']: readonly string[]): Promise<void> {
  const { client, out, tell, format } = session
  const files = await readFolder(session, dir)
  const difference = await client.diff({ files, mode: 'whole' })
  const { services, warnings } = difference
  if (format === 'json') out(json(difference))
  else {
    for (const warning of warnings) tell(`warning: ${printFault(warning)}`)
    if (services.length === 0) out('No difference.')
    for (const { service, lines } of services)
      out([service === '' ? 'sites, hosts and teams:' : `${service}:`, ...lines].join('\n'))
  }
  if (services.length > 0) process.exitCode = exitCodes.failed
}

async function readFolder({ folder, portBase, tell }: Session, dir: string): Promise<CatalogText[]> {
  const path = resolve(folder, dir)
  let files: CatalogText[]
  try {
    if (!(await stat(path)).isDirectory())
      throw problems['catalog-folder-unusable']({ folder: dir, reason: 'it is a file' })
    files = await readCatalogFolder(path)
  } catch (cause) {
    if (cause instanceof Problem) throw cause
    throw problems['catalog-folder-unusable']({ folder: dir, reason: (cause as Error).message, cause })
  }
  if (files.length === 0) throw problems['catalog-folder-unusable']({ folder: dir, reason: 'it has no YAML file' })
  return portBase === undefined || portBase === defaultBase ? files : atPorts(files, portBase, tell)
}

/** The example as it stands in the repository names the default ports: where `npm start` moved them, nobody listens there. */
function atPorts(files: CatalogText[], base: number, tell: (text: string) => void): CatalogText[] {
  const moved = withAddresses(files, onLoopback(portsAt(base)))
  if (moved.some(({ text }, index) => text !== files[index]?.text)) {
    tell(`The samples' addresses in these files are read with the ports of this system, ${base} and above.`)
  }
  return moved
}

function few(names: readonly string[]): string {
  return names.length <= 6 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`
}
