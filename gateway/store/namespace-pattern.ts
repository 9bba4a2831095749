/** `*` any namespace, `shop-*` those that begin so, else exactly the one. */
export function matchesNamespace(pattern: string, namespace: string): boolean {
  return pattern.endsWith('*') ? namespace.startsWith(pattern.slice(0, -1)) : namespace === pattern
}
