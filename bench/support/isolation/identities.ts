import type { Caller } from '#routes/messages.ts'

/** Somebody who asks, and by what the service and the gateway know it. */
export interface Identity {
  readonly name: string
  /** As authentication found out; undefined: the route asks nobody who they are. */
  readonly caller: Caller | undefined
  readonly credential: string | undefined
  readonly headers: readonly string[]
  /** What it shows is a cookie: a credential in the profile `api` alone. */
  readonly byCookie: boolean
}

const nobody = { caller: undefined, credential: undefined, byCookie: false }

function known(name: string, consumer: string, by: 'token' | 'api-key'): Identity {
  const credential = `credential-of-${name}`
  const headers = by === 'token' ? ['Authorization', `Bearer ${credential}`] : ['X-Api-Key', credential]
  return { name, caller: { consumer, scopes: [], by }, credential, headers, byCookie: false }
}

/** Of routes with authentication: two devices of one consumer, and others. */
export const callers: readonly Identity[] = [
  known('anna-phone', 'anna', 'token'),
  known('anna-desk', 'anna', 'token'),
  known('ben', 'ben', 'token'),
  known('cara', 'cara', 'api-key'),
]

/** Of public routes, where the service itself may tell them apart. */
export const visitors: readonly Identity[] = [
  { ...nobody, name: 'anonymous', headers: [] },
  { ...nobody, name: 'dora', headers: ['Authorization', 'Basic ZG9yYTpwdw=='] },
  { ...nobody, name: 'emil', headers: ['authorization', 'Bearer of-emil'] },
  { ...nobody, name: 'fay', headers: ['Cookie', 'session=fay'], byCookie: true },
  { ...nobody, name: 'gus', headers: ['cookie', 'theme=dark; session=gus'], byCookie: true },
]

export const identities: ReadonlyMap<string, Identity> = new Map(
  [...callers, ...visitors].map((one) => [one.name, one]),
)
