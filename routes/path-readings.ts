import { canonicalTarget } from './canonical-target.ts'
import { type Decision, hostName } from './decide.ts'
import type { RequestFacts } from './request-facts.ts'
import type { PathReading, RouteFacts, Structure } from './structure.ts'
import type { Table } from './table.ts'
import { buildTrie, type Trie, type TrieRoute } from './trie.ts'

/** A target that can be read in more ways is refused: no client means all of that. */
const mostReadings = 16
/** So is a long path of many readings, whose look-ups would cost more than a request may. */
const mostChars = 32 * 1024

/** All of them: what is not known of a service. */
const pathReadings: readonly PathReading[] = [
  'servlet',
  'ignore-case',
  'merge-slashes',
  'decode-slash',
  'dot-segments',
  'trailing-slash',
]

/**
 * The other routes as which the service of the chosen one might read the path: the guards of each must hold, too. A
 * service takes the steps of its readings in an order that we do not know, more than once where something stands before
 * it, so every path that they can lead to is looked up. Nothing of this changes where the request goes.
 */
export function otherRoutes(table: Table, facts: RequestFacts, decision: Decision): readonly RouteFacts[] | 'too-many' {
  const { route, target, host } = decision
  if (route === undefined) return none
  const { routes } = table.structure.value
  const folded = foldedOf(table.structure.value)
  const doubt = doubtOf(target.key)
  if (doubt === 'none' && folded === undefined) return none
  const which = table.index.services.get(route.service)?.pathReadings ?? pathReadings
  const ignoreCase = which.includes('ignore-case')
  if (doubt !== 'all' && !ignoreCase) return none
  // Capital letters alone are common, in ids above all, and only one reading changes them.
  const paths = doubt === 'all' ? readingsOf(target.key, which) : [target.key, foldCase(target.key)]
  if (paths === undefined) return 'too-many'
  const name = host?.name ?? hostName(facts.host)
  const found = new Set<RouteFacts>()
  for (const path of paths) {
    if (path !== target.key) add(table.index.trie, path)
    if (folded !== undefined && ignoreCase) add(folded, foldCase(path))
  }
  return found.size === 0 ? none : [...found]

  function add(trie: Trie, path: string): void {
    const other = routes[trie.match(name, path, facts.method, facts)]
    if (other !== undefined && other !== route) found.add(other)
  }
}

/** All paths as which a key may be read, itself first; undefined when that is too many, or too much to look up. */
export function readingsOf(key: string, which: readonly PathReading[]): readonly string[] | undefined {
  const steps = which.map((reading) => stepOf[reading])
  // Whoever takes parameters off or parts at `%2F` decodes the rest of the path as well.
  if (which.includes('servlet') || which.includes('decode-slash')) steps.push(decodeText)
  const paths = [key]
  for (let at = 0; at < paths.length; at++) {
    for (const step of steps) {
      const path = step(paths[at] as string)
      if (paths.includes(path)) continue
      if (paths.length > mostReadings || paths.length * key.length > mostChars) return undefined
      paths.push(path)
    }
  }
  return paths
}

const none: readonly RouteFacts[] = []

/** Nearly every path is read in one way by everybody, or but for its letters; that is found without building anything. */
function doubtOf(key: string): 'none' | 'letters' | 'all' {
  let before = 0
  let capitals = false
  for (let at = 0; at < key.length; at++) {
    const code = key.charCodeAt(at)
    if (code === semicolon || code === percent || code === backslash) return 'all'
    if (before === slash && (code === slash || code === dot)) return 'all'
    if (code >= upperA && code <= upperZ) capitals = true
    before = code
  }
  // Several frameworks serve `/admin/` as `/admin`.
  if (before === slash && key.length > 1) return 'all'
  return capitals ? 'letters' : 'none'
}

const percent = 0x25
const dot = 0x2e
const slash = 0x2f
const semicolon = 0x3b
const upperA = 0x41
const upperZ = 0x5a
const backslash = 0x5c

const stepOf: Record<PathReading, (path: string) => string> = {
  servlet: (path) => path.replace(/;[^/]*/g, ''),
  'ignore-case': foldCase,
  'merge-slashes': (path) => path.replace(/\/{2,}/g, '/'),
  // A C string ends at a zero byte.
  'decode-slash': (path) => path.replace(/%2F|%5C|\\/g, '/').replace(/%00.*$/s, ''),
  'dot-segments': walkDots,
  'trailing-slash': (path) => path.replace(/(?<=.)\/$/, ''),
}

/** Letters of escapes are digits, and have their own canonical case. */
function foldCase(path: string): string {
  return path.replace(/%[0-9A-F]{2}|[A-Z]/g, (found) => (found.length === 1 ? found.toLowerCase() : found))
}

/** RFC 3986 section 5.2.4; above the root there is nothing. */
function walkDots(path: string): string {
  const kept: string[] = []
  const parts = path.split('/')
  for (const [at, part] of parts.entries()) {
    const dots = part === '.' || part === '..'
    if (part === '..' && kept.length > 1) kept.pop()
    if (!dots) kept.push(part)
    else if (at === parts.length - 1) kept.push('')
  }
  return kept.join('/')
}

/**
 * One layer of escapes off, of what a pattern may have as it is. `%25` opens the next layer; `?` and `#` stay, since
 * decoded they are still part of the path.
 */
function decodeText(path: string): string {
  if (!path.includes('%')) return path
  const decoded = path.replace(/%(?:2[1245-9A-C]|3[A-E]|40|5[BDE]|60|7[B-D])/g, (found) =>
    String.fromCharCode(Number.parseInt(found.slice(1), 16)),
  )
  return decoded === path ? path : canonicalTarget(decoded).key
}

const foldedTries = new WeakMap<Structure, Trie | 'same'>()

/**
 * The routes without regard to case; undefined where all are in lower case already, as mostly. Built with the first request
 * of a structure.
 */
function foldedOf(structure: Structure): Trie | undefined {
  let folded = foldedTries.get(structure)
  if (folded === undefined) {
    const { routes } = structure
    const lower = routes.every(({ pattern }) => !/[A-Z]/.test(pattern) || foldPattern(pattern) === pattern)
    folded = lower ? 'same' : buildTrie(routes.map(inLowerCase))
    foldedTries.set(structure, folded)
  }
  return folded === 'same' ? undefined : folded
}

function inLowerCase({ host, pattern, methods, when, policy: { trailingSlash } }: RouteFacts): TrieRoute {
  return {
    pattern: { text: foldPattern(pattern) },
    ...(host && { host }),
    ...(methods && { methods }),
    ...(when && { when }),
    ...(trailingSlash && { trailingSlash }),
  }
}

/** Names of parameters are labels and keep their letters. */
function foldPattern(pattern: string): string {
  return pattern
    .split('/')
    .map((segment) => {
      const close = segment.indexOf('}') + 1
      return segment.slice(0, close) + foldCase(segment.slice(close))
    })
    .join('/')
}
