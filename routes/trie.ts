import { type ConditionFacts, compileConditions, type Holds } from './condition.ts'
import { captureParameters } from './pattern.ts'
import {
  anyMethod,
  cellsPerRecord,
  edgeSlot,
  exactCell,
  hostRoot,
  layOut,
  leafCell,
  nextHash,
  parameterCell,
  slash,
  suffixCell,
  type TrieCells,
  type TrieRoute,
  tailCell,
  wildcardCell,
} from './trie-build.ts'

export type { TrieRoute } from './trie-build.ts'

/**
 * Finds routes: the best of all that match, by host, path, method and conditions (the order: docs/design/routing.md). Equal
 * routes, which the compiler refuses, go by position.
 */
export function buildTrie(routes: readonly TrieRoute[]): Trie {
  const holds = new Map<number, Holds>()
  routes.forEach(({ when }, index) => {
    if (when !== undefined) holds.set(index, compileConditions(when))
  })
  return new Trie(
    layOut(routes),
    routes.map((route) => route.pattern.text),
    holds,
  )
}

/**
 * Depth first in the order of precedence, which is the backtracking. A node has one parent and one depth, so a look-up
 * enters it at most once: the table bounds the work, not the request. One look-up at a time: it works in own arrays.
 */
export class Trie {
  readonly #cells: TrieCells
  readonly #patterns: readonly string[]
  /** Of the routes that have conditions. */
  readonly #holds: ReadonlyMap<number, Holds>
  readonly #getMethod: number
  /** Alternatives not yet tried, the best on top: depth and node; a negative node is the tail of that node. */
  readonly #waiting: Int32Array
  /** Where the segments begin that this look-up has read; each is read once, when a node at its depth is entered. */
  readonly #starts: Int32Array
  readonly #hashes: Int32Array
  #visits = 0

  constructor(cells: TrieCells, patterns: readonly string[], holds: ReadonlyMap<number, Holds>) {
    this.#cells = cells
    this.#patterns = patterns
    this.#holds = holds
    this.#getMethod = cells.methods.get('GET') ?? noMethod
    this.#waiting = new Int32Array(cells.open * 2)
    this.#starts = new Int32Array(cells.depth + 2)
    this.#hashes = new Int32Array(cells.depth + 1)
  }

  /**
   * Position of the route for a canonical host and key, or -1. Allocates nothing; any text is answered.
   * The method is compared as it is; HEAD is also served by routes for GET. A route whose conditions the facts do not meet
   * does not match, and a less exact one may.
   */
  match(host: string, key: string, method: string, facts: ConditionFacts = saysNothing): number {
    this.#visits = 0
    if (key.charCodeAt(0) !== slash) return -1
    const { nodes } = this.#cells
    const waiting = this.#waiting
    const starts = this.#starts
    const hashes = this.#hashes
    let top = this.#enterHost(host)
    let read = 0
    let visits = 0
    starts[0] = 1
    while (top > 0) {
      let node = cell(waiting, --top)
      let depth = cell(waiting, --top)
      if (node < 0) {
        const route = this.#choose(cell(nodes, tailCell - node), method, facts)
        if (route >= 0) {
          this.#visits = visits
          return route
        }
        continue
      }
      while (node !== 0) {
        visits++
        const tail = cell(nodes, node + tailCell)
        const from = cell(starts, depth)
        if (from > key.length) {
          let route = this.#choose(cell(nodes, node + leafCell), method, facts)
          if (route < 0) route = this.#choose(tail, method, facts)
          if (route >= 0) {
            this.#visits = visits
            return route
          }
          break
        }
        if (depth === read) {
          starts[depth + 1] = this.#read(key, from, depth)
          read++
        }
        const to = cell(starts, depth + 1) - 1
        if (tail !== 0) {
          waiting[top++] = depth
          waiting[top++] = -node
        }
        if (to > from) {
          const parameter = cell(nodes, node + parameterCell)
          if (parameter !== 0) {
            waiting[top++] = depth + 1
            waiting[top++] = parameter
          }
          const suffix = cell(nodes, node + suffixCell)
          if (suffix !== 0) top = this.#addSuffixes(suffix, key, from, to, depth + 1, top)
        }
        node = this.#literalChild(node, key, from, to, cell(hashes, depth))
        depth++
      }
    }
    this.#visits = visits
    return -1
  }

  /** How many nodes a look-up enters: what the compiler warns about when a pattern set makes it large. */
  visits(host: string, key: string, method: string): number {
    this.match(host, key, method)
    return this.#visits
  }

  /** The path parameters of a key that `match` gave this route for, percent-encoded as in the key. */
  parameters(route: number, key: string): Record<string, string> {
    return captureParameters(this.#patterns[route] ?? '', key)
  }

  /** Puts the roots on the stack whose host matches, the best on top; gives the stack's height. */
  #enterHost(host: string): number {
    const { nodes, hostDepth } = this.#cells
    let top = this.#addRoot(cell(nodes, hostRoot + wildcardCell), 0)
    if (hostDepth === 0) return top
    let node = hostRoot
    for (let to = host.length; to > 0; ) {
      const from = host.lastIndexOf('.', to - 1) + 1
      let hash = 0
      for (let at = from; at < to; at++) {
        const code = host.charCodeAt(at)
        // Texts are kept with a slash as their end, so a label must not bring its own.
        if (code === slash) return top
        hash = nextHash(hash, code)
      }
      node = this.#literalChild(node, host, from, to, hash)
      if (node === 0) return top
      if (from === 0) return this.#addRoot(cell(nodes, node + exactCell), top)
      to = from - 1
      if (to > 0) top = this.#addRoot(cell(nodes, node + wildcardCell), top)
    }
    return top
  }

  #addRoot(root: number, top: number): number {
    if (root === 0) return top
    this.#waiting[top] = 0
    this.#waiting[top + 1] = root
    return top + 2
  }

  /** Hashes the segment that begins at `from` and gives where the next one would begin. */
  #read(key: string, from: number, depth: number): number {
    let hash = 0
    let at = from
    for (; at < key.length; at++) {
      const code = key.charCodeAt(at)
      if (code === slash) break
      hash = nextHash(hash, code)
    }
    this.#hashes[depth] = hash
    return at + 1
  }

  #literalChild(parent: number, text: string, from: number, to: number, hash: number): number {
    const { edges } = this.#cells
    for (let slot = edgeSlot(parent, hash, edges.length); ; slot = (slot + cellsPerRecord) & (edges.length - 1)) {
      const child = cell(edges, slot + 2)
      if (child === 0) return 0
      if (edges[slot] === parent && edges[slot + 1] === hash && this.#isText(cell(edges, slot + 3), text, from, to))
        return child
    }
  }

  /** Compared whole, so that a collision of hashes costs time and never a wrong route. */
  #isText(place: number, text: string, from: number, to: number): boolean {
    const { texts } = this.#cells
    let inTexts = place
    for (let at = from; at < to; at++) {
      if (texts[inTexts++] !== text.charCodeAt(at)) return false
    }
    return texts[inTexts] === slash
  }

  #addSuffixes(first: number, key: string, from: number, to: number, depth: number, height: number): number {
    const { suffixes } = this.#cells
    let top = height
    for (let at = first; at !== 0; at = cell(suffixes, at + 3)) {
      const start = to - cell(suffixes, at + 1)
      if (start > from && this.#isText(cell(suffixes, at), key, start, to)) {
        this.#waiting[top++] = depth
        this.#waiting[top++] = cell(suffixes, at + 2)
      }
    }
    return top
  }

  /** The route of a leaf: for its own method, then HEAD by GET, then any; of each the first whose conditions hold. */
  #choose(leaf: number, method: string, facts: ConditionFacts): number {
    if (leaf === 0) return -1
    const { leaves, methods } = this.#cells
    const named = methods.get(method) ?? noMethod
    const second = method === 'HEAD' ? this.#getMethod : noMethod
    let bySecond = -1
    let byAny = -1
    for (let at = leaf; at !== 0; at = cell(leaves, at + 2)) {
      const offered = cell(leaves, at)
      const better = offered === named || (offered === second ? bySecond < 0 : offered === anyMethod && byAny < 0)
      const route = cell(leaves, at + 1)
      if (!better || (cell(leaves, at + 3) !== 0 && this.#holds.get(route)?.(facts) !== true)) continue
      if (offered === named) return route
      if (offered === second) bySecond = route
      else byAny = route
    }
    return bySecond >= 0 ? bySecond : byAny
  }
}

const noMethod = -1

/** Facts for look-ups of a path alone: only conditions that something is absent hold. */
const saysNothing: ConditionFacts = { target: '', header: () => undefined }

/** A cell whose place comes from the builder: always inside the array. */
function cell(cells: Int32Array, at: number): number {
  return cells[at] as number
}
