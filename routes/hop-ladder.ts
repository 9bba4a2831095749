/**
 * The ladder of time-outs between a client and a service: client, edge, balancer, gateway, mesh, service. Each hop waits for
 * the next one and keeps connections to it; where an inner hop waits longer than an outer one, or closes an idle connection
 * first, requests fail at random and nobody can tell where. Pure: a model, held against reality by `tidegate doctor hops`.
 */
export interface Hop {
  readonly name: string
  readonly connectMs?: number
  /** From the request to the first byte of the answer. */
  readonly firstByteMs?: number
  readonly totalMs?: number
  /** How long it keeps an idle connection that the hop before it opened. */
  readonly keepAliveMs?: number
  /** How long it keeps an idle connection that it opened to the next hop. */
  readonly idleMs?: number
  /** How long the network behind it keeps an idle connection. */
  readonly firewallMs?: number
  /** How often it sends one request at most. */
  readonly tries?: number
  readonly maxBodyBytes?: number
}

export interface HopFinding {
  /** L1 keep-alive · L2 order of waits · L3 firewalls · L4 sizes of bodies · L5 not stated · R tries multiply. */
  readonly rule: 'L1' | 'L2' | 'L3' | 'L4' | 'L5' | 'R'
  /** `wrong` fails requests; `risk` may; `unset` is not known. */
  readonly kind: 'wrong' | 'risk' | 'unset'
  readonly hop: string
  /** The hop behind it, where two are compared. */
  readonly next?: string
  readonly meaning: string
  readonly fix: string
}

/** Hops from the client inwards. A hop that states nothing of a wait is told as unset: no limit is a limit unknown. */
export function ladderFindings(hops: readonly Hop[]): HopFinding[] {
  const found: HopFinding[] = []
  hops.forEach((hop, at) => {
    found.push(...ofOne(hop, at, hops.length))
    const next = hops[at + 1]
    if (next !== undefined) found.push(...ofTwo(hop, next))
  })
  return [...found, ...ofTries(hops)]
}

function ofOne(hop: Hop, at: number, count: number): HopFinding[] {
  const { name, connectMs = 0, firstByteMs, totalMs, tries = 1 } = hop
  const found: HopFinding[] = []
  const isLast = at === count - 1
  const tell = (rule: HopFinding['rule'], kind: HopFinding['kind'], meaning: string, fix: string) =>
    void found.push({ rule, kind, hop: name, meaning, fix })

  if (totalMs === undefined)
    tell('L5', 'unset', `${name} states no time for the whole request`, `state total of ${name}`)
  if (!isLast && hop.idleMs === undefined)
    tell('L5', 'unset', `${name} states no idle time of its connections to the next hop`, `state idle of ${name}`)
  if (at > 0 && hop.keepAliveMs === undefined)
    tell('L5', 'unset', `${name} states no keep-alive time of connections to it`, `state keepAlive of ${name}`)
  if (firstByteMs !== undefined && connectMs > firstByteMs)
    tell('L2', 'wrong', `${name} waits longer to connect than for an answer`, 'let connect be below firstByte')
  if (firstByteMs !== undefined && totalMs !== undefined && firstByteMs > totalMs)
    tell('L2', 'wrong', `${name} waits longer for the first byte than for the whole`, 'let firstByte be below total')
  const worstMs = tries * (connectMs + (firstByteMs ?? 0))
  if (tries > 1 && totalMs !== undefined && firstByteMs !== undefined && worstMs > totalMs) {
    const meaning = `${tries} tries of ${name} may take ${words(worstMs)}, above its total of ${words(totalMs)}`
    tell('L2', 'risk', meaning, 'shorten firstByte, or let it try once')
  }
  if (hop.firewallMs !== undefined && hop.idleMs !== undefined && hop.firewallMs <= hop.idleMs) {
    const meaning = `the network behind ${name} forgets connections after ${words(hop.firewallMs)}, and ${name} keeps them for ${words(hop.idleMs)}`
    tell('L3', 'wrong', meaning, `let idle of ${name} be below ${words(hop.firewallMs)}`)
  }
  return found
}

function ofTwo(hop: Hop, next: Hop): HopFinding[] {
  const found: HopFinding[] = []
  const tell = (rule: HopFinding['rule'], kind: HopFinding['kind'], meaning: string, fix: string) =>
    void found.push({ rule, kind, hop: hop.name, next: next.name, meaning, fix })

  if (hop.idleMs !== undefined && next.keepAliveMs !== undefined) {
    const marginMs = hop.idleMs > 60_000 ? 10_000 : 1_000
    if (next.keepAliveMs < hop.idleMs + marginMs) {
      const meaning = `${next.name} closes idle connections after ${words(next.keepAliveMs)}, and ${hop.name} uses them for ${words(hop.idleMs)}: requests at that moment are lost`
      tell('L1', 'wrong', meaning, `let keepAlive of ${next.name} be ${words(hop.idleMs + marginMs)} or more`)
    }
  }
  if (longer(next.totalMs, hop.totalMs)) {
    const meaning = `${next.name} may take ${words(next.totalMs ?? 0)}, and ${hop.name} gives up after ${words(hop.totalMs ?? 0)}: it then answers without the reason`
    tell('L2', 'wrong', meaning, `let total of ${next.name} be below that of ${hop.name}`)
  }
  if (longer(next.firstByteMs, hop.firstByteMs)) {
    const meaning = `${next.name} may wait ${words(next.firstByteMs ?? 0)} for a first byte, and ${hop.name} waits ${words(hop.firstByteMs ?? 0)}`
    tell('L2', 'wrong', meaning, `let firstByte of ${next.name} be below that of ${hop.name}`)
  }
  if (hop.maxBodyBytes !== undefined && next.maxBodyBytes !== undefined && hop.maxBodyBytes < next.maxBodyBytes) {
    const meaning = `${hop.name} takes bodies up to ${hop.maxBodyBytes} bytes, and ${next.name} up to ${next.maxBodyBytes}`
    tell('L4', 'risk', meaning, `raise maxBody of ${hop.name}, or lower it at ${next.name}: a move must not change it`)
  }
  return found
}

/** Each hop that tries again multiplies what the service gets in its worst minute. */
function ofTries(hops: readonly Hop[]): HopFinding[] {
  const trying = hops.filter(({ tries = 1 }) => tries > 1)
  const sent = trying.reduce((product, { tries = 1 }) => product * tries, 1)
  if (sent <= 2) return []
  const names = trying.map(({ name, tries }) => `${name} ${tries}`).join(', ')
  const meaning = `one request may reach the service ${sent} times (tries: ${names})`
  const fix = 'let one hop alone try again'
  return [{ rule: 'R', kind: 'wrong', hop: trying[0]?.name ?? '', meaning, fix }]
}

function longer(inner: number | undefined, outer: number | undefined): boolean {
  return inner !== undefined && outer !== undefined && inner >= outer
}

function words(ms: number): string {
  if (ms % 60_000 === 0 && ms > 0) return `${ms / 60_000}m`
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`
}
