/** What a supervisor and its workers say to each other, over the channel between them. */

/** From the supervisor. */
export type Command =
  /** `relieved`: a successor accepts from the same sockets already. */
  { readonly kind: 'drain'; readonly relieved: boolean } | { readonly kind: 'reload' }

/** From a worker. */
export type Word =
  /** It serves; `internal` is the address that is its own. */
  | { readonly kind: 'ready'; readonly public: string; readonly internal: string }
  /** Each second: its event loop turns. */
  | { readonly kind: 'pulse'; readonly rssBytes: number }
  /** It takes no new connection any more. */
  | { readonly kind: 'not-accepting' }
  /** An operator asked it to end: the whole gateway is meant. */
  | { readonly kind: 'end' }
  /** Likewise: every worker is to read its configuration again. */
  | { readonly kind: 'reload' }

export const pulseMs = 1_000

/** Where a worker finds what it was handed: after its three streams and the channel. */
export const handedDown = { public: 4, internal: 5, firstPort: 6 } as const
