/** Dotted numbers, as `4.2.1`; a missing part is 0. */
export type Version = readonly number[]

/** What a version must satisfy, all of it. */
export type VersionRange = readonly Bound[]

export interface Bound {
  readonly sign: '' | '=' | '<' | '<=' | '>' | '>='
  readonly version: Version
}

/** Undefined for whatever is not dotted numbers alone: at most eight, each of at most nine digits. */
export function readVersion(text: string | undefined): Version | undefined {
  return text !== undefined && /^\d{1,9}(\.\d{1,9}){0,7}$/.test(text) ? text.split('.').map(Number) : undefined
}

/** `>=4.2 <5`: bounds parted by single spaces. Undefined for anything else. */
export function readRange(text: string): VersionRange | undefined {
  const bounds: Bound[] = []
  for (const part of text.split(' ')) {
    const [sign = ''] = /^(?:[<>]=?|=)/.exec(part) ?? []
    const version = readVersion(part.slice(sign.length))
    if (version === undefined) return undefined
    bounds.push({ sign: sign as Bound['sign'], version })
  }
  return bounds
}

export function isVersionIn(range: VersionRange, version: Version | undefined): boolean {
  return version !== undefined && range.every((bound) => satisfies(version, bound))
}

/** Negative when `a` is the older one. */
export function compareVersions(a: Version, b: Version): number {
  for (let at = 0; at < a.length || at < b.length; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function satisfies(version: Version, { sign, version: bound }: Bound): boolean {
  const order = compareVersions(version, bound)
  return order === 0 ? sign !== '<' && sign !== '>' : sign.startsWith(order < 0 ? '<' : '>')
}
