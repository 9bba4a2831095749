import { describe, expect, it } from 'vitest'
import type { Decision } from '#routes/decide.ts'
import type { Caller } from '#routes/messages.ts'
import type { AuthPolicy } from '#routes/policy.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { authenticate, type Finder } from '../../../gateway/auth/authenticate.ts'
import { authorise } from '../../../gateway/auth/authorise.ts'
import { Guesses } from '../../../gateway/auth/guesses.ts'
import { problems } from '../../../gateway/errors.ts'
import type { Exchange } from '../../../gateway/exchange.ts'
import { policy, route } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

const keyHeaders = new Set(['x-api-key', 'api-key'])
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const ours = `${encoded({ alg: 'RS256' })}.${encoded({ iss: 'ours' })}.c2ln`
const foreign = `${encoded({ alg: 'RS256' })}.${encoded({ iss: 'foreign' })}.c2ln`

interface Made {
  readonly clock?: HeldClock
  readonly tokens?: Finder
  readonly without?: 'jwt' | 'api-key'
}

function phases({ clock = new HeldClock(), tokens, without }: Made = {}) {
  const asked: string[] = []
  const counted: string[] = []
  const finder = (by: NonNullable<Caller['by']>, known: Readonly<Record<string, readonly string[]>>): Finder => ({
    recall: () => undefined,
    find: async (text) => {
      asked.push(`${by} ${text}`)
      const scopes = known[text]
      return scopes && { consumer: `${by}-owner`, scopes, by }
    },
  })
  const authenticated = authenticate({
    tokens: tokens ?? finder('token', { good: ['read'], both: ['read', 'admin'], [foreign]: [] }),
    apiKeys: without === 'api-key' ? undefined : finder('api-key', { key: ['read'] }),
    jwt: without === 'jwt' ? undefined : { ...finder('jwt', { [ours]: ['read'] }), isOurs: (token) => token === ours },
    keyHeaders,
    guesses: new Guesses(10, clock),
    count: (kind, outcome) => counted.push(`${kind} ${outcome}`),
  })
  const authorised = authorise(keyHeaders)
  const run = async (x: Exchange): Promise<Exchange> => {
    await authenticated.before?.(x)
    await authorised.before?.(x)
    return x
  }
  const outcome = (x: Exchange) =>
    run(x).then(
      () => x.caller?.consumer,
      ({ code, facts }) => `${code} ${facts.challenge ?? facts.retryAfterS}`,
    )
  return { run, outcome, asked, counted }
}

function asking(auth: 'public' | AuthPolicy, headers: readonly string[] = [], ...readings: ('public' | AuthPolicy)[]) {
  const routeOf = (one: 'public' | AuthPolicy) => route('/x', { policy: { ...policy, auth: one } })
  const x = exchangeOf(headers)
  x.decision = { route: routeOf(auth) } as unknown as Decision
  x.readings = readings.map(routeOf)
  return x
}

const bearer = (token: string) => ['Authorization', `Bearer ${token}`]
const needs = (any: AuthPolicy['any'], ...scopes: string[]): AuthPolicy => ({
  scopes,
  ...(any === undefined ? {} : { any }),
})

describe('a route takes the kinds of credential that it names', () => {
  it('and opaque tokens alone where it names none', async () => {
    const { outcome } = phases()

    expect(await outcome(asking(needs(undefined, 'read'), bearer('good')))).toBe('token-owner')
    expect(await outcome(asking(needs(undefined), ['X-Api-Key', 'key']))).toBe('token-missing Bearer')
    expect(await outcome(asking(needs(undefined), bearer(ours)))).toBe('token-invalid Bearer error="invalid_token"')
  })

  it('API keys, by any of their headers', async () => {
    const { outcome } = phases()
    const auth = needs(['api-key'], 'read')

    expect(await outcome(asking(auth, ['X-API-Key', 'key']))).toBe('api-key-owner')
    expect(await outcome(asking(auth, ['api-key', 'key']))).toBe('api-key-owner')
    expect(await outcome(asking(auth, ['api-key', 'other']))).toBe(
      'token-invalid ApiKey header="x-api-key", error="invalid_token"',
    )
    expect(await outcome(asking(auth, ['api-key', '']))).toMatch(/^token-invalid/)
    expect(await outcome(asking(auth, bearer('good')))).toBe('token-missing ApiKey header="x-api-key"')
  })

  it('JWTs, and tells them from opaque tokens by their issuer', async () => {
    const { outcome, asked } = phases()

    expect(await outcome(asking(needs(['jwt']), bearer(ours)))).toBe('jwt-owner')
    expect(await outcome(asking(needs(['jwt']), bearer('good')))).toBe('token-invalid Bearer error="invalid_token"')
    expect(await outcome(asking(needs(['jwt', 'token']), bearer(ours)))).toBe('jwt-owner')
    expect(await outcome(asking(needs(['jwt', 'token']), bearer('good')))).toBe('token-owner')
    // There are systems that hand out JWTs and keep them as opaque tokens.
    expect(await outcome(asking(needs(['jwt', 'token']), bearer(foreign)))).toBe('token-owner')
    expect(asked.filter((one) => one.startsWith('token'))).not.toContain(`token ${ours}`)
  })

  it('which is none, where the gateway is not set up for it', async () => {
    expect(await phases({ without: 'jwt' }).outcome(asking(needs(['jwt']), bearer(ours)))).toBe('token-missing Bearer')
    expect(await phases({ without: 'api-key' }).outcome(asking(needs(['api-key']), ['x-api-key', 'key']))).toBe(
      'token-missing Bearer',
    )
  })

  it('and tells in the challenge of each', async () => {
    const { outcome } = phases()

    expect(await outcome(asking(needs(['token', 'api-key'])))).toBe('token-missing Bearer, ApiKey header="x-api-key"')
    expect(await outcome(asking(needs(['api-key'], 'admin'), ['x-api-key', 'key']))).toBe(
      'scope-missing ApiKey header="x-api-key", error="insufficient_scope", scope="admin"',
    )
  })
})

describe('two credentials', () => {
  const twice: readonly (readonly string[])[] = [
    [...bearer('good'), ...bearer('good')],
    [...bearer('good'), 'x-api-key', 'key'],
    ['x-api-key', 'key', 'api-key', 'key'],
    ['x-api-key', 'key', 'X-API-KEY', 'key'],
    ['x-api-key', 'key', ...bearer('good')],
  ]
  it.each(twice)('are none that is valid: %s %s %s %s', async (...headers) => {
    const { outcome, asked } = phases()

    expect(await outcome(asking(needs(['token', 'api-key']), headers))).toMatch(/^token-invalid .*invalid_request/)
    expect(asked).toEqual([])
  })

  it('are one where the route does not take the other kind', async () => {
    const { outcome } = phases()

    expect(await outcome(asking(needs(['token']), [...bearer('good'), 'x-api-key', 'key']))).toBe('token-owner')
    expect(await outcome(asking(needs(['api-key']), ['x-api-key', 'key', 'authorization', 'Basic Zm9v']))).toBe(
      'api-key-owner',
    )
  })
})

describe('a path that a service may read as another route', () => {
  it('P6: must satisfy the guard of each reading, though its own route is public', async () => {
    const { outcome } = phases()

    expect(await outcome(asking('public', [], needs(undefined, 'admin')))).toBe('token-missing Bearer')
    expect(await outcome(asking('public', bearer('good'), needs(undefined, 'admin')))).toMatch(/^scope-missing/)
    expect(await outcome(asking('public', bearer('both'), needs(undefined, 'admin')))).toBe('token-owner')
  })

  it('P6: needs the scopes of all of them, and a kind of credential that all of them take', async () => {
    const { outcome } = phases()
    const [read, admin, keys] = [needs(undefined, 'read'), needs(undefined, 'admin'), needs(['api-key'])]

    expect(await outcome(asking(read, bearer('good'), 'public', admin))).toMatch(/^scope-missing/)
    expect(await outcome(asking(read, bearer('both'), 'public', admin))).toBe('token-owner')
    expect(await outcome(asking(read, bearer('both'), keys))).toBe('token-missing Bearer')
    expect(await outcome(asking(read, ['x-api-key', 'key'], keys))).toBe('token-missing Bearer')
    expect(await outcome(asking(needs(['token', 'api-key']), ['x-api-key', 'key'], keys))).toBe('api-key-owner')
  })

  it('P6: comes as it is when all of them are public', async () => {
    const { outcome, asked } = phases()

    expect(await outcome(asking('public', bearer('nobody'), 'public'))).toBeUndefined()
    expect(asked).toEqual([])
  })
})

describe('a look-up', () => {
  it('waits for nobody who is remembered', () => {
    const tokens: Finder = {
      recall: (text) => (text === 'good' ? { consumer: 'shop', scopes: [] } : 'unknown'),
      find: () => Promise.reject(new Error('asked')),
    }
    const x = asking(needs(undefined), bearer('good'))
    const phase = authenticate({
      tokens,
      apiKeys: undefined,
      jwt: undefined,
      keyHeaders,
      guesses: new Guesses(10, new HeldClock()),
      count: () => {},
    })

    expect(phase.before?.(x)).toBeUndefined()
    expect(x.caller?.consumer).toBe('shop')
    expect(() => phase.before?.(asking(needs(undefined), bearer('bad')))).toThrow(/credential/)
  })

  it('goes on for who was let in before, though somebody guesses behind the same address and no store is remembered', async () => {
    const { outcome, counted } = phases()
    expect(await outcome(asking(needs(undefined), bearer('good')))).toBe('token-owner')
    for (let guess = 0; guess < 20; guess++) await outcome(asking(needs(undefined), bearer(`guess-${guess}`)))

    expect(await outcome(asking(needs(undefined), bearer('good')))).toBe('token-owner')
    expect(await outcome(asking(needs(undefined), bearer('both')))).toBe('rate-limited 1')
    expect(counted.filter((one) => one === 'token limited')).toHaveLength(1)
  })

  it('is refused to an address that guesses, with 429 and never 401, and not to others nor to the remembered', async () => {
    const clock = new HeldClock()
    const { outcome, counted } = phases({ clock })
    for (let guess = 0; guess < 20; guess++) {
      expect(await outcome(asking(needs(undefined), bearer(`guess-${guess}`)))).toMatch(/^token-invalid/)
    }

    expect(await outcome(asking(needs(undefined), bearer('good')))).toBe('rate-limited 1')
    const elsewhere = asking(needs(undefined), bearer('good'))
    elsewhere.client = '10.9.9.9'
    expect(await outcome(elsewhere)).toBe('token-owner')
    clock.advance(100)
    expect(await outcome(asking(needs(undefined), bearer('good')))).toBe('token-owner')
    expect(counted.filter((one) => one === 'token unknown')).toHaveLength(20)
    expect(counted).toContain('token limited')
  })

  it('that cannot be made is no guess, and no 401', async () => {
    const tokens: Finder = {
      recall: () => undefined,
      find: () => Promise.reject(problems['auth-store-away']({ retryAfterS: 1 })),
    }
    const { outcome, counted } = phases({ tokens })
    for (let time = 0; time < 50; time++) {
      expect(await outcome(asking(needs(undefined), bearer('good')))).toBe('auth-store-away 1')
    }
    expect(new Set(counted)).toEqual(new Set(['token away']))
  })

  it('is told to an operator who asked, without the credential', async () => {
    const { run } = phases()
    const x = asking(needs(['token', 'api-key'], 'read'), bearer('good'))
    x.explained = {}

    await run(x)

    expect(x.explained).toEqual({
      authenticate: { takes: ['token', 'api-key'], by: 'token', from: 'known', consumer: 'token-owner' },
      authorise: { needs: ['read'], has: ['read'] },
    })
    expect(JSON.stringify(x.explained)).not.toContain('good')
  })
})
