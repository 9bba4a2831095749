/** What a case of the caching suite is: requests through a server, what its service answers, and what must be seen. */

/**
 * Lines as they stand on the wire. Dates are written in braces: `{now}`, `{now-10}`, `{rfc850+60}`, `{asctime+60}`; `{path}` and
 * `{url}` are the case's own.
 */
export type Lines = readonly string[]

export type Profile = 'strict' | 'api'

/** What the service answers when a step makes somebody ask it. */
export interface Reply {
  /** Default 200. */
  readonly status?: number
  /** Date stands by itself where no line names it, unless `date` is false. */
  readonly headers?: Lines
  readonly date?: false
  /** Default: `step N`, so that an answer tells where it comes from. Latin-1. */
  readonly body?: string
  readonly framing?: 'length' | 'chunked'
  readonly trailers?: Lines
  /** Before the first byte. */
  readonly delayMs?: number
  /** Interim answers before the final one. */
  readonly interim?: readonly { readonly status: number; readonly headers: Lines }[]
  /** The connection ends after so many bytes of the body. */
  readonly cutAfter?: number
  /** Bytes behind the end that the framing tells. */
  readonly surplus?: string
  /** The connection is reset and nothing is said. */
  readonly reset?: true
}

/** A text = the field's whole value, lines joined; a list = exactly these lines in order; null = not there; `not` = not so, if there. */
export type FieldWanted = string | RegExp | null | readonly string[] | { readonly not: RegExp }

export interface Wanted {
  /** The step whose reply the client gets; absent: this one. */
  readonly from?: number
  /** Requests that the service got in this step. Default: 1 where `from` is absent, else 0. */
  readonly asked?: number
  /** Default: that of the reply. */
  readonly status?: number | readonly number[]
  readonly fields?: Readonly<Record<string, FieldWanted>>
  /** Fields that must be those, line by line, of the reply that it comes from. */
  readonly same?: readonly string[]
  /** Exactly one Age, of so many seconds. */
  readonly age?: readonly [number, number]
  /** Default: that of the reply. */
  readonly body?: string
  /** The body is not looked at: it may be coded, or a part. */
  readonly anyBody?: true
  /** The answer breaks off. */
  readonly broken?: true
  /** Statuses of interim answers; default: not looked at. */
  readonly interim?: readonly number[]
  /** What the service was sent, by its last request of this step. */
  readonly sent?: Readonly<Record<string, FieldWanted>>
  /** Method and target of that request. */
  readonly sentLine?: RegExp
  /** Our member of Cache-Status; other servers are not asked for it. */
  readonly says?: RegExp
}

export interface Step {
  /** Seconds before it, beside the pause between all steps. */
  readonly afterS?: number
  readonly method?: string
  /** What stands behind the case's own path. */
  readonly at?: string
  /** Instead of the case's own path, behind the profile: a route of its own. */
  readonly route?: RouteName
  readonly send?: Lines
  readonly body?: string
  /** So many at once, each judged. */
  readonly times?: number
  /** By order of arrival; the last answers all further ones. */
  readonly reply?: Reply | readonly Reply[]
  readonly want?: Wanted
  /** Instead of a request: words of `:invalidate` on the internal listener. `{url}` and `{path}` as in lines. */
  readonly purge?: object
}

/** Why `api` does something else than `strict`. */
export const differences = {
  heuristic: 'freshness is never guessed: nothing is kept without a time that the service or the route states',
  'set-cookie': 'an answer that sets a cookie is for one client, whatever its service forgot to say',
  'request-directives': 'a client that could force validations could force any load on a service',
  authorization: 'the identity is part of the key, and the operator said for how long',
  operator: 'the times of the route count where the service states none, and with override also where it does',
  cookie: 'a cookie is a credential to whoever set it',
} as const
export type Difference = keyof typeof differences

export interface Case {
  /** Of the rule. */
  readonly id: string
  readonly name: string
  readonly route: RouteName
  readonly steps: readonly Step[]
  /** Where `api` is meant to differ: the reason, and what it must show instead. */
  readonly api?: { readonly because: Difference; readonly steps: readonly Step[] }
  /** HTTP leaves it open, or it is a thing of ours: other servers are not judged by it. */
  readonly ours: boolean
}

/** The cache blocks under which cases run; `cache-routes.ts` says what each is. */
export const routeNames = [
  'plain',
  'ttl',
  'override',
  'windows',
  'negative',
  'key-only',
  'key-except',
  'key-none',
  'key-sort',
  'key-fields',
  'ignore-cookies',
  'drop-set-cookie',
  'consumer',
  'consumer-silent',
  'nobody',
  'token',
  'shared',
  'tagged',
  'forward-tags',
  'targeted',
  'small',
  'hints',
  'transforms',
  'together',
  'dead',
  'none',
] as const
export type RouteName = (typeof routeNames)[number]

/** HTTP's own cases, though they have a route for themselves. */
const plainRoutes: ReadonlySet<RouteName> = new Set(['plain', 'hints', 'together'])

type Options = Partial<Pick<Case, 'route' | 'api' | 'ours'>>

export function testCase(id: string, name: string, steps: readonly Step[], options: Options = {}): Case {
  const route = options.route ?? 'plain'
  // What a cache block of ours says, nobody else can know.
  return { id, name, steps, ours: !plainRoutes.has(route), ...options, route }
}

/** A request alone. */
export type Ask = Omit<Step, 'reply'>

/** A step that the service answers with these lines. */
export function fill(headers: Lines, step: Ask & { reply?: Reply } = {}): Step {
  return { ...step, reply: { headers, ...step.reply } }
}

/** A step that is answered from the store, by what the first step brought. */
export function hit(step: Step = {}): Step {
  return { ...step, want: { from: 0, ...step.want } }
}

/** A step that reaches the service. */
export function asks(step: Step = {}): Step {
  return { reply: {}, ...step }
}

interface PairOptions extends Options {
  readonly send?: Lines
  readonly again?: Lines
  readonly reply?: Reply
  readonly want?: Wanted
  readonly afterS?: number
}

/** What this answer brought answers the same request again. */
export function reused(id: string, name: string, headers: Lines, options: PairOptions = {}): Case {
  return pair(id, name, headers, options, hit)
}

/** After this answer the service is asked again. */
export function askedAgain(id: string, name: string, headers: Lines, options: PairOptions = {}): Case {
  return pair(id, name, headers, options, asks)
}

/** Stored, but validated before it is used: the second request carries the stored tag. */
export function validated(id: string, name: string, headers: Lines, options: PairOptions = {}): Case {
  const want = { sent: { 'if-none-match': '"a"' }, ...options.want }
  return pair(id, name, [...headers, 'ETag: "a"'], { ...options, want }, asks)
}

function pair(
  id: string,
  name: string,
  headers: Lines,
  { send = [], again = send, reply = {}, want, afterS, ...options }: PairOptions,
  second: (step: Step) => Step,
): Case {
  const next = second({
    send: again,
    ...(want === undefined ? {} : { want }),
    ...(afterS === undefined ? {} : { afterS }),
  })
  return testCase(id, name, [fill(headers, { send, reply }), next], options)
}

/** The same case, whose last step reaches the service where `strict` answers from the store, or the reverse. */
export function differs(because: Difference, one: Case, ...steps: readonly Step[]): Case {
  const { steps: all } = one
  return { ...one, api: { because, steps: [...all.slice(0, all.length - steps.length), ...steps] } }
}
