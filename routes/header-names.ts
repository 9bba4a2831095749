/** Headers that only our programs may send, but `x-request-id`. Constants, so that the edge's script holds those that it names. */

/** Edge to gateway: the signed mark of `hop.ts`. */
export const edge = 'x-tidegate-edge'
/** Gateway to gateway: the same form with another key. A request with it is never forwarded again. */
export const hop = 'x-tidegate-hop'
/** Program to program, on APIs: the signature of `call.ts`. */
export const call = 'x-tidegate-call'
/** Gateway to an edge that is behind: `s=<structure>;p=<placements>`. The edge refreshes and removes it. */
export const table = 'x-tidegate-table'
/** A gateway that did not execute a marked request: `refused;e=<epoch>`. */
export const fence = 'x-tidegate-fence'
/** Tries before this one, `0` at first: a request that was tried is not retried further down. */
export const attempt = 'x-tidegate-attempt'
/** To services and peers: ms that the answer may still take. Believed only from a verified edge or peer, and only to shorten. */
export const deadline = 'x-tidegate-deadline'
/** On a copy whose answer nobody sees. */
export const shadow = 'x-tidegate-shadow'
/** From an operator, with a token: the answer tells how it came about, in `explained`. */
export const explain = 'x-tidegate-explain'
export const explained = 'x-tidegate-explained'
/** From a client: a tester's signed word (`signed-value.ts`) which site its reads go to. Removed when it does not verify. */
export const force = 'x-tidegate-force'
/** Gateway to edge, value `no`: the answer was given on purpose, and another site is not to be asked. Edges remove it. */
export const failover = 'x-tidegate-failover'
/** Gateway to edge: the signed value to set as the cookie `tidegate-sticky`. Edges remove it, also where they set no cookie. */
export const sticky = 'x-tidegate-sticky'
/** From doctor: a signed question what arrives at a gateway. Edges pass it on, gateways answer it if it verifies. */
export const echo = 'x-tidegate-echo'
export const requestId = 'x-request-id'
