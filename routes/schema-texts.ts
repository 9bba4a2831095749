import Type from 'typebox'

/** What several parts of the catalog's schema say alike. Each text form has its words: editors and faults show them. */

export const closed = { additionalProperties: false } as const

/** A DNS-1123 label: names become parts of host names, file names and metric labels. */
export const nameText = {
  pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
  patternErrorMessage: 'expected a name of at most 63 lower-case letters, digits and "-"',
} as const

export const headerText = {
  pattern: '^[a-z0-9][a-z0-9-]{0,63}$',
  patternErrorMessage: 'expected the name of a header in lower case',
} as const

/** In any case, as it is to be sent. */
export const sentHeaderText = {
  pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$',
  patternErrorMessage: 'expected the name of a header',
} as const

/** CR, LF and NUL would end the field and begin another one of the author's, or of a client's, choice. */
export const headerValueText = {
  pattern: '^[\\t\\x20-\\x7e]{0,2000}$',
  patternErrorMessage: 'expected one line of at most 2000 printable ASCII characters',
} as const

export const parameterText = {
  pattern: '^[^\\x00-\\x20\\x7f]{1,128}$',
  patternErrorMessage: 'expected the name of a parameter, without spaces',
} as const

export const urlText = {
  pattern: '^https?://[^/?#\\s]+/?$',
  patternErrorMessage: 'expected an http or https URL of host and port, without path or query',
} as const

export const pathText = {
  pattern: '^/[\\x21-\\x7e]{0,1023}$',
  patternErrorMessage: 'expected a path that begins with "/", as it is sent',
} as const

export const methodText = {
  // TRACE echoes credentials and CONNECT makes tunnels: no gateway routes them.
  pattern: '^(?!TRACE$|CONNECT$)[A-Z][A-Z-]{0,30}$',
  patternErrorMessage: 'expected a method in capital letters, such as GET (never TRACE or CONNECT)',
} as const

export const plainText = (description: string) => Type.String({ maxLength: 500, description })

/** A switch that is on where it is written: there is nothing to say by `false`. */
export const on = (description: string) => Type.Optional(Type.Literal(true, { description }))

export const atMost = (maximum: number, description: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum, description }))
