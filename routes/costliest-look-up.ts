import { parseHost } from './host-pattern.ts'

import { type Pattern, type Segment, slashVariants } from './pattern.ts'
import type { TrieRoute } from './trie-build.ts'

/** What of a route decides which nodes it adds. */
export interface RoutePath extends Pick<TrieRoute, 'host' | 'trailingSlash'> {
  readonly pattern: Pattern
}

export interface LookUp {
  /** Nodes that it may enter. */
  readonly visits: number
  readonly host: string
  /** A path that leads past all of them. */
  readonly target: string
}

/**
 * The look-up that enters most nodes of the routes' trie, hit or miss: what a hostile path can cost. Walks all sets of
 * nodes that one path can reach together, which is about as many as there are nodes; beyond `mostSteps` it answers
 * with the worst seen so far.
 */
export function costliestLookUp(routes: readonly RoutePath[], mostSteps = 1_000_000): LookUp {
  const roots = rootsOf(routes)
  let worst: LookUp = { visits: 0, host: 'x1.invalid', target: '/' }
  let steps = 0
  for (const host of ['x1.invalid', ...roots.keys()]) {
    const start = [...roots].flatMap(([each, root]) => (covers(each, host) ? [root] : []))
    walk(start, 0, [], host)
  }
  return worst

  function walk(nodes: readonly Node[], before: number, path: readonly string[], host: string): void {
    const visits = before + nodes.length
    if (visits > worst.visits) worst = { visits, host: host.replace('*', 'x1'), target: `/${path.join('/')}` }
    for (const text of nextTexts(nodes)) {
      if (++steps > mostSteps) return
      const next = nodes.flatMap((node) => childrenFor(node, text))
      if (next.length > 0) walk(next, visits, [...path, text], host)
    }
  }
}

interface Node {
  readonly literals: Map<string, Node>
  readonly suffixes: Map<string, Node>
  parameter: Node | undefined
}

const anyHost = ''
const word = 'x1'

function rootsOf(routes: readonly RoutePath[]): Map<string, Node> {
  const roots = new Map<string, Node>()
  for (const { host = anyHost, pattern, trailingSlash } of routes) {
    for (const variant of trailingSlash === 'ignore' ? slashVariants(pattern) : [pattern]) {
      let node = getOrMake(roots, host)
      for (const segment of variant.segments) node = childOf(node, segment)
    }
  }
  return roots
}

function childOf(node: Node, segment: Segment): Node {
  switch (segment.kind) {
    case 'literal':
      return getOrMake(node.literals, segment.text)
    case 'parameter':
      if (segment.suffix !== '') return getOrMake(node.suffixes, segment.suffix)
      node.parameter ??= emptyNode()
      return node.parameter
    // A tail is a leaf of the node before it, not a node.
    case 'tail':
      return node
  }
}

function getOrMake(nodes: Map<string, Node>, name: string): Node {
  const made = nodes.get(name) ?? emptyNode()
  nodes.set(name, made)
  return made
}

function emptyNode(): Node {
  return { literals: new Map(), suffixes: new Map(), parameter: undefined }
}

function covers(pattern: string, host: string): boolean {
  const parsed = parseHost(pattern)
  if (!parsed.ok || parsed.host.kind === 'exact') return pattern === anyHost || pattern === host
  return host === pattern || host.endsWith(`.${parsed.host.below}`)
}

/** Texts of a segment that lead to different children: each literal and suffix that is there, and one for the rest. */
function nextTexts(nodes: readonly Node[]): Set<string> {
  const texts = new Set<string>()
  for (const { literals, suffixes, parameter } of nodes) {
    for (const text of literals.keys()) texts.add(text)
    for (const suffix of suffixes.keys()) texts.add(`${word}${suffix}`)
    if (parameter !== undefined) texts.add(word)
  }
  return texts
}

function childrenFor({ literals, suffixes, parameter }: Node, text: string): Node[] {
  const children: Node[] = []
  const literal = literals.get(text)
  if (literal !== undefined) children.push(literal)
  for (const [suffix, child] of suffixes) {
    if (text.length > suffix.length && text.endsWith(suffix)) children.push(child)
  }
  if (parameter !== undefined && text !== '') children.push(parameter)
  return children
}
