import { hash } from 'node:crypto'
import type { LimitsPolicy, Rate } from '#routes/policy.ts'
import type { RouteFacts } from '#routes/structure.ts'
import { type CompiledRate, compileRate } from './gcra.ts'

export interface RouteRate {
  readonly rate: CompiledRate
  readonly count: number
  readonly windowS: number
}

/** A route's limits in the form that requests need them. */
export interface RouteLimits {
  readonly scope: 'site' | 'process'
  readonly whenAway: 'open' | 'closed'
  readonly perAddress: RouteRate | undefined
  readonly perConsumer: RouteRate | undefined
  readonly perRoute: RouteRate | undefined
  readonly quota: LimitsPolicy['quota']
  readonly maxInFlight: number | undefined
  /** Before each key of the route; in braces, so that a Redis cluster keeps all of a route in one slot. */
  readonly tag: string
}

const compiled = new WeakMap<RouteFacts, RouteLimits>()

/** Undefined for the many routes without limits. */
export function limitsOf(route: RouteFacts): RouteLimits | undefined {
  if (route.policy.limits === undefined) return undefined
  let limits = compiled.get(route)
  if (limits === undefined) {
    limits = compile(route.id, route.policy.limits)
    compiled.set(route, limits)
  }
  return limits
}

export function routeRate(rate: Rate): RouteRate
export function routeRate(rate: Rate | undefined): RouteRate | undefined
export function routeRate(rate: Rate | undefined): RouteRate | undefined {
  return rate && { rate: compileRate(rate), count: rate.count, windowS: Math.ceil(rate.windowMs / 1000) }
}

function compile(id: string, policy: LimitsPolicy): RouteLimits {
  const { scope = 'site', whenAway = 'open', perAddress, perConsumer, perRoute, quota, maxInFlight } = policy
  return {
    scope,
    whenAway,
    perAddress: routeRate(perAddress),
    perConsumer: routeRate(perConsumer),
    perRoute: routeRate(perRoute),
    quota,
    maxInFlight,
    // Short and of harmless letters: ids hold braces, which would name the slot themselves.
    tag: `{${hash('sha256', id, 'base64url').slice(0, 16)}}`,
  }
}
