import { readFileSync } from 'node:fs'
import type { LinearRoute } from '#routes/linear-matcher.ts'
import { shapeOf } from '#routes/pattern.ts'
import { type RouteFacts, routeId, type Structure } from '#routes/structure.ts'
import { largeCatalog, patternOf } from '../../test/properties/generators/catalogs.ts'
import { Random } from '../../test/properties/generators/random.ts'

/** `real`: the paths of a public API. `large`: 500 services with 20 patterns each, from the seed. */
export type SetName = 'real' | 'large'

/** Sorted by pattern, as a structure has them. */
export function routeSet(name: SetName, seed: number): readonly LinearRoute[] {
  const routes = name === 'real' ? realRoutes() : largeCatalog(new Random(seed), 500, 20)
  return routes.toSorted((a, b) => (a.pattern.text < b.pattern.text ? -1 : 1))
}

function realRoutes(): LinearRoute[] {
  const file = new URL('../../test/corpora/real-api.openapi.json', import.meta.url)
  const { paths } = JSON.parse(readFileSync(file, 'utf8')) as { paths: Record<string, Record<string, unknown>> }
  const routes = new Map<string, LinearRoute>()
  for (const [path, operations] of Object.entries(paths)) {
    const pattern = patternOf(path.split('/').map(asSegment).join('/'))
    const methods = new Set(routes.get(shapeOf(pattern))?.methods)
    for (const method of Object.keys(operations)) methods.add(method.toUpperCase())
    routes.set(shapeOf(pattern), { pattern, methods: [...methods] })
  }
  return [...routes.values()]
}

/**
 * Some paths say more than the pattern language: `{enterprise-team}` has a `-` in its name, `{base}...{head}` is two
 * in one segment. Both become one parameter; a path that then has the shape of another is the same route.
 */
function asSegment(segment: string): string {
  return segment.includes('{') ? `{${segment.replace(/[{}]/g, '').replace(/[^A-Za-z0-9_]+/g, '_')}}` : segment
}

/** The structure that a control plane would ship for these routes: their first segment is their service. */
export function structureOf(routes: readonly LinearRoute[]): Structure {
  const services = [...new Set(routes.map(serviceOf))].sort()
  return {
    number: 1,
    mayShrink: false,
    defaultSite: 'onprem',
    sites: ['onprem', 'cloud'].map((name) => ({
      name,
      provider: name,
      country: 'CZ',
      region: name,
      origin: `https://${name}.example.com`,
    })),
    hosts: [{ name: 'api.example.com', aliases: ['localhost'], unsafeTargets: 'reject' }],
    services: services.map((id, at) => ({
      id,
      team: `team-${at % 60}`,
      tier: 2,
      state: 'shared',
      home: 'onprem',
      key: [],
      deployments: [
        { site: 'onprem', url: `http://${id}.dc1.internal:8080` },
        { site: 'cloud', url: `http://${id}.svc.cluster.local` },
      ],
    })),
    routes: routes.map(asFacts),
  }
}

function asFacts(route: LinearRoute): RouteFacts {
  const service = serviceOf(route)
  const known = {
    service,
    pattern: route.pattern.text,
    host: 'api.example.com',
    ...(route.methods === undefined ? {} : { methods: route.methods }),
  }
  const verb = route.methods?.includes('GET') ? 'read' : 'write'
  return {
    ...known,
    id: routeId(known),
    unit: service,
    policy: {
      auth: { scopes: [`api:${verb}`] },
      timeout: { connectMs: 1_000, firstByteMs: 5_000, totalMs: 30_000 },
      maxBodyBytes: 8 * 1024 * 1024,
    },
  }
}

function serviceOf(route: LinearRoute): string {
  return route.pattern.text.split('/')[1] || 'root'
}
