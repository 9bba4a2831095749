/**
 * The one-line form of our signed headers: `v=1;k=..;...;m=<mac>`. Values are percent-encoded where they could end a
 * field or a line, so no value can add a field of its own.
 */

/** Longer is refused before parsing: no honest header of ours comes near. */
export const limitChars = 4_096

export function writeFields(fields: readonly (readonly [name: string, value: string])[]): string {
  return fields.map(([name, value]) => `${name}=${value === '' ? '-' : encodeValue(value)}`).join(';')
}

export interface Fields {
  /** The value; '' where it is `-` or absent. */
  get(name: string): string
  /** The text before `;m=`: what the MAC covers, unknown fields too. */
  readonly signed: string
  readonly mac: string
}

/** Undefined for whatever we would not have written: twice the same field, a bad escape, no MAC at the end. */
export function readFields(value: string): Fields | undefined {
  if (value.length > limitChars) return undefined
  const end = value.lastIndexOf(';m=')
  if (end < 0 || !value.startsWith('v=1;')) return undefined
  const found = new Map<string, string>()
  for (const field of value.slice(0, end).split(';')) {
    const equals = field.indexOf('=')
    const text = equals < 1 ? undefined : decodeValue(field.slice(equals + 1))
    const name = field.slice(0, equals)
    if (text === undefined || found.has(name)) return undefined
    found.set(name, text)
  }
  return { get: (name) => found.get(name) ?? '', signed: value.slice(0, end), mac: value.slice(end + 3) }
}

/** Decimal digits only; undefined for anything else, '' too. */
export function readCount(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function encodeValue(value: string): string {
  if (value === '-') return '%2D'
  return /^[!#$&-:<>-~]*$/.test(value) ? value : encodeURIComponent(value)
}

function decodeValue(value: string): string | undefined {
  if (value === '-') return ''
  if (!value.includes('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    // A bad escape: the header is not one of ours, which the caller refuses and counts.
    return undefined
  }
}
