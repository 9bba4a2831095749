import { array, count, oneOf, record } from './shape.ts'

/** The value, or undefined for what is not accepted; never throws. */
export type Reader<Value> = (value: unknown) => Value | undefined

type OptionalKeys<Value> = { [Key in keyof Value]-?: object extends Pick<Value, Key> ? Key : never }[keyof Value]

/**
 * Reads objects that have every key of `needed`, perhaps those of `may`, and no other: a guard that this release does not
 * know must not be passed over as if nobody had asked for it. A key of the type without a reader does not compile.
 */
export function objectOf<Value extends object>(
  needed: { readonly [Key in Exclude<keyof Value, OptionalKeys<Value>>]: Reader<Value[Key]> },
  may: { readonly [Key in OptionalKeys<Value>]-?: Reader<Exclude<Value[Key], undefined>> },
): Reader<Value> {
  const names = Object.keys(needed)
  const readers = new Map<string, Reader<unknown>>(Object.entries({ ...needed, ...may }))
  return (value) => {
    const fields = record(value)
    if (fields === undefined || names.some((name) => fields[name] === undefined)) return undefined
    const read: Record<string, unknown> = {}
    for (const [name, field] of Object.entries(fields)) {
      const item = readers.get(name)?.(field)
      if (item === undefined) return undefined
      read[name] = item
    }
    return read as Value
  }
}

/** Reads mappings whose keys are free, but for their form. */
export function mappingOf<Item>(
  isKey: (name: string) => boolean,
  item: Reader<Item>,
): Reader<Readonly<Record<string, Item>>> {
  return (value) => {
    const fields = record(value)
    if (fields === undefined) return undefined
    const entries: [string, Item][] = []
    for (const [name, field] of Object.entries(fields)) {
      const read = isKey(name) ? item(field) : undefined
      if (read === undefined) return undefined
      entries.push([name, read])
    }
    return Object.fromEntries(entries)
  }
}

export function listOf<Item>(item: Reader<Item>): Reader<readonly Item[]> {
  return (value) => array(value, item)
}

export function wordOf<const Words extends readonly (string | number)[]>(...words: Words): Reader<Words[number]> {
  return (value) => oneOf(value, words)
}

/** Of flags that are there or absent, and never false. */
export function yes(value: unknown): true | undefined {
  return value === true ? value : undefined
}

/** A whole number from 1 on: nothing is counted, awaited or asked for by nought. */
export function positive(value: unknown): number | undefined {
  return count(value) || undefined
}
