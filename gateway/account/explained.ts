import { unsafeClasses } from '#routes/canonical-target.ts'
import { headers } from '#routes/messages.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'

/** Of the JSON; more would meet the limits of those who read it on the way. */
const bytesLimit = 2_048
/** Paths are long where clients wish, and all else has to fit behind them. */
const keyLimit = 512

/**
 * For an operator who sends a token in `x-tidegate-explain`: the answer tells in `x-tidegate-explained` (JSON, base64url)
 * how it came about, from what each phase really did. Anybody else's field does nothing.
 */
export function explained(mayAsk: (token: string) => boolean): Phase {
  return {
    name: 'explained',
    before(x: Exchange): undefined {
      if (!x.names.includes(headers.explain)) return undefined
      const token = x.header(headers.explain)
      if (token !== undefined && token.length <= 4_096 && mayAsk(token)) x.explained = {}
      return undefined
    },
    after(x: Exchange, answer: Answer): Answer {
      if (x.explained !== undefined) answer.headers.push(headers.explained, written(x, answer))
      return answer
    },
  }
}

function written(x: Exchange, answer: Answer): string {
  const { decision, table, forwardedTo, endpoint, attempt, cacheStatus } = x
  const facts: Record<string, unknown> = {
    requestId: x.requestId,
    code: answer.problem?.code,
    key: decision?.target.key.slice(0, keyLimit),
    unsafe: decision === undefined ? undefined : unsafeClasses(decision.target.unsafe),
    readings: x.readings.map(({ id }) => id),
    structure: table?.structure.number,
    placements: table?.placements.number,
    route: decision?.route?.id,
    unit: decision?.route?.unit,
    site: decision?.site,
    because: decision?.because,
    epoch: decision?.epoch,
    bucket: decision?.bucket,
    forwardedTo,
    caller: x.caller?.consumer,
    cache: cacheStatus,
    endpoint,
    attempt,
    timeout: decision?.route?.policy.timeout,
    ...x.explained,
  }
  // The last ones told are the first to go: what was decided matters more than how each part went about it.
  const names = Object.keys(facts)
  for (;;) {
    const text = JSON.stringify(facts)
    if (text.length <= bytesLimit) return Buffer.from(text).toString('base64url')
    const last = names.pop()
    if (last === undefined) return ''
    facts[last] = undefined
    facts['shortened'] = true
  }
}
