/** Where a condition looks. Names of headers in lower case. */
export type ConditionSource = `header:${string}` | `query:${string}` | `cookie:${string}` | 'country'

/**
 * What a request must say, beside host, path and method, for a route to match. `equals`, `prefix` and `oneOf` compare texts
 * as they are; `version` is a range such as `>=4.2 <5` over dotted numbers, in which a missing part is 0.
 */
export type Condition =
  | { readonly from: ConditionSource; readonly test: 'equals' | 'prefix' | 'version'; readonly value: string }
  | { readonly from: ConditionSource; readonly test: 'exists'; readonly value: boolean }
  | { readonly from: ConditionSource; readonly test: 'oneOf'; readonly value: readonly string[] }
