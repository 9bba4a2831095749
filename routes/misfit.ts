import { listed, pointerTo, shown } from './fault.ts'
import { nameFix, nearestName } from './nearest-name.ts'

/** The part of JSON Schema that our schemas are written in. */
export interface Shape {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  readonly patternProperties?: Readonly<Record<string, Shape>>
  readonly items?: Shape
  readonly minItems?: number
  readonly maxItems?: number
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly anyOf?: readonly Shape[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly default?: unknown
  /** What is expected, in words: of a text, or of the keys of a mapping whose keys are free. */
  readonly patternErrorMessage?: string
}

/** Where and how a value differs from its schema. */
export interface Misfit {
  readonly pointer: string
  /** Whether it is the key or the value at `pointer` that is wrong. */
  readonly on: 'key' | 'value'
  readonly value: string
  readonly expected: string
  readonly fix?: string
}

export interface Completed {
  /**
   * The value with the defaults of absent keys. Of a value with misfits, what is sound of it: no unknown keys, a
   * default or nothing for a wrong value, and holes in lists where an item is wrong, so that the others keep their place.
   */
  readonly value: unknown
  /** Whether anything sound is left that has the value's type. */
  readonly sound: boolean
  readonly misfits: readonly Misfit[]
}

/**
 * Fills in defaults and tells all misfits at once, in the author's words: a validator's own messages name keywords,
 * list each branch of a union and stop after a few. `fits` is that validator, asked for each single value.
 */
export function complete(shape: Shape, value: unknown, fits: (shape: Shape, value: unknown) => boolean): Completed {
  /** Each default is completed once, not again for each of a service's routes. */
  const defaults = new Map<Shape, unknown>()
  return visit(shape, value, '')

  function visit(shape: Shape, value: unknown, pointer: string): Completed {
    if (shape.anyOf !== undefined) return visitAny(shape.anyOf, value, pointer)
    if (shape.type === 'object' && isMapping(value)) return visitMapping(shape, value, pointer)
    if (shape.type === 'array' && Array.isArray(value)) return visitList(shape, value, pointer)
    if (fits(shape, value)) return { value, sound: true, misfits: [] }
    return wrong(pointer, value, expectationOf(shape), words(shape))
  }

  /** The branch that fits; else the one of the value's own kind, since its author meant that one. */
  function visitAny(branches: readonly Shape[], value: unknown, pointer: string): Completed {
    const tried = branches.map((branch) => visit(branch, value, pointer))
    const fitting = tried.find((each) => each.misfits.length === 0)
    if (fitting !== undefined) return fitting
    const kind = Array.isArray(value) ? 'array' : isMapping(value) ? 'object' : typeof value
    // A fixed word is one of several things that a text may be; a text that has a form was meant to have it.
    const meant = branches.findIndex(
      ({ type, patternErrorMessage }) => type === kind && (type !== 'string' || patternErrorMessage !== undefined),
    )
    if (meant >= 0) return tried[meant] as Completed
    const expected = `expected ${listed(branches.map((branch) => expectationOf(branch).replace(/^expected /, '')))}`
    return wrong(pointer, value, expected, branches.flatMap(words))
  }

  function visitMapping(shape: Shape, mapping: Readonly<Record<string, unknown>>, pointer: string): Completed {
    const properties = shape.properties ?? {}
    const entries: [string, unknown][] = []
    const misfits: Misfit[] = []
    let sound = true
    for (const [key, value] of Object.entries(mapping)) {
      const property = shapeOfKey(shape, key)
      const at = pointerTo(pointer, key)
      if (property === undefined) {
        misfits.push(unknownKey(shape, mapping, key, at))
        continue
      }
      const completed = visit(property, value, at)
      misfits.push(...completed.misfits)
      if (completed.sound) entries.push([key, completed.value])
      else addAbsent(key, property, at)
    }
    for (const [key, property] of Object.entries(properties)) {
      if (Object.hasOwn(mapping, key)) continue
      addAbsent(key, property, pointer)
      const missing = property.default === undefined && shape.required?.includes(key)
      if (missing) misfits.push(misfit(pointer, shown(key), 'missing'))
    }
    misfits.push(...sizeMisfits(Object.keys(mapping).length, shape.minProperties, shape.maxProperties, pointer))
    return { value: Object.fromEntries(entries), sound, misfits }

    function addAbsent(key: string, property: Shape, at: string): void {
      if (property.default !== undefined) entries.push([key, defaultOf(property, at)])
      else if (shape.required?.includes(key)) sound = false
    }
  }

  function defaultOf(property: Shape, at: string): unknown {
    if (!defaults.has(property)) defaults.set(property, visit(property, property.default, at).value)
    return defaults.get(property)
  }

  function visitList(shape: Shape, list: readonly unknown[], pointer: string): Completed {
    const { items } = shape
    const value: unknown[] = [...list]
    const misfits: Misfit[] = []
    for (const [at, item] of list.entries()) {
      if (items === undefined) continue
      const completed = visit(items, item, pointerTo(pointer, at))
      misfits.push(...completed.misfits)
      if (completed.sound) value[at] = completed.value
      else delete value[at]
    }
    misfits.push(...sizeMisfits(list.length, shape.minItems, shape.maxItems, pointer))
    return { value, sound: true, misfits }
  }
}

function wrong(pointer: string, value: unknown, expected: string, valid: readonly string[]): Completed {
  const meant = typeof value === 'string' ? nearestName(value, valid) : undefined
  const told = misfit(pointer, shown(value), expected)
  const misfits = [meant === undefined ? told : { ...told, fix: `did you mean "${meant}"?` }]
  return { value: undefined, sound: false, misfits }
}

function unknownKey(shape: Shape, mapping: object, key: string, pointer: string): Misfit {
  const told = { pointer, on: 'key', value: shown(key) } as const
  if (shape.properties === undefined) return { ...told, expected: shape.patternErrorMessage ?? 'unknown' }
  const absent = Object.keys(shape.properties).filter((name) => !Object.hasOwn(mapping, name))
  return { ...told, expected: 'unknown', ...nameFix(key, absent) }
}

function shapeOfKey(shape: Shape, key: string): Shape | undefined {
  if (shape.properties !== undefined && Object.hasOwn(shape.properties, key)) return shape.properties[key]
  return Object.entries(shape.patternProperties ?? {}).find(([pattern]) => new RegExp(pattern).test(key))?.[1]
}

function sizeMisfits(size: number, least: number | undefined, most: number | undefined, pointer: string): Misfit[] {
  const value = size === 1 ? '1 entry' : `${size} entries`
  if (least !== undefined && size < least) return [misfit(pointer, value, `expected at least ${least}`)]
  if (most !== undefined && size > most) return [misfit(pointer, value, `expected at most ${most}`)]
  return []
}

function expectationOf(shape: Shape): string {
  if (shape.patternErrorMessage !== undefined && shape.type !== 'object') return shape.patternErrorMessage
  if (shape.const !== undefined) return `expected ${String(shape.const)}`
  if (shape.enum !== undefined) return `expected ${listed(shape.enum.map(String))}`
  switch (shape.type) {
    case 'object':
      return expectedMapping(shape)
    case 'array':
      return 'expected a list'
    case 'boolean':
      return 'expected true or false'
    case 'string':
      return 'expected a text'
    default:
      return `expected a ${shape.type === 'integer' ? 'whole number' : 'number'}${rangeOf(shape)}`
  }
}

function expectedMapping({ properties, required = [] }: Shape): string {
  const names = required.filter((name) => properties?.[name]?.default === undefined)
  return names.length === 0 ? 'expected a mapping' : `expected a mapping with ${listed(names, 'and')}`
}

function rangeOf({ minimum, maximum }: Shape): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`
  if (minimum !== undefined) return ` of at least ${minimum}`
  return maximum === undefined ? '' : ` of at most ${maximum}`
}

/** The fixed texts that a value may be. */
function words(shape: Shape): string[] {
  return [shape.const, ...(shape.enum ?? [])].filter((word) => typeof word === 'string')
}

function misfit(pointer: string, value: string, expected: string): Misfit {
  return { pointer, on: 'value', value, expected }
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
