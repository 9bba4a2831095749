/** How a sample service is told to behave badly: by the query of one request, or for all until it is told otherwise. */

export interface Behaviour {
  /** Waits this long before it answers; at most a minute. */
  readonly slowMs?: number
  /** Answers with this status, 400..599. */
  readonly fail?: number
}

const longestMs = 60_000

/** From `?slow=500&fail=503`; what is not a number in range is left out. */
export function readBehaviour(query: string): Behaviour {
  const values = new URLSearchParams(query)
  return behaviourOf({ slow: values.get('slow'), fail: values.get('fail') })
}

/** From `{ "slow": 500, "fail": 503 }`; an empty object is good behaviour. */
export function behaviourOf(told: { slow?: unknown; fail?: unknown }): Behaviour {
  const slowMs = numberWithin(told.slow, 0, longestMs)
  const fail = numberWithin(told.fail, 400, 599)
  return { ...(slowMs === undefined ? {} : { slowMs }), ...(fail === undefined ? {} : { fail }) }
}

function numberWithin(value: unknown, least: number, most: number): number | undefined {
  if (value === null || value === undefined || value === '') return undefined
  const number = Number(value)
  return Number.isInteger(number) && number >= least && number <= most ? number : undefined
}
