import type { Static, TSchema } from 'typebox'
import { dependencyFaults } from './catalog-dependencies.ts'
import { type CatalogFile, kindOf, mostBytesOf, serviceNameIn } from './catalog-files.ts'
import { OpenApiDocuments } from './catalog-openapi-documents.ts'
import { limits, serviceSchema, sitesSchema, type TeamsDocument, teamsSchema } from './catalog-schema.ts'
import { type CatalogService, type KnownNames, readService } from './catalog-service.ts'
import { type CatalogSites, readSites } from './catalog-sites.ts'
import { checkDocument, type ReadDocument } from './document.ts'
import { type Fault, faultAt, inOrder, type Place, shown } from './fault.ts'
import { conflicts } from './route-conflicts.ts'

export type { CatalogFile } from './catalog-files.ts'

/** What the catalog's documents say, checked against one another, with the places where they say it. */
export interface Catalog extends CatalogSites {
  /** Sorted by name. */
  readonly teams: readonly Team[]
  /** Sorted by name. */
  readonly services: readonly CatalogService[]
  /** What is allowed and hardly meant. */
  readonly warnings: readonly Fault[]
}

export interface Team {
  readonly name: string
  readonly contact?: string
}

export type ReadCatalog =
  | { readonly ok: true; readonly catalog: Catalog }
  | { readonly ok: false; readonly faults: readonly Fault[] }

/**
 * Reads all documents of a catalog (a document at most 256 KiB, an OpenAPI one 1 MiB, 5,000 services, 64 sites): the
 * catalog, or every fault in every file, in the order of files and lines; above 1,000 faults the rest of the files is not
 * read. The answer does not depend on the order of `files`.
 */
export function readCatalog(files: readonly CatalogFile[]): ReadCatalog {
  const faults: Fault[] = []
  const warnings: Fault[] = []
  const sorted = files.toSorted((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0))
  const serviceFiles = sorted.filter((file) => kindOf(file) === 'service')
  const openapi = new OpenApiDocuments(sorted.filter((file) => kindOf(file) === 'openapi'))

  const sitesDocument = readOne('sites', sitesSchema)
  const teamsDocument = readOne('teams', teamsSchema)
  const sites = sitesDocument === undefined ? undefined : readSites(sitesDocument, faults)
  const teams = teamsDocument === undefined ? undefined : readTeams(teamsDocument)
  const services = readServices()
  openapi.tell(faults, warnings)
  if (faults.length > 0 || sites === undefined || teams === undefined) return { ok: false, faults: inOrder(faults) }
  return { ok: true, catalog: { ...sites, teams, services, warnings: inOrder(warnings) } }

  function read<Schema extends TSchema>(
    { file, text }: CatalogFile,
    schema: Schema,
  ): MaybeDraft<Static<Schema>> | undefined {
    const checked = checkDocument({ file, text, schema, limitBytes: mostBytesOf(file) })
    if (checked.ok) return { ...checked, whole: true }
    faults.push(...checked.faults)
    return checked.draft && { ...checked.draft, whole: false }
  }

  /** The document of which a catalog has exactly one. */
  function readOne<Schema extends TSchema>(
    kind: 'sites' | 'teams',
    schema: Schema,
  ): MaybeDraft<Static<Schema>> | undefined {
    const [first, ...others] = sorted.filter((file) => kindOf(file) === kind)
    if (first === undefined) {
      const place = { file: `${kind}.yaml`, line: 1, column: 1 }
      faults.push(faultAt(place, '', { value: 'the file', expected: 'missing', fix: `name the ${kind} in it` }))
      return undefined
    }
    for (const { file } of others) {
      const also = startOf(first.file)
      faults.push(
        faultAt(startOf(file), '', {
          value: shown(file),
          expected: `a second ${kind} file`,
          fix: 'join the two',
          also,
        }),
      )
    }
    return read(first, schema)
  }

  function readTeams({ value: { teams: listed }, at }: ReadDocument<TeamsDocument>): Team[] {
    const places = new Map<string, Place>()
    listed.forEach(({ name }, index) => {
      const place = at(`/teams/${index}/name`)
      const also = places.get(name)
      if (also === undefined) places.set(name, place)
      else
        faults.push(
          faultAt(place, `/teams/${index}/name`, {
            value: shown(name),
            expected: 'a second team of this name',
            fix: anotherName,
            also,
          }),
        )
    })
    return listed.filter(() => true).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  function readServices(): CatalogService[] {
    if (serviceFiles.length > limits.services) {
      const place = startOf((serviceFiles[limits.services] as CatalogFile).file)
      faults.push(
        faultAt(place, '', { value: `${serviceFiles.length} services`, expected: `at most ${limits.services}` }),
      )
      return []
    }
    const known: KnownNames = {
      sites: sitesDocument?.whole ? sites : undefined,
      teams: teamsDocument?.whole ? teams?.map(({ name }) => name) : undefined,
      openapi,
    }
    const byName = new Map<string, CatalogService>()
    // A document with a fault still names its service, so that those who depend on it get no second fault.
    const names = new Set<string>()
    for (const file of serviceFiles) {
      if (faults.length > mostFaults) return []
      const document = read(file, serviceSchema)
      const name = document?.value.service ?? serviceNameIn(file.text)
      if (name !== undefined) names.add(name)
      if (document === undefined) continue
      const service = readService(document, known, faults, warnings)
      const former = byName.get(service.name)
      if (former === undefined) byName.set(service.name, service)
      else {
        const told = {
          value: shown(service.name),
          expected: 'a second service of this name',
          fix: anotherName,
          also: former.place,
        }
        faults.push(faultAt(service.place, '/service', told))
      }
    }
    const services = [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    faults.push(...dependencyFaults(services, names), ...conflicts(services))
    return services
  }
}

const anotherName = 'give one of them another name'

/** Nobody reads further; what comes after is told when these are mended. */
const mostFaults = 1000

interface MaybeDraft<Value> extends ReadDocument<Value> {
  readonly whole: boolean
}

function startOf(file: string): Place {
  return { file, line: 1, column: 1 }
}
