import { frontCode } from './front-code.ts'
import { readPolicy } from './policy-parts.ts'
import { runsOf } from './runs.ts'
import type { Structure } from './structure.ts'
import { structureDecoder } from './structure-decoder.ts'
import { decodeService } from './structure-parts.ts'

/**
 * The text that is sealed. Patterns are front-coded (each line says how much of the line before it repeats) and what
 * routes have in common is written once, since edges carry this text in their script: 10,000 routes stay under 45 KB
 * after gzip. Route ids are not shipped: they follow from the rest.
 */
export function encodeStructure(structure: Structure): string {
  const policies = new Interned()
  const kinds = new Interned()
  const rows = structure.routes.map(({ service, unit, host, methods, when, policy }) =>
    kinds.place([
      unit === service ? 0 : unit,
      host ?? 0,
      methods ?? 0,
      policies.place(policy),
      ...(when === undefined ? [] : [when]),
    ]),
  )
  const { number, mayShrink, defaultSite, sites, hosts, services } = structure
  return JSON.stringify({
    v: 1,
    kind: 'structure',
    number,
    mayShrink,
    defaultSite,
    sites,
    hosts,
    services,
    policies: policies.values,
    kinds: kinds.values,
    rows: rows.join(' '),
    owners: runsOf(structure.routes.map(({ service }) => service)),
    patterns: frontCode(structure.routes.map((route) => route.pattern)),
  })
}

/** Undefined for any text that `encodeStructure` would not have written. Reads all that there is. */
export const decodeStructure = structureDecoder(readPolicy, decodeService)

/** Distinct values in order of first sight; equal by their JSON. */
class Interned {
  readonly values: unknown[] = []
  readonly #places = new Map<string, number>()

  place(value: unknown): number {
    const name = JSON.stringify(value)
    const known = this.#places.get(name)
    if (known !== undefined) return known
    this.#places.set(name, this.values.length)
    return this.values.push(value) - 1
  }
}
