import type { Condition } from './condition.ts'
import type { Pattern } from './pattern.ts'

export interface TrieRoute {
  /** Exact or `*.example.com`; none = any host. */
  readonly host?: string
  /** One that `readPattern` accepted. Its text is enough: a start has no time to take each apart into objects. */
  readonly pattern: Pick<Pattern, 'text'>
  /** Upper case; none = any method. */
  readonly methods?: readonly string[]
  readonly trailingSlash?: 'ignore'
  /** All must hold; more go before fewer. */
  readonly when?: readonly Condition[]
}

/**
 * A trie as flat arrays of records of four cells. A link is the place of a record; 0 is nothing.
 *
 *     nodes     per path node: parameter child, first suffix, tail leaf, leaf
 *               per host node: exact root, wildcard root (below `hostRoot`, labels from the right)
 *     edges     one hash table of literal steps: parent, hash of the text, child, place of the text
 *     suffixes  linked lists, shortest first: place of the text, its length, child, next
 *     leaves    linked lists, more conditions first, then in the order of routes: method, route, next, whether conditional
 *     texts     the literals, each ended by a slash, which no segment has: the end of a text is compared with it
 */
export interface TrieCells {
  readonly nodes: Int32Array
  readonly edges: Int32Array
  readonly suffixes: Int32Array
  readonly leaves: Int32Array
  readonly texts: Uint8Array
  /** Numbers of the methods that routes name; 0 stands for any. */
  readonly methods: ReadonlyMap<string, number>
  /** Most labels of a host; 0 when no route names a host. */
  readonly hostDepth: number
  /** Most segments of a pattern. */
  readonly depth: number
  /** Most alternatives that a look-up can have open at once. */
  readonly open: number
}

export const cellsPerRecord = 4
export const parameterCell = 0
export const suffixCell = 1
export const tailCell = 2
export const leafCell = 3
export const exactCell = 0
export const wildcardCell = 1

export const hostRoot = 1 * cellsPerRecord
export const anyMethod = 0

/**
 * The cell where the look-up of an edge begins; `<< 2` because an edge has four. The parent is mixed in, or equal
 * segments of all services (`v1`) would begin at one place.
 */
export function edgeSlot(parent: number, hash: number, edges: number): number {
  const mixed = Math.imul(hash ^ Math.imul(parent, 0x9e3779b1), 0x85ebca6b)
  return ((mixed ^ (mixed >>> 15)) << 2) & (edges - 1)
}

/** One step of the hash of a text; the look-up takes it while it searches the next slash. */
export function nextHash(hash: number, code: number): number {
  return (Math.imul(hash, 31) + code) | 0
}

export function layOut(routes: readonly TrieRoute[]): TrieCells {
  const builder = new TrieBuilder(routes.length)
  const most = routes.reduce((sum, { when }) => Math.max(sum, when?.length ?? 0), 0)
  // Lists grow at their head: so fewer conditions before more, and from last to first, that of equal routes, which the
  // compiler refuses, the first one stays ahead.
  for (let conditions = 0; conditions <= most; conditions++) {
    for (let index = routes.length - 1; index >= 0; index--) {
      const route = routes[index] as TrieRoute
      if ((route.when?.length ?? 0) === conditions) builder.add(route, index)
    }
  }
  return builder.cells()
}

class TrieBuilder {
  readonly #nodes = new Records()
  readonly #suffixes = new Records()
  readonly #leaves = new Records()
  readonly #methods = new Map<string, number>()
  readonly #roots = new Map<string | undefined, number>()
  #texts = new Uint8Array(1024)
  #textLength = 0
  #edges: Int32Array
  #edgeCount = 0
  #depth = 0
  #hostDepth = 0
  #mostSuffixes = 0
  /** The steps of the pattern before and their nodes. Tables are sorted, so most of the next steps are the same. */
  #former: readonly string[] = []
  readonly #formerNodes: number[] = [0]

  constructor(routes: number) {
    // Room for one new literal a route, at half load; growing from nothing would hash every edge some ten times.
    const bits = 32 - Math.clz32(Math.max(routes, 32) - 1)
    this.#edges = new Int32Array(2 ** (bits + 1) * cellsPerRecord)
    this.#newNode() // `hostRoot`
  }

  add(route: TrieRoute, index: number): void {
    const root = this.#rootOf(route.host)
    this.#addPath(root, route.pattern.text, route, index)
    if (route.trailingSlash !== 'ignore') return
    const other = otherSlash(route.pattern.text)
    if (other !== undefined) this.#addPath(root, other, route, index)
  }

  cells(): TrieCells {
    return {
      nodes: this.#nodes.used(),
      edges: this.#edges,
      suffixes: this.#suffixes.used(),
      leaves: this.#leaves.used(),
      texts: this.#texts.slice(0, this.#textLength),
      methods: this.#methods,
      hostDepth: this.#hostDepth,
      depth: this.#depth,
      // On each level a tail, a parameter and the suffixes may wait; before the first, the wildcards of the host.
      open: (this.#depth + 1) * (2 + this.#mostSuffixes) + this.#hostDepth + 2,
    }
  }

  #rootOf(host: string | undefined): number {
    const known = this.#roots.get(host)
    if (known !== undefined) return known
    const wildcard = host === undefined || host.startsWith('*.')
    const labels = host === undefined ? [] : host.slice(wildcard ? 2 : 0).split('.')
    let node = hostRoot
    for (const label of labels.reverse()) node = this.#literalChild(node, label)
    this.#hostDepth = Math.max(this.#hostDepth, labels.length)
    const root = this.#childAt(node + (wildcard ? wildcardCell : exactCell))
    this.#roots.set(host, root)
    return root
  }

  #addPath(root: number, path: string, { methods, when }: TrieRoute, index: number): void {
    const cell = this.#leafCellOf(root, path)
    const conditional = when === undefined ? 0 : 1
    if (methods === undefined) this.#addToLeaf(cell, anyMethod, index, conditional)
    else for (const method of methods) this.#addToLeaf(cell, this.#numberOf(method), index, conditional)
  }

  /** Walks to the end of the path, making what is missing; gives the cell of `nodes` that has its leaf. */
  #leafCellOf(root: number, path: string): number {
    // The first is the nothing before the first slash; the root stands for it.
    const steps = path.split('/')
    const nodes = this.#formerNodes
    let at = nodes[0] === root ? sharedLength(this.#former, steps) : 1
    nodes[0] = root
    for (; at < steps.length; at++) nodes[at] = this.#child(nodes[at - 1] as number, steps[at] as string)
    this.#former = steps
    this.#depth = Math.max(this.#depth, steps.length - 1)
    return (nodes[steps.length - 1] as number) + (steps.at(-1) === '**' ? tailCell : leafCell)
  }

  #child(node: number, step: string): number {
    if (step === '**') return node
    if (!step.startsWith('{')) return this.#literalChild(node, step)
    const suffix = step.slice(step.indexOf('}') + 1)
    return suffix === '' ? this.#childAt(node + parameterCell) : this.#suffixChild(node, suffix)
  }

  #addToLeaf(cell: number, method: number, route: number, conditional: number): void {
    const next = this.#nodes.cells[cell] as number
    this.#nodes.cells[cell] = this.#leaves.add(method, route, next, conditional)
  }

  #numberOf(method: string): number {
    const known = this.#methods.get(method)
    if (known !== undefined) return known
    const number = this.#methods.size + 1
    this.#methods.set(method, number)
    return number
  }

  #newNode(): number {
    return this.#nodes.add(0, 0, 0, 0)
  }

  #childAt(cell: number): number {
    const known = this.#nodes.cells[cell] as number
    if (known !== 0) return known
    const child = this.#newNode()
    this.#nodes.cells[cell] = child
    return child
  }

  #literalChild(parent: number, text: string): number {
    let hash = 0
    for (let at = 0; at < text.length; at++) hash = nextHash(hash, text.charCodeAt(at))
    const edges = this.#edges
    let slot = edgeSlot(parent, hash, edges.length)
    for (; edges[slot + 2] !== 0; slot = (slot + cellsPerRecord) & (edges.length - 1)) {
      if (edges[slot] === parent && edges[slot + 1] === hash && this.#hasText(edges[slot + 3] as number, text)) {
        return edges[slot + 2] as number
      }
    }
    const child = this.#newNode()
    edges[slot] = parent
    edges[slot + 1] = hash
    edges[slot + 2] = child
    edges[slot + 3] = this.#addText(text)
    this.#edgeCount++
    if (this.#edgeCount * 2 * cellsPerRecord > edges.length) this.#growEdges()
    return child
  }

  #growEdges(): void {
    const former = this.#edges
    const edges = new Int32Array(former.length * 2)
    for (let from = 0; from < former.length; from += cellsPerRecord) {
      if (former[from + 2] === 0) continue
      let slot = edgeSlot(former[from] as number, former[from + 1] as number, edges.length)
      while (edges[slot + 2] !== 0) slot = (slot + cellsPerRecord) & (edges.length - 1)
      for (let cell = 0; cell < cellsPerRecord; cell++) edges[slot + cell] = former[from + cell] as number
    }
    this.#edges = edges
  }

  #suffixChild(parent: number, suffix: string): number {
    const { cells } = this.#suffixes
    const first = this.#nodes.cells[parent + suffixCell] as number
    let shorter = 0
    let waiting = 1
    for (let at = first; at !== 0; at = cells[at + 3] as number) {
      const length = cells[at + 1] as number
      if (length === suffix.length && this.#hasText(cells[at] as number, suffix)) return cells[at + 2] as number
      if (length <= suffix.length) shorter = at
      waiting++
    }
    this.#mostSuffixes = Math.max(this.#mostSuffixes, waiting)
    const child = this.#newNode()
    const longer = shorter === 0 ? first : (cells[shorter + 3] as number)
    const added = this.#suffixes.add(this.#addText(suffix), suffix.length, child, longer)
    if (shorter === 0) this.#nodes.cells[parent + suffixCell] = added
    else this.#suffixes.cells[shorter + 3] = added
    return child
  }

  #addText(text: string): number {
    const place = this.#textLength
    const end = place + text.length
    if (end >= this.#texts.length) {
      const wider = new Uint8Array((end + 1) * 2)
      wider.set(this.#texts)
      this.#texts = wider
    }
    for (let at = 0; at < text.length; at++) this.#texts[place + at] = text.charCodeAt(at)
    this.#texts[end] = slash
    this.#textLength = end + 1
    return place
  }

  #hasText(place: number, text: string): boolean {
    for (let at = 0; at < text.length; at++) {
      if (this.#texts[place + at] !== text.charCodeAt(at)) return false
    }
    return this.#texts[place + text.length] === slash
  }
}

/** Records of four cells in one array that doubles when it is full. The first record is nothing: a link to it is 0. */
class Records {
  cells = new Int32Array(1024)
  #length = cellsPerRecord

  /** The place of the new record. */
  add(first: number, second: number, third: number, fourth: number): number {
    const place = this.#length
    if (place === this.cells.length) {
      const wider = new Int32Array(place * 2)
      wider.set(this.cells)
      this.cells = wider
    }
    this.cells[place] = first
    this.cells[place + 1] = second
    this.cells[place + 2] = third
    this.cells[place + 3] = fourth
    this.#length += cellsPerRecord
    return place
  }

  used(): Int32Array {
    return this.cells.slice(0, this.#length)
  }
}

/** How many steps are the same from the start; at least the one before the first slash. */
function sharedLength(former: readonly string[], steps: readonly string[]): number {
  const limit = Math.min(former.length, steps.length)
  let shared = 1
  while (shared < limit && former[shared] === steps[shared]) shared++
  return shared
}

/** The second path of `trailingSlash: ignore`; `/` and tails have none. */
function otherSlash(path: string): string | undefined {
  if (path === '/' || path.endsWith('/**')) return undefined
  return path.endsWith('/') ? path.slice(0, -1) : `${path}/`
}

export const slash = 0x2f
