/**
 * Reads JSON by shape without a schema library: documents reach edges, where every byte of code starts with each
 * isolate. Each reader gives undefined for what it does not accept, and never throws.
 */

/** The object that a JSON text holds. */
export function document(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return record(JSON.parse(body))
  } catch {
    // Not JSON: the caller refuses the document as malformed and says so.
    return undefined
  }
}

/** An object, without its prototype: no inherited name reads as a field. */
export function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return Object.assign(Object.create(null), value)
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function flag(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

/** A whole number from 0 to 2^53-1. */
export function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/** Basis points, 0..10000. */
export function bp(value: unknown): number | undefined {
  const number = count(value)
  return number !== undefined && number <= 10_000 ? number : undefined
}

export function oneOf<const Words extends readonly (string | number)[]>(
  value: unknown,
  words: Words,
): Words[number] | undefined {
  return words.find((word) => word === value)
}

/** Undefined as a whole when any element is not accepted. */
export function array<Item>(value: unknown, read: (item: unknown) => Item | undefined): readonly Item[] | undefined {
  if (!Array.isArray(value)) return undefined
  const items: Item[] = []
  for (const element of value) {
    const item = read(element)
    if (item === undefined) return undefined
    items.push(item)
  }
  return items
}

/** Absent is undefined and fine; present and unreadable is null, and the caller refuses the whole. */
export function optional<Item>(value: unknown, read: (item: unknown) => Item | undefined): Item | undefined | null {
  return value === undefined ? undefined : (read(value) ?? null)
}
