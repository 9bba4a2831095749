import type { OpenApiDocument } from './catalog-openapi-document.ts'
import { pointerTo } from './fault.ts'
import { isMapping } from './json-schema-keywords.ts'

/** A value of an OpenAPI document and where it stands, by JSON pointer. */
export interface OpenApiNode {
  readonly value: unknown
  readonly pointer: string
}

export function childOf({ value, pointer }: OpenApiNode, key: string | number): OpenApiNode {
  const child =
    (isMapping(value) || Array.isArray(value)) && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined
  return { value: child, pointer: pointerTo(pointer, key) }
}

/** What a reference inside the document leads to. */
export function targetIn(root: unknown, reference: unknown): OpenApiNode | undefined {
  const keys = typeof reference === 'string' ? keysOf(reference) : undefined
  if (keys === undefined) return undefined
  let node: OpenApiNode = { value: root, pointer: '' }
  for (const key of keys) node = childOf(node, key)
  return node.value === undefined ? undefined : node
}

/** What a reference at `pointer` leads to; undefined for another document and for nothing, which is told. */
export function targetOf(
  { root, findings }: OpenApiDocument,
  reference: unknown,
  pointer: string,
): OpenApiNode | undefined {
  const target = targetIn(root, reference)
  if (target !== undefined) return target
  if (typeof reference === 'string' && keysOf(reference) !== undefined)
    findings.fault(pointer, reference, 'points at nothing', { fix: 'name what stands under "components"' })
  else {
    const fix = 'bundle both into one; a reference is "#/components/..."'
    findings.fault(pointer, reference, 'points at another document, which is never fetched', { fix })
  }
  return undefined
}

/** Where a chain of references ends; undefined for one that ends nowhere, which is told. */
export function followed(document: OpenApiDocument, start: OpenApiNode): OpenApiNode | undefined {
  let node = start
  for (let hops = 0; isMapping(node.value) && node.value['$ref'] !== undefined; hops++) {
    const at = pointerTo(node.pointer, '$ref')
    const reference = node.value['$ref']
    if (hops > mostHops) {
      document.findings.fault(at, reference, 'leads from reference to reference', { fix: 'name the last of them' })
      return undefined
    }
    const next = targetOf(document, reference, at)
    if (next === undefined) return undefined
    node = next
  }
  return node
}

const mostHops = 16

/** The keys of `#/a/b` (RFC 6901 section 6); undefined for what is no pointer into the same document. */
function keysOf(reference: string): string[] | undefined {
  if (!reference.startsWith('#/')) return undefined
  try {
    const keys = reference.slice(2).split('/')
    return keys.map((key) => decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~'))
  } catch {
    // A malformed escape: the function's only way to say no.
    return undefined
  }
}
