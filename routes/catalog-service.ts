import { readDeployment } from './catalog-deployment.ts'
import { parametersOf } from './catalog-names.ts'
import type { OpenApiDocuments } from './catalog-openapi-documents.ts'
import { type CatalogRoute, readRoute } from './catalog-route.ts'
import type { ServiceDocument } from './catalog-schema.ts'
import type { CatalogSites } from './catalog-sites.ts'
import type { ReadDocument } from './document.ts'
import { type Fault, type Place, pointerTo } from './fault.ts'
import { Findings } from './findings.ts'
import { nameFix } from './nearest-name.ts'
import type { KeySource } from './placement.ts'
import type { DeploymentFacts, PathReading } from './structure.ts'
import type { ServiceId, StateScope } from './vocabulary.ts'

export interface CatalogService {
  readonly name: ServiceId
  readonly team: string
  readonly repository?: string
  readonly tier: 1 | 2 | 3
  readonly state: StateScope
  readonly key: readonly KeySource[]
  readonly dependsOn: readonly Dependency[]
  /** Sorted by site, the default site first. */
  readonly deployments: readonly DeploymentFacts[]
  /** Sorted, each once; undefined = all of them. */
  readonly pathReadings?: readonly PathReading[]
  /** In the order of the document. */
  readonly routes: readonly CatalogRoute[]
  readonly place: Place
}

export interface Dependency {
  readonly name: ServiceId
  readonly pointer: string
  readonly place: Place
}

/** What a service may name; undefined = that document has faults of its own, so nothing is said about its names. */
export interface KnownNames {
  readonly sites: CatalogSites | undefined
  readonly teams: readonly string[] | undefined
  readonly openapi: OpenApiDocuments
}

/** Taken off on the way, by the edge or by the gateway before it decides: each would find another key, or none. */
const ofOurs = /^(?:header:(?:cookie$|x-tidegate-)|cookie:tidegate-)/

/** Checks what the schema of a service cannot say; what it finds is added to `faults` and `warnings`. */
export function readService(
  read: ReadDocument<ServiceDocument>,
  known: KnownNames,
  faults: Fault[],
  warnings: Fault[],
): CatalogService {
  const { value: document } = read
  const { teams, openapi } = known
  const findings = new Findings(read, faults, warnings)
  const { service, owner, repository, pathReadings } = document
  if (teams !== undefined && !teams.includes(owner)) {
    findings.fault('/owner', owner, 'no team of this name', nameFix(owner, teams))
  }
  const deployments = Object.entries(document.deployments).map(([site, deployment]): DeploymentFacts => {
    const pointer = pointerTo('/deployments', site)
    checkSite(site, pointer)
    return readDeployment(site, deployment, pointer, findings)
  })
  // A draft's lists have holes, which `map`, `flatMap` and `forEach` pass over, and loops do not.
  const routes = document.routes.flatMap(
    (route, index) =>
      readRoute(route, { service, hosts: known.sites?.hosts, openapi, pointer: `/routes/${index}`, findings }) ?? [],
  )
  if (routes.length === document.routes.length) checkKey()
  return {
    name: service,
    team: owner,
    ...(repository === undefined ? {} : { repository }),
    tier: document.tier,
    state: document.state,
    // The schema's pattern admits nothing else.
    key: document.key as KeySource[],
    dependsOn: document.dependsOn.flatMap((name, index) => {
      const pointer = `/dependsOn/${index}`
      return { name, pointer, place: findings.at(pointer) }
    }),
    deployments: deployments.sort((a, b) => rankOfSite(a.site) - rankOfSite(b.site)),
    ...(pathReadings === undefined ? {} : { pathReadings: [...new Set(pathReadings)].sort() }),
    routes,
    place: findings.at('/service'),
  }

  function checkSite(site: string, pointer: string): void {
    const names = known.sites?.sites.map(({ name }) => name)
    if (names === undefined || names.includes(site)) return
    findings.faultOfKey(pointer, site, 'no site of this name', nameFix(site, names))
  }

  function rankOfSite(site: string): number {
    return known.sites?.sites.findIndex(({ name }) => name === site) ?? 0
  }

  /** A key that only some routes can give would send one client to both sites. */
  function checkKey(): void {
    document.key.forEach((source, index) => {
      if (source === 'sticky') checkStickyCookie(`/key/${index}`)
      if (ofOurs.test(source)) {
        const fix = 'choose what clients send, or "sticky"'
        findings.fault(`/key/${index}`, source, 'does not reach edge and gateway alike', { fix })
      }
      if (!source.startsWith('param:')) return
      const name = source.slice('param:'.length)
      const without = routes.find((route) => !parametersOf(route.pattern).includes(name))
      if (without === undefined) return
      const expected = `the path ${without.pattern.text} has no parameter "${name}"`
      const fix = 'a key is taken from parameters that each path of the service has'
      findings.fault(`/key/${index}`, source, expected, { fix, also: without.place })
    })
  }

  function checkStickyCookie(pointer: string): void {
    if (known.sites === undefined || known.sites.hosts.some((host) => host.stickyCookie)) return
    findings.warn(
      pointer,
      'sticky',
      'no host gives its clients such a key',
      'add "stickyCookie: true" to one in sites.yaml',
    )
  }
}
