import type { OpenApiDocument } from './catalog-openapi-document.ts'
import { childOf, type OpenApiNode, targetIn } from './catalog-openapi-references.ts'
import { pointerTo } from './fault.ts'
import { isMapping } from './json-schema-keywords.ts'
import type { Pattern } from './pattern.ts'

export interface Operation {
  /** Its `operationId`. */
  readonly id: string | undefined
  readonly method: string
  /** As the document writes it, behind each of its servers' base paths. */
  readonly paths: readonly string[]
  /** What is described, and what it shares with the other methods of its path. */
  readonly node: OpenApiNode
  readonly pathItem: OpenApiNode
}

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'] as const

/** Every operation, in the order of the document. */
export function operationsOf({ root }: OpenApiDocument): Operation[] {
  const { paths } = root
  if (!isMapping(paths)) return []
  return Object.entries(paths).flatMap(([path, value]) => {
    const item = { value, pointer: pointerTo('/paths', path) }
    const pathItem = targetIn(root, childOf(item, '$ref').value) ?? item
    return methods.flatMap((method): Operation | [] => {
      const node = childOf(pathItem, method)
      if (!isMapping(node.value)) return []
      const { operationId, servers: own } = node.value
      const servers = own ?? childOf(pathItem, 'servers').value ?? root['servers']
      return {
        id: typeof operationId === 'string' ? operationId : undefined,
        method: method.toUpperCase(),
        paths: basePathsOf(servers).map((base) => base + path),
        node,
        pathItem,
      }
    })
  })
}

/** As people name it. */
export function nameOf({ id, method, paths: [path] }: Operation): string {
  return id ?? `${method} ${path}`
}

/** Whether an operation stands at a route's path, whatever either calls its parameters. */
export function standsAt({ paths }: Operation, { text }: Pattern): boolean {
  return paths.some((path) => shapeOf(path) === shapeOf(text))
}

/**
 * The route's names for the parameters of an operation's path: of those segments that both have at their end, since a gateway
 * may serve a path below a prefix, else of those that are written alike.
 */
export function routeNames({ paths: [path = ''] }: Operation, { text }: Pattern): ReadonlyMap<string, string> {
  const theirs = path.split('/').slice(1)
  const ours = text.split('/').slice(1)
  const shared = Math.min(theirs.length, ours.length)
  const ends = [theirs, ours].map((segments) => shapeOf(segments.slice(-shared).join('/')))
  const names = new Map<string, string>()
  theirs.toReversed().forEach((segment, fromEnd) => {
    const name = nameIn(segment)
    const counterpart = ends[0] === ends[1] ? ours.at(-1 - fromEnd) : ours.find((each) => each === segment)
    const ourName = nameIn(counterpart ?? '')
    if (name !== undefined && ourName !== undefined) names.set(name, ourName)
  })
  return names
}

function shapeOf(path: string): string {
  return path.replace(/\{[^{}/]*\}/g, '{}')
}

function nameIn(segment: string): string | undefined {
  return /^\{([^{}]+)\}/.exec(segment)?.[1]
}

/** Paths of the servers' URLs; without servers the paths are whole. */
function basePathsOf(servers: unknown): string[] {
  const urls = Array.isArray(servers) ? servers.flatMap((server) => (isMapping(server) ? urlOf(server) : [])) : []
  const paths = urls.map((url) => {
    const path = url.replace(/^[a-zA-Z][a-zA-Z0-9+.-]*:\/\/[^/?#]*|^\/\/[^/?#]*/, '').replace(/\/*(?:[?#].*)?$/, '')
    return path === '' || path.startsWith('/') ? path : `/${path}`
  })
  return paths.length === 0 ? [''] : [...new Set(paths)]
}

/** With the defaults of its variables. */
function urlOf({ url, variables }: Readonly<Record<string, unknown>>): string[] {
  if (typeof url !== 'string') return []
  const defaultOf = (name: string): string => {
    const value = childOf(childOf({ value: variables, pointer: '' }, name), 'default').value
    return typeof value === 'string' ? value : ''
  }
  return [url.replace(/\{([^{}]*)\}/g, (_, name: string) => defaultOf(name))]
}
