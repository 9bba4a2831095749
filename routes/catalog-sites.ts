import type { SitesDocument } from './catalog-schema.ts'
import type { ReadDocument } from './document.ts'
import { asClause, type Fault, faultAt, type Place, shown } from './fault.ts'
import type { HopsDocument } from './hops-schema.ts'
import { parseHost } from './host-pattern.ts'
import { nameFix } from './nearest-name.ts'
import type { HostFacts, SiteFacts } from './structure.ts'
import type { Site } from './vocabulary.ts'

/** What sites.yaml says. */
export interface CatalogSites {
  /** In the order of the file: the first is the default. */
  readonly sites: readonly SiteFacts[]
  readonly defaultSite: Site
  /** Sorted by name. */
  readonly hosts: readonly HostFacts[]
  /** Of the sites that state what stands between their clients and services. */
  readonly hops: ReadonlyMap<Site, HopsDocument>
}

/** Checks what the schema of sites.yaml cannot say; faults are added to `faults`. */
export function readSites({ value: document, at }: ReadDocument<SitesDocument>, faults: Fault[]): CatalogSites {
  // A draft's lists have holes: `filter` and `flatMap` close them, `forEach` passes over them.
  const names = document.sites.flatMap((site) => site.name)
  const tell = (pointer: string, value: string, expected: string, more: { fix?: string; also?: Place } = {}) =>
    faults.push(faultAt(at(pointer), pointer, { value: shown(value), expected, ...more }))

  checkUnique(document.sites.flatMap((site, index) => [[site.name, `/sites/${index}/name`] as const]))
  document.sites.forEach((site, index) => {
    const wrong = urlFault(site.origin)
    if (wrong !== undefined) tell(`/sites/${index}/origin`, site.origin, wrong, { fix: urlFix })
  })
  checkSiteName(document.defaultSite, '/defaultSite')
  checkUnique(
    document.hosts.flatMap((host, index) => [
      [host.name, `/hosts/${index}/name`] as const,
      ...host.aliases.flatMap((alias, which) => [[alias, `/hosts/${index}/aliases/${which}`] as const]),
    ]),
  )
  document.hosts.forEach((host, index) => {
    checkHost(host.name, `/hosts/${index}/name`)
    host.aliases.forEach((alias, which) => {
      const pointer = `/hosts/${index}/aliases/${which}`
      checkHost(alias, pointer)
      if (alias.startsWith('*')) tell(pointer, alias, 'an alias is one exact name', { fix: 'list each name' })
    })
    checkSiteName(host.defaultSite, `/hosts/${index}/defaultSite`)
  })
  return {
    // Hops are for lint alone: what decides a request does not ship them.
    sites: document.sites.flatMap(({ hops: _, ...site }) => site),
    // The schema asks for at least one site.
    defaultSite: document.defaultSite ?? (names[0] as string),
    hosts: document.hosts.filter(() => true).sort((a, b) => (a.name < b.name ? -1 : 1)),
    hops: new Map(document.sites.flatMap(({ name, hops }) => (hops === undefined ? [] : [[name, hops] as const]))),
  }

  function checkUnique(named: readonly (readonly [name: string, pointer: string])[]): void {
    const former = new Map<string, string>()
    for (const [name, pointer] of named) {
      const also = former.get(name)
      if (also === undefined) former.set(name, pointer)
      else tell(pointer, name, 'the name is there twice', { fix: 'give one of them another name', also: at(also) })
    }
  }

  function checkSiteName(name: string | undefined, pointer: string): void {
    if (name === undefined || names.includes(name)) return
    tell(pointer, name, 'no site of this name', nameFix(name, names))
  }

  function checkHost(name: string, pointer: string): void {
    const parsed = parseHost(name)
    if (!parsed.ok) tell(pointer, name, asClause(parsed.fault.meaning), { fix: asClause(parsed.fault.fix) })
  }
}

export const urlFix = 'write it as "http://orders.internal:8080"'

/** What is wrong with the URL of a listener beyond its pattern; undefined = nothing. */
export function urlFault(url: string): string | undefined {
  const authority = url.slice(url.indexOf('//') + 2).replace(/\/$/, '')
  if (authority.includes('@')) return 'a URL in the catalog has no credentials'
  const parts = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?::([0-9]{1,5}))?$/.exec(authority)
  if (parts === null) return 'expected a host name or address, and a port where it is not the usual one'
  const port = parts[1]
  return port !== undefined && (Number(port) < 1 || Number(port) > 65_535) ? 'a port is 1 to 65535' : undefined
}
