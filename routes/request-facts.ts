/** The only view of a request that deciding may use. */
export interface RequestFacts {
  /** As sent: methods are case-sensitive (RFC 9110 section 9.1). */
  readonly method: string
  /** The client's host, as sent. */
  readonly host: string
  /** The raw request target: path and query, byte for byte (latin1). */
  readonly target: string
  /** The client's address where it is known and believed. */
  readonly address?: string | undefined
  /** Two letters, where an edge found out; undefined = nobody knows. */
  readonly country?: string | undefined
  /** The client's key from the signed cookie, verified by whoever reads it; undefined = none that is ours. */
  readonly sticky?: string | undefined
  /** Value of a header by lower-case name; repeated fields joined with `, `. Undefined = absent. */
  header(name: string): string | undefined
}
