/** What a route may ask of a request beyond host, path and method. Without `equals`, presence is enough. */
export type Condition =
  | { readonly kind: 'header' | 'query' | 'cookie'; readonly name: string; readonly equals?: string }
  | { readonly kind: 'country'; readonly equals: string }
